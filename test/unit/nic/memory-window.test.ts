/** Memory that one peer alone may read, and reading it without a work request for each time. */
import { readdirSync, readlinkSync } from 'node:fs';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import {
  Access,
  Listener,
  type MemoryWindow,
  Opcode,
  QueuePairState,
  type RemoteRegion,
  WcStatus,
} from '../../../nic/index.ts';
import { SharedSegment } from '../../../nic/mapped-memory.ts';
import { MessageType } from '../../../nic/messages.ts';
import { PAGE_BYTES } from '../../../nic/system-calls-memory.ts';
import { RawPeer } from './raw-peer.ts';
import {
  atEnd,
  cleanUp,
  completionsOf,
  connectPair,
  createArena,
  expectCode,
  openSide,
  piece,
  rdmaOf,
  type Side,
  socketPath,
} from './support.ts';

afterEach(cleanUp);

const { SUCCESS, REM_ACCESS_ERR, LOC_PROT_ERR } = WcStatus;
const BYTES = 2 * PAGE_BYTES;

/** An owner of memory with two peers, one of which it opens a window to. */
function opened() {
  const owner = openSide();
  const stranger = openSide();
  const reader = openSide();
  const queue = owner.context.createCompletionQueue(16);
  const second = owner.domain.createQueuePair({
    sendCq: queue,
    receiveCq: queue,
    maxSendWr: 4,
    maxReceiveWr: 4,
    maxMessageBytes: 64,
  });
  connectPair(reader.queuePair, owner.queuePair);
  connectPair(stranger.queuePair, second);
  const arena = createArena(BYTES, 'read');
  const region = owner.domain.registerMemory(arena, 0, BYTES, Access.LOCAL_WRITE | Access.MW_BIND);
  for (let at = 0; at < BYTES; at++) arena.memory[at] = at * 7;
  const window = owner.queuePair.bindWindow(region);
  return { owner, reader, stranger, arena, region, window };
}

const importOf = (side: Side, { rkey, address, bytes }: MemoryWindow): RemoteRegion =>
  side.queuePair.importRegion(rkey, address, bytes);

/** Mappings of arenas in this process; all sides of a test live in it. */
const mappedArenas = (): number =>
  readdirSync('/proc/self/map_files').filter((range) => {
    const target = readlinkSync(`/proc/self/map_files/${range}`);
    return target.includes('dafs-arena');
  }).length;

describe('a memory window', () => {
  test('lets the peer of its queue pair read', () => {
    const { reader, window, arena } = opened();
    const sgList = [piece(reader, 0, 64)];
    const remoteAddress = window.address + 100;
    const more = { rkey: window.rkey, remoteAddress, sgList };
    reader.queuePair.postSend(rdmaOf(reader, reader, Opcode.RDMA_READ, 1, more));
    expect(completionsOf(reader.queue)).toMatchObject([{ status: SUCCESS, byteLength: 64 }]);
    const expected = arena.memory.subarray(100, 164);
    expect(reader.arena.memory.subarray(0, 64)).toEqual(expected);
  });

  test('admits reads only', () => {
    const { reader, window } = opened();
    const { rkey, address } = window;
    const { queuePair } = reader;
    expect(queuePair.checkRemote(rkey, address, 8, Access.REMOTE_READ)).toBe(true);
    expect(queuePair.checkRemote(rkey, address, 8, Access.REMOTE_WRITE)).toBe(false);
    expect(queuePair.checkRemote(rkey, address, 8, Access.REMOTE_ATOMIC)).toBe(false);
  });

  test('is closed to every other peer, which cannot map the memory either', () => {
    const { reader, stranger, window } = opened();
    const { rkey, address } = window;
    const before = mappedArenas();
    expect(stranger.queuePair.checkRemote(rkey, address, 8, Access.REMOTE_READ)).toBe(false);
    expectCode(() => importOf(stranger, window), 'REM_ACCESS_ERR');
    expect(mappedArenas()).toBe(before);
    importOf(reader, window);
    expect(mappedArenas()).toBe(before + 1);
  });

  test('ends with the connection', () => {
    const { owner, reader, region, window } = opened();
    const imported = importOf(reader, window);
    expect(imported.isReadable()).toBe(true);
    expectCode(() => region.deregister(), 'BUSY');
    owner.queuePair.modify(QueuePairState.ERR);
    expect(imported.isReadable()).toBe(false);
    region.deregister();
  });

  test('needs a connection, and a region of the same domain that allows windows', () => {
    const { owner, stranger } = opened();
    expectCode(() => openSide().queuePair.bindWindow(owner.region), 'QP_STATE');
    expectCode(() => owner.queuePair.bindWindow(owner.region), 'INVALID_ARGUMENT');
    expectCode(() => owner.queuePair.bindWindow(stranger.region), 'INVALID_ARGUMENT');
  });

  test('may be bound twice, and to memory that everybody may read', () => {
    const { owner, reader, stranger, region } = opened();
    const twice = [owner.queuePair.bindWindow(region), owner.queuePair.bindWindow(region)];
    for (const window of twice) expect(importOf(reader, window).isReadable()).toBe(true);
    const { arena } = region;
    const open = owner.domain.registerMemory(arena, 0, BYTES, Access.REMOTE_READ);
    const { rkey, address } = open;
    for (const side of [reader, stranger]) {
      expect(side.queuePair.importRegion(rkey, address, BYTES).isReadable()).toBe(true);
    }
  });
});

describe('imported memory', () => {
  test('is read like memory of our own', () => {
    const { reader, window, arena } = opened();
    const imported = importOf(reader, window);
    const words = new Int32Array(arena.memory.buffer);
    const floats = new Float64Array(arena.memory.buffer);
    floats[9] = 2 ** 53 - 1;
    expect([imported.word(5), imported.wordAfterReads(6)]).toEqual([words[5], words[6]]);
    expect(imported.float(9)).toBe(2 ** 53 - 1);
    expect(imported.read(33, reader.region, 1000, 4097)).toBe(SUCCESS);
    const copied = reader.arena.memory.subarray(1000, 1000 + 4097);
    expect(Buffer.compare(copied, arena.memory.subarray(33, 33 + 4097))).toBe(0);
  });

  test('ends where the range ends, whatever is asked for', () => {
    const { reader, window } = opened();
    const { rkey, address } = window;
    const imported = reader.queuePair.importRegion(rkey, address + 64, 128);
    const number = fc.oneof(
      fc.integer(),
      fc.double(),
      fc.constantFrom(0, 1, 31, 32, 127, 128, 129, -1, Number.NaN, 2 ** 53),
    );
    reader.arena.memory.fill(1);
    fc.assert(
      fc.property(number, number, number, (offset, target, length) => {
        const isInside =
          offset >= 0 && length >= 0 && offset + length <= 128 && target >= 0 && target <= 1024;
        fc.pre(!isInside);
        expect(imported.read(offset, reader.region, target, length)).not.toBe(SUCCESS);
        expect(reader.arena.memory.every((byte) => byte === 1)).toBe(true);
        if (!(offset >= 0 && offset < 32)) expect(imported.word(offset)).toBe(0);
        if (!(offset >= 0 && offset < 16)) expect(imported.float(offset)).toBeNaN();
      }),
    );
  });

  test.each([
    ['beyond the window', 0, BYTES + 1],
    ['before it', -8, 8],
    ['from a crooked address', 4, 8],
  ])('%s is refused', (_, offset, bytes) => {
    const { reader, window } = opened();
    const { rkey, address } = window;
    const { queuePair } = reader;
    expectCode(() => queuePair.importRegion(rkey, address + offset, bytes), 'REM_ACCESS_ERR');
    expectCode(() => queuePair.importRegion(rkey + 1, address, 8), 'REM_ACCESS_ERR');
  });

  test('is not put where the domain does not allow it', () => {
    const { reader, stranger, window } = opened();
    const imported = importOf(reader, window);
    const readOnly = reader.domain.registerMemory(createArena(4096, 'read'), 0, 4096, 0);
    expect(imported.read(0, readOnly, 0, 8)).toBe(LOC_PROT_ERR);
    expect(imported.read(0, stranger.region, 0, 8)).toBe(LOC_PROT_ERR);
    expect(imported.read(0, reader.region, reader.region.bytes - 7, 8)).toBe(LOC_PROT_ERR);
    const gone = reader.domain.registerMemory(
      createArena(4096, 'none'),
      0,
      4096,
      Access.LOCAL_WRITE,
    );
    gone.deregister();
    expect(imported.read(0, gone, 0, 8)).toBe(LOC_PROT_ERR);
  });

  test('is not readable when its key was withdrawn', () => {
    const { owner, reader, arena } = opened();
    const region = owner.domain.registerMemory(arena, 0, 64, Access.REMOTE_READ);
    const imported = reader.queuePair.importRegion(region.rkey, region.address, 64);
    expect(imported.isReadable()).toBe(true);
    region.deregister();
    expect(imported.isReadable()).toBe(false);
  });
});

describe('a peer that', () => {
  const INDEX = 7;
  const KEY = (5 << 12) | INDEX;

  /** Memory of a peer that is driven by hand, imported. */
  function importedByHand() {
    const victim = openSide();
    const listener = Listener.listen(socketPath());
    atEnd(() => listener.close());
    const peer = new RawPeer(listener.path);
    atEnd(() => peer.close());
    peer.greet();
    listener.accept(1000)?.accept(victim.queuePair);
    const memory = new SharedSegment('raw-arena', PAGE_BYTES, 'read');
    atEnd(() => memory.close());
    peer.share(3, memory);
    peer.writeEntry(INDEX, [KEY, Access.REMOTE_READ, 0x10000, 0, PAGE_BYTES, 0, 0, 0, 3]);
    const imported = victim.queuePair.importRegion(KEY, 0x10000, PAGE_BYTES);
    expect(imported.isReadable()).toBe(true);
    return { victim, peer, imported };
  }

  /** Asks again and again, as a reader does that does nothing else. */
  function awaitUnreadable(imported: RemoteRegion): void {
    const deadlineMs = performance.now() + 5000;
    while (imported.isReadable() && performance.now() < deadlineMs);
    expect(imported.isReadable()).toBe(false);
  }

  test('dies is noticed by reading alone', () => {
    const { victim, peer, imported } = importedByHand();
    peer.close();
    awaitUnreadable(imported);
    expect(victim.queuePair.state).toBe(QueuePairState.ERR);
    expect(imported.read(0, victim.region, 0, 8)).toBe(REM_ACCESS_ERR);
    expect([imported.word(0), imported.float(0)]).toEqual([0, Number.NaN]);
  });

  test('takes its memory back leaves nothing to read', () => {
    const { victim, peer, imported } = importedByHand();
    peer.say({ type: MessageType.RELEASE, released: 3 });
    awaitUnreadable(imported);
    expect(victim.queuePair.state).toBe(QueuePairState.RTS);
    expect(imported.read(0, victim.region, 0, 8)).toBe(REM_ACCESS_ERR);
    expect([imported.word(0), imported.float(0)]).toEqual([0, Number.NaN]);
  });
});
