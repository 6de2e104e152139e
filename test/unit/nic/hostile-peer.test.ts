/** What a peer may do to the memory and the socket that it shares with us: harm itself. */
import { closeSync, openSync, readdirSync } from 'node:fs';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  Listener,
  NicError,
  Opcode,
  QueuePairState,
  VendorError,
  WcStatus,
} from '../../../nic/index.ts';
import { SharedSegment } from '../../../nic/mapped-memory.ts';
import { MessageType } from '../../../nic/messages.ts';
import { addSeals, closeDescriptor, createMemoryFile, Seal } from '../../../nic/system-calls.ts';
import { PAGE_BYTES } from '../../../nic/system-calls-memory.ts';
import { type GreetingParts, PageWord, RawPeer, SLOT_BYTES } from './raw-peer.ts';
import {
  atEnd,
  cleanUp,
  completionsOf,
  connectPair,
  openSide,
  ordinaryFile,
  outcomes,
  piece,
  postReceive,
  type Side,
  sendOf,
  socketPath,
} from './support.ts';

const { RTS, ERR } = QueuePairState;
const { SEND } = Opcode;

/** The end that is attacked, and next to it a connection of the same context that must not notice. */
let victim: Side;
let listener: Listener;
let checkNeighbour: () => void;

beforeEach(() => {
  victim = openSide();
  listener = Listener.listen(socketPath());
  atEnd(() => listener.close());
  const friend = openSide();
  const queue = victim.context.createCompletionQueue(16);
  const neighbour = victim.domain.createQueuePair({
    sendCq: queue,
    receiveCq: queue,
    maxSendWr: 4,
    maxReceiveWr: 4,
    maxMessageBytes: 64,
  });
  connectPair(friend.queuePair, neighbour);
  checkNeighbour = () => {
    neighbour.postReceive(1, piece(victim, 0xf000, 64));
    friend.queuePair.postSend(sendOf(friend, 2));
    expect(outcomes(queue)).toEqual([[1, 0]]);
    expect(outcomes(friend.queue)).toEqual([[2, 0]]);
  };
});

afterEach(() => {
  checkNeighbour();
  cleanUp();
});

function rawPeer(): RawPeer {
  const peer = new RawPeer(listener.path);
  atEnd(() => peer.close());
  return peer;
}

/** A raw peer connected to the victim's queue pair. */
function attack(): RawPeer {
  const peer = rawPeer();
  peer.greet();
  listener.accept(1000)?.accept(victim.queuePair);
  return peer;
}

function memoryFile(bytes: number, seals: number): number {
  const descriptor = createMemoryFile('test', bytes);
  if (seals !== 0) addSeals(descriptor, seals);
  atEnd(() => closeDescriptor(descriptor));
  return descriptor;
}

const RING_BYTES = 2 * PAGE_BYTES;
const SHRINK = Seal.SHRINK;

describe('a greeting whose segments', () => {
  const replace = (index: number, make: () => number) => (parts: GreetingParts) => {
    parts.descriptors[index] = make();
  };
  test.each<[string, (parts: GreetingParts) => void]>([
    ['are not sealed', replace(0, () => memoryFile(RING_BYTES, 0))],
    ['are sealed against growing only', replace(0, () => memoryFile(RING_BYTES, Seal.GROW))],
    ['are too small', replace(0, () => memoryFile(PAGE_BYTES, SHRINK))],
    ['are empty', replace(0, () => memoryFile(0, SHRINK))],
    ['are too large', replace(1, () => memoryFile(2 * PAGE_BYTES, SHRINK))],
    ['are a file', replace(2, ordinaryFile)],
    ['are a device', replace(3, () => openDevice('/dev/zero'))],
    ['are the socket', (parts) => parts.descriptors.fill(0, 1, 2)],
    [
      'are a bell that nobody may ring',
      replace(2, () => memoryFile(PAGE_BYTES, SHRINK | Seal.FUTURE_WRITE)),
    ],
    [
      'are announced larger than they are',
      (parts) => {
        parts.message = { ...parts.message, slots: 1 << 16 };
      },
    ],
    [
      'include an arena that is not sealed',
      (parts) => {
        const segments = [{ id: 1, bytes: PAGE_BYTES, writable: true }];
        parts.message = { ...parts.message, segments };
        parts.descriptors.push(memoryFile(PAGE_BYTES, 0));
      },
    ],
    [
      'include an arena twice',
      (parts) => {
        const segment = { id: 1, bytes: PAGE_BYTES, writable: true };
        parts.message = { ...parts.message, segments: [segment, segment] };
        const descriptor = memoryFile(PAGE_BYTES, SHRINK);
        parts.descriptors.push(descriptor, descriptor);
      },
    ],
  ])('%s is refused by accept', (_, change) => {
    const peer = rawPeer();
    peer.greet(change);
    const before = readdirSync('/proc/self/fd').length;
    const request = listener.accept(1000);
    expect(() => request?.accept(victim.queuePair)).toThrowError(NicError);
    expect(victim.queuePair.state).toBe(ERR);
    expect(readdirSync('/proc/self/fd').length).toBe(before);
  });

  test.each<[string, GreetingParts['message']]>([
    ['no slots', { slots: 0 }],
    ['a number of slots that is no power of two', { slots: 3 }],
    ['a negative number of slots', { slots: -4 }],
    ['slots without end', { slots: 1 << 20 }],
    ['slots that are too short', { slotBytes: 0 }],
    ['slots of a broken length', { slotBytes: 100 }],
    ['slots that are too long', { slotBytes: 1 << 30 }],
    ['no descriptors for its arenas', { segments: [{ id: 1, bytes: 4096, writable: true }] }],
  ])('have %s is not heard at all', (_, message) => {
    const peer = rawPeer();
    peer.greet((parts) => {
      parts.message = { ...parts.message, ...message };
    });
    const before = readdirSync('/proc/self/fd').length;
    expect(listener.accept(50)).toBeUndefined();
    expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before);
    expect(peer.hear()).toMatchObject({ descriptors: [] });
    expect(peer.hear()).toBe('end');
  });
});

function openDevice(path: string): number {
  const descriptor = openSync(path, 'r+');
  atEnd(() => closeSync(descriptor));
  return descriptor;
}

describe('ring contents', () => {
  test('a sound message by hand is delivered', () => {
    const peer = attack();
    postReceive(victim, 1);
    peer.publish(0, SEND, 8);
    expect(outcomes(victim.queue)).toEqual([[1, 0]]);
    expect(peer.words[PageWord.CONSUMED]).toBe(0);
    expect(victim.queuePair.state).toBe(RTS);
  });

  test.each([
    ['longer than its slot', SEND, SLOT_BYTES - 15],
    ['longer than anything', SEND, 0x7fffffff],
    ['of negative length', SEND, -1],
    ['of an opcode that is no message', Opcode.RDMA_WRITE, 8],
    ['of an unknown opcode', 0xff, 8],
  ])('a message %s ends the connection', (_, operation, byteLength) => {
    const peer = attack();
    postReceive(victim, 1);
    peer.publish(0, operation, byteLength);
    expect(completionsOf(victim.queue)).toMatchObject([{ wrId: 1, status: WcStatus.WR_FLUSH_ERR }]);
    expect(victim.queuePair.state).toBe(ERR);
    expect(peer.hear()).toBeDefined();
    expect(peer.hear()).toBe('end');
  });

  test('anything at all never throws and never writes outside the receive', () => {
    const word = fc.oneof(
      fc.integer(),
      fc.integer({ min: -2, max: 130 }),
      fc.constantFrom(2, 3, 1),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(word, word, word), { maxLength: 8 }), (messages) => {
        victim.queuePair.modify(QueuePairState.RESET);
        victim.queuePair.modify(QueuePairState.INIT);
        const peer = attack();
        victim.arena.memory.fill(0);
        for (let wrId = 0; wrId < 4; wrId++) postReceive(victim, wrId, 0x8000, 64);
        for (const [index, [operation, byteLength, immediate]] of messages.entries()) {
          peer.ring.memory.octets.fill(0xaa, PAGE_BYTES);
          peer.publish(index, operation, byteLength, immediate);
          completionsOf(victim.queue);
        }
        expect(victim.arena.memory.subarray(0, 0x8000).every((byte) => byte === 0)).toBe(true);
        expect(victim.arena.memory.subarray(0x8040).every((byte) => byte === 0)).toBe(true);
        peer.close();
      }),
      { numRuns: 150 },
    );
  });

  test.each([2, -1, 0x7fffffff, -0x80000000])('a consumed count of %i is a lie', (count) => {
    const peer = attack();
    victim.queuePair.postSend(sendOf(victim, 9));
    peer.words[PageWord.CONSUMED] = count;
    expect(completionsOf(victim.queue)).toMatchObject([
      { wrId: 9, status: WcStatus.RETRY_EXC_ERR, vendorError: VendorError.PEER_CORRUPT },
    ]);
    expect(victim.queuePair.state).toBe(ERR);
  });

  test('a consumed count that goes back is a lie', () => {
    const peer = attack();
    for (let wrId = 0; wrId < 4; wrId++) victim.queuePair.postSend(sendOf(victim, wrId));
    peer.words[PageWord.CONSUMED] = 3;
    expect(outcomes(victim.queue)).toHaveLength(3);
    peer.words[PageWord.CONSUMED] = 2;
    expect(outcomes(victim.queue)).toEqual([[3, WcStatus.RETRY_EXC_ERR]]);
  });

  test.each([0, 1, 4, 5, 6, 99, -1])('the state %i ends the connection', (state) => {
    const peer = attack();
    postReceive(victim, 1);
    peer.words[PageWord.STATE] = state;
    expect(outcomes(victim.queue)).toEqual([[1, WcStatus.WR_FLUSH_ERR]]);
    expect(victim.queuePair.state).toBe(ERR);
  });

  test('a refusal of what was never sent means nothing', () => {
    const peer = attack();
    peer.words[PageWord.REFUSAL] = WcStatus.REM_INV_REQ_ERR;
    peer.words[PageWord.REFUSED] = 7;
    peer.words[PageWord.NOT_READY] = 1;
    victim.queuePair.postSend(sendOf(victim, 1));
    expect(outcomes(victim.queue)).toEqual([]);
    expect(victim.queuePair.state).toBe(RTS);
  });

  test('a peer that is busy for ever delays the end of a region once, and is cut off', () => {
    const peer = attack();
    peer.words[PageWord.ACTIVE] = 1;
    victim.region.deregister();
    completionsOf(victim.queue);
    expect(victim.queuePair.state).toBe(ERR);
    // The neighbour's receives lie in that region.
    checkNeighbour = () => undefined;
  });
});

describe('table contents', () => {
  const KEY = 0x5000;
  const INDEX = KEY & 0xfff;

  function entry(address: number, bytes: number, offset: number, segment: number): number[] {
    const words = (value: number) => [value | 0, Math.floor(value / 2 ** 32)];
    return [KEY, 15, ...words(address), ...words(bytes), ...words(offset), segment];
  }

  function rdma(opcode: Opcode, remoteAddress: number, length: number) {
    const sgList = [piece(victim, 0, length)];
    victim.queuePair.postSend(sendOf(victim, 1, { opcode, rkey: KEY, remoteAddress, sgList }));
    return completionsOf(victim.queue)[0];
  }

  test('a sound entry by hand is served', () => {
    const peer = attack();
    const memory = new SharedSegment('raw-arena', PAGE_BYTES, 'write');
    atEnd(() => memory.close());
    peer.share(3, memory);
    peer.writeEntry(INDEX, entry(0x10000, 64, 128, 3));
    victim.arena.memory.fill(7, 0, 64);
    expect(rdma(Opcode.RDMA_WRITE, 0x10000, 64)).toMatchObject({ status: 0 });
    expect(memory.memory.octets[128]).toBe(7);
  });

  test.each([
    ['a segment that was never announced', [0x10000, 64, 0, 9], VendorError.UNKNOWN_SEGMENT],
    ['an offset beyond the segment', [0x10000, 64, PAGE_BYTES, 3], VendorError.BOUNDS],
    ['a piece over its end', [0x10000, 64, PAGE_BYTES - 63, 3], VendorError.BOUNDS],
    ['a length beyond it', [0, 2 ** 52, 2 ** 52, 3], VendorError.BOUNDS],
  ])('%s', (_, [address, bytes, offset, segment], vendorError) => {
    const peer = attack();
    const memory = new SharedSegment('raw-arena', PAGE_BYTES, 'write');
    atEnd(() => memory.close());
    peer.share(3, memory);
    peer.writeEntry(INDEX, entry(address ?? 0, bytes ?? 0, offset ?? 0, segment ?? 0));
    const expected = { status: WcStatus.REM_ACCESS_ERR, vendorError };
    expect(rdma(Opcode.RDMA_WRITE, address ?? 0, 64)).toMatchObject(expected);
  });

  test('rights that the mapping does not have', () => {
    const peer = attack();
    const memory = new SharedSegment('raw-arena', PAGE_BYTES, 'read');
    atEnd(() => memory.close());
    peer.share(3, memory);
    peer.writeEntry(INDEX, entry(0x10000, 64, 0, 3));
    const expected = { status: WcStatus.REM_ACCESS_ERR, vendorError: VendorError.RIGHTS };
    expect(rdma(Opcode.RDMA_WRITE, 0x10000, 8)).toMatchObject(expected);
  });

  test('an atomic that a crooked base would misalign', () => {
    const peer = attack();
    const memory = new SharedSegment('raw-arena', PAGE_BYTES, 'write');
    atEnd(() => memory.close());
    peer.share(3, memory);
    peer.writeEntry(INDEX, entry(0x10000, 64, 4, 3));
    const expected = { status: WcStatus.REM_INV_REQ_ERR };
    expect(rdma(Opcode.ATOMIC_FETCH_AND_ADD, 0x10000, 8)).toMatchObject(expected);
  });

  test('anything at all never throws and never reaches other memory', () => {
    const memory = new SharedSegment('raw-arena', PAGE_BYTES, 'write');
    atEnd(() => memory.close());
    const small = fc.constantFrom(0, 1, 3, 7, 8, 64, 4095, 4096);
    const word = fc.oneof(fc.integer(), small);
    const words = fc.array(word, { minLength: 14, maxLength: 14 });
    const opcode = fc.constantFrom(
      Opcode.RDMA_WRITE,
      Opcode.RDMA_READ,
      Opcode.ATOMIC_FETCH_AND_ADD,
    );
    fc.assert(
      fc.property(words, opcode, small, fc.boolean(), (content, code, address, isPlausible) => {
        victim.queuePair.modify(QueuePairState.RESET);
        victim.queuePair.modify(QueuePairState.INIT);
        const peer = attack();
        peer.share(3, memory);
        const rest = [...content];
        if (isPlausible) for (const at of [1, 3, 5]) rest[at] = 0;
        if (isPlausible) rest[6] = 3;
        if (isPlausible) rest[7] = 0;
        peer.writeEntry(INDEX, [KEY, 15, ...rest]);
        const completion = rdma(code, address, 8);
        expect([0, 9, 10]).toContain(completion?.status);
        peer.close();
      }),
      { numRuns: 200 },
    );
  });
});

describe('the socket', () => {
  const announce = (peer: RawPeer, bytes: number, seals: number) => {
    const segments = [{ id: 1, bytes, writable: true }];
    peer.say({ type: MessageType.SEGMENT, segments }, [memoryFile(bytes, seals)]);
  };
  test.each<[string, (peer: RawPeer) => void]>([
    ['another hello', (peer) => peer.greet()],
    ['a rejection', (peer) => peer.say({ type: MessageType.REJECT })],
    ['garbage', (peer) => peer.sayRaw(Buffer.from('garbage'), [0, 1, 2])],
    ['more than fits', (peer) => peer.sayRaw(new Uint8Array(9000))],
    ['an arena that is not sealed', (peer) => announce(peer, PAGE_BYTES, 0)],
    ['an arena of no whole number of pages', (peer) => announce(peer, PAGE_BYTES + 1, SHRINK)],
    [
      'one arena twice',
      (peer) => {
        const segments = [{ id: 1, bytes: PAGE_BYTES, writable: true }];
        const descriptor = memoryFile(PAGE_BYTES, SHRINK);
        for (const _ of [1, 2]) peer.say({ type: MessageType.SEGMENT, segments }, [descriptor]);
      },
    ],
  ])('%s ends the connection and leaves no descriptor behind', (_, misbehave) => {
    const peer = attack();
    postReceive(victim, 1);
    misbehave(peer);
    const before = readdirSync('/proc/self/fd').length;
    victim.context.service();
    expect(completionsOf(victim.queue)).toMatchObject([{ wrId: 1, status: WcStatus.WR_FLUSH_ERR }]);
    expect(victim.queuePair.state).toBe(ERR);
    // The victim's own socket is closed.
    expect(readdirSync('/proc/self/fd').length).toBe(before - 1);
  });

  test('a release of what was never announced is nothing', () => {
    const peer = attack();
    peer.say({ type: MessageType.RELEASE, released: 77 });
    victim.context.service();
    expect(victim.queuePair.state).toBe(RTS);
  });

  test('anything at all never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (payload) => {
        victim.queuePair.modify(QueuePairState.RESET);
        victim.queuePair.modify(QueuePairState.INIT);
        const peer = attack();
        peer.sayRaw(payload);
        victim.context.service();
        expect(victim.queuePair.state).toBe(ERR);
        peer.close();
      }),
      { numRuns: 100 },
    );
  });

  test('a flood is taken in pieces', () => {
    const peer = attack();
    let sent = 0;
    while (peer.say({ type: MessageType.RELEASE, released: 1 })) sent++;
    expect(sent).toBeGreaterThan(64);
    victim.context.service();
    checkNeighbour();
    expect(peer.say({ type: MessageType.RELEASE, released: 1 })).toBe(true);
    expect(victim.queuePair.state).toBe(RTS);
  });

  test('a flood of arenas ends at a limit', () => {
    const peer = attack();
    const descriptor = memoryFile(PAGE_BYTES, SHRINK);
    let id = 1;
    while (victim.queuePair.state === RTS && id < 6000) {
      const segments = [{ id, bytes: PAGE_BYTES, writable: false }];
      if (peer.say({ type: MessageType.SEGMENT, segments }, [descriptor])) id++;
      else victim.context.service();
    }
    expect(victim.queuePair.state).toBe(ERR);
    expect(id).toBeLessThan(5000);
  });
});
