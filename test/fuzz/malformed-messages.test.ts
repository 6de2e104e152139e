/**
 * Messages of every kind of wrongness against a living server, while another client works: whatever
 * comes, the server answers or ends that connection, the other client notices nothing, and the
 * database is consistent afterwards. `DAFS_FUZZ_MESSAGES` and `DAFS_FUZZ_SEED` repeat or prolong it.
 */
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Session } from '../../client/index.ts';
import { HEADER_BYTES } from '../../client/protocol/codec.ts';
import {
  decodeResponseHeader,
  encodeRequestHeader,
  RequestHeader,
  ResponseHeader,
} from '../../client/protocol/headers.ts';
import { MessageBuffer } from '../../client/protocol/message-buffer.ts';
import { operations } from '../../client/protocol/operations.ts';
import { statusName } from '../../client/protocol/status.ts';
import type { Filehandle, SessionId, StateId } from '../../client/protocol/types.ts';
import type { NicError } from '../../nic/index.ts';
import { type FileId, FileType, rootId, Store } from '../../server/store/index.ts';
import { Random } from '../support/random.ts';
import { type ServerProcess, Workspace } from '../support/workspace.ts';
import { openArguments, unchecked } from '../unit/server/support/files.ts';
import { ChannelLost, RawChannel, RawFabric } from '../unit/server/support/raw-channel.ts';
import { connectArguments } from '../unit/server/support/test-server.ts';
import { fuzzMessage, type Knowledge } from './support/messages.ts';

const MESSAGES = Number(process.env.DAFS_FUZZ_MESSAGES ?? 12_000);
const SEED = Number(process.env.DAFS_FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));
/** Messages between two looks at the other client. */
const CHECK_INTERVAL = 500;
/** Messages that one session takes before a fresh one has its turn. */
const MESSAGES_PER_CHANNEL = 300;
const LIMIT_MS = 240_000;

const contents = Buffer.from('what the other client wrote');

let workspace: Workspace;
let server: ServerProcess;
let fabric: RawFabric;

beforeAll(async () => {
  workspace = Workspace.create();
  server = await workspace.startServer();
  fabric = new RawFabric();
});
afterAll(async () => {
  fabric.close();
  await workspace.dispose();
});

/** The client that must not notice anything: nobody else may touch its file. */
class Bystander {
  readonly #session = Session.connect(server.fabricSocket);
  readonly #file: { filehandle: Filehandle; stateId: StateId };

  constructor() {
    const { rootHandle } = this.#session.call(operations.GET_ROOT_HANDLE, {});
    const { filehandle, stateId } = this.#session.call(
      operations.OPEN,
      openArguments(rootHandle, 'bystander', {
        open: unchecked({ mode: 0o600 }),
        shareDeny: 3,
        deleteDisp: 1,
      }),
    );
    this.#file = { filehandle: filehandle.slice() as Filehandle, stateId };
    this.#session.call(operations.WRITE_INLINE, {
      ...this.#file,
      offset: 0,
      stableHow: 0,
      writePadded: false,
      cacheHint: 0,
      data: contents,
    });
  }

  check(): void {
    this.#session.call(operations.NULL, {});
    const { readData, eof } = this.#session.call(operations.READ_INLINE, {
      ...this.#file,
      offset: 0,
      byteCount: 100,
      cacheHint: 0,
    });
    expect(Buffer.from(readData).equals(contents)).toBe(true);
    expect(eof).toBe(true);
  }

  close(): void {
    this.#session.close();
  }
}

/** A session that is all right until its messages are not. */
class Attacker {
  readonly channel = new RawChannel(fabric, server.fabricSocket);
  readonly littleEndian: boolean;
  known: Knowledge;

  constructor(random: Random, serial: number) {
    this.littleEndian = random.oneIn(2);
    const { rkey, address, bytes } = fabric.shared;
    const memory = { address, byteCount: bytes, handle: rkey };
    const nothing = { filehandles: [new Uint8Array(64) as Filehandle], stateIds: [0n as StateId] };
    this.known = { ...nothing, sessionId: 0n as SessionId, memory };
    // Some never get as far as a session.
    if (!random.oneIn(4)) {
      this.#connect(serial);
    }
  }

  #connect(serial: number): void {
    const { sessionId } = this.#call('CLIENT_CONNECT_AUTH', {
      ...connectArguments,
      maxRequestSize: 8192,
      maxRequests: 4,
      clientIdString: Buffer.from(`attacker ${serial}`),
    });
    const { rootHandle } = this.#call('GET_ROOT_HANDLE', {});
    const opened = this.#call(
      'OPEN',
      // Other names than random messages use: what those leave there need not be a file.
      openArguments(rootHandle, `attacker-${serial}`, { open: unchecked() }),
    );
    const { filehandle: directory } = this.#call('OPENATTR', { filehandle: opened.filehandle });
    const attribute = this.#call('OPEN', openArguments(directory, 'a', { open: unchecked({}) }));
    this.known = {
      ...this.known,
      sessionId,
      filehandles: [rootHandle, opened.filehandle, directory, attribute.filehandle],
      stateIds: [opened.stateId, attribute.stateId],
    };
  }

  // biome-ignore lint/suspicious/noExplicitAny: the procedures of one short prologue.
  #call(name: keyof typeof operations, args: any): any {
    const operation = operations[name];
    const message = MessageBuffer.allocate(4096, { littleEndian: this.littleEndian });
    operation.arguments.encode(message, args as never);
    encodeRequestHeader(message, {
      ...new RequestHeader(),
      protocolVersion: 1,
      procedure: operation.procedure,
    });
    const response = this.exchange(message.bytes.slice(0, message.length));
    expect([name, statusOf(response)]).toEqual([name, 'DAFS_STATUS_OK']);
    return operation.results.decode(response);
  }

  /** Sends a message and takes the answer. @throws ChannelLost */
  exchange(message: Uint8Array): MessageBuffer {
    this.channel.send(message);
    const answer = this.channel.receive();
    const response = MessageBuffer.allocate(answer.length, { littleEndian: this.littleEndian });
    response.bytes.set(answer);
    response.length = answer.length;
    return response;
  }
}

/** The status of an answer, in whatever byte order it came. */
function statusOf(response: MessageBuffer): string {
  const header = new ResponseHeader();
  expect(response.length).toBeGreaterThanOrEqual(HEADER_BYTES);
  response.littleEndian = response.bytes[0] === 0x52;
  decodeResponseHeader(response, header);
  return statusName(header.status) ?? `status ${header.status}`;
}

describe('a living server', () => {
  it(
    `survives ${MESSAGES} messages (seed ${SEED})`,
    () => {
      const random = new Random(SEED);
      const bystander = new Bystander();
      const statuses = new Map<string, number>();
      let lost = 0;
      let attacker = new Attacker(random, 0);
      for (let sent = 1; sent <= MESSAGES; sent += 1) {
        try {
          const message = fuzzMessage(random, attacker.known, attacker.littleEndian);
          const status = statusOf(attacker.exchange(message));
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
        } catch (error) {
          if (!(error instanceof ChannelLost)) {
            throw error;
          }
          lost += 1;
        }
        if (attacker.channel.isLost || sent % MESSAGES_PER_CHANNEL === 0) {
          attacker.channel.close();
          attacker = new Attacker(random, sent);
        }
        if (sent % CHECK_INTERVAL === 0) {
          bystander.check();
        }
      }
      attacker.channel.close();
      bystander.check();
      bystander.close();
      // A fuzzer that only ever hears one answer tests nothing.
      expect(statuses.get('DAFS_STATUS_OK') ?? 0).toBeGreaterThan(MESSAGES / 100);
      expect(statuses.get('DAFSERR_INVAL') ?? 0).toBeGreaterThan(MESSAGES / 20);
      expect(statuses.size).toBeGreaterThan(12);
      expect(lost).toBeLessThan(MESSAGES / 10);
      expect(statuses.get('DAFSERR_SERVERFAULT')).toBeUndefined();
    },
    LIMIT_MS,
  );

  it('ends a client that takes no answers, or sends more than was agreed', () => {
    const deaf = new Attacker(new Random(1), 1);
    for (let attempt = 0; attempt < 600; attempt += 1) {
      try {
        deaf.channel.send(new Uint8Array(64));
      } catch (error) {
        // The server takes time, or takes nothing any more.
        expect((error as NicError).code).toBe('QUEUE_FULL');
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
      }
    }
    const takeAll = () => {
      for (let taken = 0; taken < 400; taken += 1) {
        deaf.channel.receive();
      }
    };
    expect(takeAll).toThrow(ChannelLost);

    const verbose = new Attacker(new Random(3), 3);
    verbose.channel.send(new Uint8Array(60_000));
    expect(() => verbose.channel.receive()).toThrow(ChannelLost);
    for (const { channel } of [deaf, verbose]) {
      channel.close();
    }
    const polite = new Attacker(new Random(5), 5);
    expect(polite.known.stateIds[0]).not.toBe(0n);
    polite.channel.close();
  });

  it('leaves a consistent database behind', async () => {
    await server.stop();
    const database = new Database(server.database, { readonly: true });
    expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
    database.close();
    const store = Store.open(server.database, { create: false });
    const links = new Map<FileId, number>();
    const visit = (directory: FileId): void => {
      store.readDirectory(directory, 0, (_name, id) => {
        const inode = store.inode(id);
        expect(inode).toBeDefined();
        links.set(id, (links.get(id) ?? 0) + 1);
        if (inode?.type === FileType.DIRECTORY) {
          expect(inode.parent).toBe(directory);
          visit(id);
        }
        return true;
      });
    };
    visit(rootId);
    for (const [id, count] of links) {
      const inode = store.inode(id);
      const isDirectory = inode?.type === FileType.DIRECTORY;
      expect(isDirectory ? 1 : inode?.nlink).toBe(count);
    }
    // The root itself has no name; whatever has none else is gone.
    expect(store.statistics().files).toBe(links.size + 1);
    store.close();
  }, 60_000);
});
