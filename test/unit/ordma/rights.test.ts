/** What a client may still not do when it reads the cache by itself, and when it may not at all. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ExportedBlocks } from '../../../client/exported-blocks.ts';
import {
  createClientIdentity,
  type DafsError,
  Extension,
  FileClient,
  type FileReference,
  type OpenFile,
  Session,
  type SessionOptions,
  type StateId,
} from '../../../client/index.ts';
import { askRequests, askStatus } from '../../support/control.ts';
import { driverTable } from '../../support/drivers.ts';
import { until } from '../../support/run.ts';
import { type ServerProcess, Workspace } from '../../support/workspace.ts';

const LIMIT_MS = 90_000;
const CONTENT = Buffer.alloc(100_000, 'content ');
const WHOLE = 'the content';
const CACHE = '16M';
const CACHE_BYTES = 16 << 20;
const name = (text: string) => new TextEncoder().encode(text);

let workspace: Workspace;
let server: ServerProcess;
const clients: Client[] = [];

/** A session with what reads files through it. */
class Client {
  readonly session: Session;
  readonly files: FileClient;
  readonly reader: ExportedBlocks | undefined;

  constructor(options: SessionOptions = {}) {
    const extensions = [Extension.ORDMA];
    this.session = Session.connect(server.fabricSocket, { extensions, ...options });
    this.files = new FileClient(this.session);
    this.reader = this.files.exported.blocks;
    clients.push(this);
  }

  open(access: 'read' | 'write' | 'both' = 'both'): OpenFile {
    const creation = { mode: 'unchecked', attributes: { mode: 0o600 } } as const;
    return this.files.open(this.files.root, name('file'), access, creation);
  }

  /** Reads however it can: WHOLE, what else there was, or the name of the error. */
  read(file: FileReference): Buffer | string {
    const into = Buffer.alloc(CONTENT.length + 1);
    try {
      const read = into.subarray(0, this.files.read(file, 0, into));
      return read.equals(CONTENT) ? WHOLE : read;
    } catch (error) {
      return (error as DafsError).code;
    }
  }

  /** Whether a read needs no message. */
  readsByItself(file: FileReference): boolean {
    const { buffer } = this.session.transfers;
    return this.reader?.read(file, 0, buffer, 0, CONTENT.length) === CONTENT.length;
  }
}

beforeEach(async () => {
  workspace = Workspace.create();
  server = await workspace.startServer();
});

afterEach(async () => {
  for (const { session } of clients.splice(0)) session.close();
  await workspace.dispose();
});

/** A client with the file open and listed. */
function clientWithFile(options?: SessionOptions): { client: Client; file: OpenFile } {
  const client = new Client(options);
  const file = client.open();
  client.files.write(file, 0, CONTENT);
  expect(client.readsByItself(file)).toBe(false);
  expect(client.read(file)).toBe(WHOLE);
  return { client, file };
}

describe('a client that reads the cache', { timeout: LIMIT_MS }, () => {
  it('sends no message for what it finds there', async () => {
    const { client, file } = clientWithFile();
    const before = await askRequests(workspace, server.name);
    for (let count = 0; count < 1000; count += 1) expect(client.read(file)).toBe(WHOLE);
    const after = await askRequests(workspace, server.name);
    expect(after - before).toBeLessThan(10);
  });

  it('keeps what it reads in the cache, though the server serves only others', async () => {
    await server.stop();
    server = await workspace.startServer({ options: ['--cache', CACHE] });
    const { client, file } = clientWithFile();
    const other = client.files.open(client.files.root, name('other'), 'both', {
      mode: 'guarded',
      attributes: {},
    });
    const piece = Buffer.alloc(CACHE_BYTES / 4, 1);
    const requests = () => askRequests(workspace, server.name);
    for (let written = 0; written < 1.25 * CACHE_BYTES; written += piece.length) {
      const before = await requests();
      await until('the server was told', LIMIT_MS, async () => {
        expect(client.readsByItself(file)).toBe(true);
        return (await requests()) > before;
      });
      client.files.write(other, written, piece);
      client.files.commit(other.handle);
    }
    expect(client.readsByItself(file)).toBe(true);
  });

  it('needs an open for reading, of this file and not yet closed', () => {
    const { client, file } = clientWithFile();
    const writeOnly = client.open('write');
    const closed = client.open('read');
    expect(client.read(closed)).toBe(WHOLE);
    client.files.close(closed);
    const other = client.files.open(client.files.root, name('other'), 'both', {
      mode: 'guarded',
      attributes: {},
    });
    expect(client.readsByItself(file)).toBe(true);
    expect(client.read(writeOnly)).toBe('DAFSERR_ACCES');
    expect(client.read(closed)).toBe('DAFSERR_BAD_STATEID');
    const ofOther = { handle: file.handle, stateId: other.stateId };
    expect(client.read(ofOther)).toBe('DAFSERR_BAD_STATEID');
    const invented = { handle: file.handle, stateId: (file.stateId + 1000n) as StateId };
    expect(client.read(invented)).toBe('DAFSERR_BAD_STATEID');
    const anonymous = { handle: file.handle, stateId: 0n as StateId };
    expect(client.readsByItself(anonymous)).toBe(false);
  });

  it('loses the right with the open, whichever session gives it up', () => {
    const identity = createClientIdentity();
    const { client, file } = clientWithFile({ identity });
    const second = new Client({ identity });
    const [one, two] = [client.open('both'), client.open('read')];
    for (const each of [client, second]) {
      for (const open of [file, one, two]) expect(each.readsByItself(open)).toBe(true);
    }
    second.files.downgrade(one, 'write');
    second.files.close(two);
    expect(client.read(one)).toBe('DAFSERR_ACCES');
    expect(client.read(two)).toBe('DAFSERR_BAD_STATEID');
    expect(client.readsByItself(file)).toBe(true);
  });

  it('leaves the access time as any reader does', async () => {
    const { client, file } = clientWithFile();
    const { files } = client;
    const accessTime = () => files.getattr(file.handle).accessTime;
    const first = accessTime();
    expect(client.read(file)).toBe(WHOLE);
    expect(accessTime()).toEqual(first);
    const changes: (() => void)[] = [
      () => files.setattr(file.handle, { mode: 0o644 }),
      () => files.write(file, 10, CONTENT.subarray(10, 20)),
      () => files.link(file.handle, files.root, name('second')),
      () => files.setattr(file.handle, { sizeBytes: CONTENT.length }, file.stateId),
    ];
    for (const change of changes) {
      const before = accessTime();
      change();
      expect(accessTime()).toEqual(before);
      expect(client.read(file)).toBe(WHOLE);
      expect(accessTime()).not.toEqual(before);
      expect(client.readsByItself(file)).toBe(true);
    }
  });

  it('reads what the server has not written to its database yet, and nothing that is gone', () => {
    const { client, file } = clientWithFile();
    const writer = new Client();
    const same = writer.open();
    for (let round = 1; round < 50; round += 1) {
      writer.files.write(same, 0, CONTENT.fill(round));
      expect(client.read(file)).toBe(WHOLE);
      expect(client.readsByItself(file)).toBe(true);
    }
    writer.files.setattr(same.handle, { sizeBytes: 5 }, same.stateId);
    expect(client.readsByItself(file)).toBe(false);
    expect(client.read(file)).toHaveLength(5);
    CONTENT.fill('content ');
  });

  it('fails as everybody does when the server dies', async () => {
    const { client, file } = clientWithFile();
    await server.kill();
    await until('the reader notices', LIMIT_MS, () => client.read(file) === 'CONNECTION_LOST');
    expect(client.readsByItself(file)).toBe(false);
  });

  it('fails when the server ends its session', async () => {
    const identity = createClientIdentity();
    const { client, file } = clientWithFile({ identity });
    // The client starts anew, and its former sessions are over.
    new Client({
      identity: { ...identity, verifier: ((identity.verifier as bigint) + 1n) as never },
    });
    await until('the reader notices', LIMIT_MS, () => !client.readsByItself(file));
    expect(client.read(file)).toBe('CONNECTION_LOST');
  });

  it('is none with checksums, or when it did not ask', () => {
    const { file } = clientWithFile();
    for (const options of [{ checksums: true }, { extensions: [] }]) {
      const client = new Client(options);
      expect(client.reader).toBeUndefined();
      const own = client.open('read');
      expect(client.read(own)).toBe(WHOLE);
      expect(own.stateId).not.toBe(file.stateId);
    }
  });

  it('is none where the server does not export its cache', async () => {
    server = await workspace.startServer({ options: ['--no-ordma'] });
    const client = new Client();
    expect(client.session.extensions.has(Extension.ORDMA)).toBe(false);
    const file = client.open();
    client.files.write(file, 0, CONTENT);
    expect(client.read(file)).toBe(WHOLE);
    expect(client.reader).toBeUndefined();
  });
});

describe.each(driverTable)('a mount through $name', { timeout: LIMIT_MS }, ({ name: driver }) => {
  it.each([
    ['reads the cache', [], true],
    ['does not with noordma', ['noordma'], false],
  ])('%s', async (_, options, expected) => {
    const { directory } = await workspace.startMount({
      source: `dafs:${server.name}`,
      driver,
      options,
    });
    await workspace.succeed('sh', [
      '-c',
      `echo content > ${directory}/file; cat ${directory}/file`,
    ]);
    const { sessions } = await askStatus(workspace, server.name);
    const reads = sessions.map(({ extensions }) => extensions.includes(Extension.ORDMA));
    // A mount may have sessions that read nothing, which need not ask for it.
    expect(reads.length).toBeGreaterThan(0);
    expect(reads.includes(true)).toBe(expected);
  });
});
