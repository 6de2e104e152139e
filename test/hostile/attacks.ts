/**
 * What clients do that mean harm, each for as long as it is let. An attack says that it has begun when
 * the server has had its first taste of it.
 */
import { createConnection } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { createClientIdentity, FileClient, Session } from '../../client/index.ts';
import { NicError, Opcode } from '../../nic/index.ts';
import { SharedSegment } from '../../nic/mapped-memory.ts';
import { MessageType } from '../../nic/messages.ts';
import { addSeals, createMemoryFile, createSocket, Seal } from '../../nic/system-calls.ts';
import { PAGE_BYTES } from '../../nic/system-calls-memory.ts';
import { connectSocketTo, sendMessage } from '../../nic/unix-socket.ts';
import { Random } from '../support/random.ts';
import { RawPeer } from '../unit/nic/raw-peer.ts';
import { ChannelLost, RawFabric } from '../unit/server/support/raw-channel.ts';
import { RawClient } from './raw-client.ts';

export type Attack = (path: string, begun: () => void) => Promise<void>;

const MIB = 1 << 20;

/** Carries on with what the server has put an end to. */
function unlessLost(action: () => void): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if (error instanceof ChannelLost || error instanceof NicError) {
      return false;
    }
    throw error;
  }
}

/** Sends and sends, and never takes an answer; whoever is thrown out comes again. */
async function neverListens(path: string, begun: () => void): Promise<void> {
  const fabric = new RawFabric();
  for (let count = 0; ; count += 1) {
    const client = new RawClient(fabric, path);
    client.connect({ clientIdString: Buffer.from(`deaf ${process.pid} ${count}`) });
    const message = client.encode('NULL', {});
    for (let sent = 0; sent < 2000; sent += 1) {
      unlessLost(() => client.channel.send(message));
    }
    begun();
    await pause(5);
    client.close();
  }
}

/** As many long reads under way as there are credits, over many sessions. */
async function floods(path: string, begun: () => void): Promise<void> {
  const flooders = Array.from({ length: 6 }, (_, index) => {
    const identity = createClientIdentity();
    const session = Session.connect(path, { identity, maximumRequests: 64 });
    const files = new FileClient(session);
    const creation = { mode: 'unchecked', attributes: { mode: 0o600 } } as const;
    const name = Buffer.from(`flood ${index}`);
    const file = files.open(files.root, name, 'both', creation);
    const buffer = session.allocateBuffer(MIB, 'both');
    files.writeRegistered(file, 0, buffer, 0, MIB);
    return { session, files, file, buffer };
  });
  begun();
  for (;;) {
    const requests = flooders.map(({ files, file, buffer, session }) =>
      Array.from({ length: session.terms.maximumRequests }, () =>
        files.submitRead(file, 0, buffer, 0, MIB),
      ),
    );
    for (const [index, { session }] of flooders.entries()) {
      for (const request of requests[index] ?? []) {
        session.wait(request);
      }
    }
    await pause(0);
  }
}

/** Connects without a word, with half a greeting, and with one that is none, over and over. */
async function saysHalf(path: string, begun: () => void): Promise<void> {
  const random = new Random(1);
  const open: RawPeer[] = [];
  for (let count = 0; ; count += 1) {
    unlessLost(() => {
      const peer = new RawPeer(path);
      open.push(peer);
      const half = (parts: { descriptors: number[] }) => parts.descriptors.splice(random.below(4));
      const [silence, greeting, noise, whole] = [
        () => undefined,
        () => peer.greet(half),
        () => peer.sayRaw(random.bytes(1 + random.below(200)), [0]),
        () => peer.greet(),
      ] as const;
      random.pick([silence, greeting, noise, whole])();
    });
    if (open.length > 40) {
      open.splice(random.below(open.length), 1)[0]?.close();
      await pause(1);
    }
    if (count === 100) {
      begun();
    }
  }
}

/** A session like any other, which dies with its requests half written and half executed. */
async function dies(path: string, begun: () => void): Promise<void> {
  const session = Session.connect(path, { maximumRequests: 64 });
  const files = new FileClient(session);
  const creation = { mode: 'unchecked', attributes: { mode: 0o600 } } as const;
  const file = files.open(files.root, Buffer.from('half'), 'both', creation);
  const buffer = session.allocateBuffer(MIB, 'both');
  for (let count = 0; count < session.terms.maximumRequests - 1; count += 1) {
    files.submitWrite(file, count * MIB, buffer, 0, MIB);
  }
  begun();
  await pause(20);
  process.kill(process.pid, 'SIGKILL');
}

/** Writes anything into its own ring, table and state words, and closes its memory under the server. */
async function corrupts(path: string, begun: () => void): Promise<void> {
  const random = new Random(2);
  const memory = new SharedSegment('hostile', PAGE_BYTES, 'write');
  const uneven = createMemoryFile('uneven', PAGE_BYTES + 1);
  addSeals(uneven, Seal.SHRINK);
  const word = () => (random.oneIn(2) ? random.below(8) : random.below(2 ** 32) | 0);
  for (let count = 0; ; count += 1) {
    const peer = new RawPeer(path);
    peer.greet();
    peer.share(3, memory);
    unlessLost(() => {
      // Of no whole number of words, let alone pages.
      const segments = [{ id: 4, bytes: PAGE_BYTES + 1, writable: false }];
      peer.say({ type: MessageType.SEGMENT, segments }, [uneven]);
    });
    for (let turn = 0; turn < 20; turn += 1) {
      peer.publish(turn, random.oneIn(2) ? Opcode.SEND : word(), word(), word());
      peer.words[random.below(48)] = word();
      peer.table.memory.words[random.below(peer.table.memory.words.length)] = word();
      unlessLost(() => peer.say({ type: random.pick([4, 5, MessageType.HELLO]) }));
    }
    if (count === 20) {
      begun();
    }
    await pause(1);
    peer.close();
  }
}

/** Has the server map segments without end. */
async function hoards(path: string, begun: () => void): Promise<void> {
  const memory = new SharedSegment('hoard', PAGE_BYTES, 'read');
  const ids = Array.from({ length: 100 }, (_, index) => index);
  for (let count = 0; count < 100; count += 1) {
    const peer = new RawPeer(path);
    let isOpen = unlessLost(() => peer.greet());
    for (let first = 0; isOpen && first < 4000; first += ids.length) {
      const segments = ids.map((id) => ({ id: first + id, bytes: PAGE_BYTES, writable: false }));
      const descriptors = ids.map(() => memory.descriptor);
      // The socket is full until the server has looked at it again.
      for (let isSaid = false; isOpen && !isSaid; ) {
        isOpen = unlessLost(() => {
          isSaid = peer.say({ type: MessageType.SEGMENT, segments }, descriptors);
        });
        await pause(isSaid ? 0 : 5);
      }
    }
    if (count === 20) {
      begun();
    }
  }
  await pause(600_000);
}

/** Comes and goes without a pause, and takes more connections than it may have. */
async function crowds(path: string, begun: () => void): Promise<void> {
  const fabric = new RawFabric();
  const clients: RawClient[] = [];
  for (;;) {
    if (!unlessLost(() => clients.push(new RawClient(fabric, path)))) {
      begun();
      await pause(5);
      for (const client of clients.splice(0, 50)) {
        client.close();
      }
    }
  }
}

/** Descriptors over the socket of somebody who never greets. */
async function sendsDescriptors(path: string, begun: () => void): Promise<void> {
  for (let count = 0; ; count += 1) {
    const socket = createSocket();
    unlessLost(() => {
      connectSocketTo(socket, path);
      sendMessage(socket, new Uint8Array(1), Array(100).fill(socket));
    });
    if (count === 50) {
      begun();
      await pause(600_000);
    }
  }
}

/** Asks for the status without end, over many control connections, and reads no answer. */
async function nags(path: string, begun: () => void): Promise<void> {
  const questions = '{"command":"status"}\n'.repeat(1000);
  const nag = () => {
    const socket = createConnection(path.replace(/fabric$/, 'control')).pause();
    const ask = () => socket.write(questions);
    socket.on('connect', ask).on('drain', ask);
    socket.on('error', () => undefined).on('close', nag);
  };
  for (let count = 0; count < 8; count += 1) {
    nag();
  }
  await pause(200);
  begun();
  await pause(600_000);
}

/** By name, as a process is started with it. */
export const attacks: Readonly<Record<string, Attack>> = {
  neverListens,
  floods,
  saysHalf,
  dies,
  corrupts,
  hoards,
  crowds,
  sendsDescriptors,
  nags,
};
