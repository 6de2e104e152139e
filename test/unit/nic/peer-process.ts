/** The other process of a test: `peer-process.ts ROLE PATH` connects to PATH and plays its role. */
import { ftruncateSync, openSync, writeSync } from 'node:fs';
import { Announcements } from '../../../nic/announcements.ts';
import { greet } from '../../../nic/greeting.ts';
import {
  Access,
  Arena,
  beginConnect,
  Context,
  connect,
  createWorkCompletions,
  Listener,
  Opcode,
  QueuePairState,
  SendFlag,
  type SendWorkRequest,
} from '../../../nic/index.ts';
import { MappedMemory } from '../../../nic/mapped-memory.ts';
import { decodeMessage, MessageType } from '../../../nic/messages.ts';
import { PeerRing } from '../../../nic/send-ring.ts';
import { createSocket } from '../../../nic/system-calls.ts';
import { TABLE_BYTES } from '../../../nic/translation-protection-table.ts';
import { awaitReadable, connectSocketTo, receiveMessage } from '../../../nic/unix-socket.ts';

const [role = '', path = ''] = process.argv.slice(2);
const report = (what: unknown): void => {
  process.send?.(what);
};

function open() {
  const context = Context.open();
  const domain = context.allocateProtectionDomain();
  const queue = context.createCompletionQueue(256);
  const group = context.createCompletionGroup();
  group.add(queue);
  const arena = Arena.create(1 << 20, 'write');
  const access =
    Access.LOCAL_WRITE | Access.REMOTE_WRITE | Access.REMOTE_READ | Access.REMOTE_ATOMIC;
  const region = domain.registerMemory(arena, 0, arena.bytes, access);
  const queuePair = domain.createQueuePair({
    sendCq: queue,
    receiveCq: queue,
    maxSendWr: 64,
    maxReceiveWr: 64,
    maxMessageBytes: 4096,
  });
  queuePair.modify(QueuePairState.INIT);
  const piece = (offset: number, length: number) => ({
    lkey: region.lkey,
    address: region.address + offset,
    length,
  });
  return { context, domain, queue, group, arena, region, queuePair, piece };
}

/** The peer's memory, as its private data tells: address and rkey. */
function remoteOf(privateData: Uint8Array) {
  const data = Buffer.from(privateData);
  return { remoteAddress: data.readDoubleLE(0), rkey: data.readUInt32LE(8) };
}

/** Adds to one counter and takes a lock by compare-and-swap around another, many times. */
function contend(): void {
  const { queuePair, queue, piece, arena, group } = open();
  const { remoteAddress, rkey } = remoteOf(connect(path, queuePair));
  const completions = createWorkCompletions(1);
  const act = (request: Partial<SendWorkRequest> & { opcode: Opcode }): bigint => {
    const flags = SendFlag.SIGNALED;
    const sgList = [piece(0, 8)];
    queuePair.postSend({ wrId: 1, flags, sgList, remoteAddress, rkey, ...request });
    if (queue.poll(completions) !== 1 || completions[0]?.status !== 0) throw new Error('failed');
    return arena.view.getBigUint64(0, true);
  };
  report('connected');
  const rounds = 20_000;
  const locked = { remoteAddress: remoteAddress + 8 };
  for (let round = 0; round < rounds; round++) {
    act({ opcode: Opcode.ATOMIC_FETCH_AND_ADD, swapOrAdd: 1n });
    const swap = { opcode: Opcode.ATOMIC_CMP_AND_SWP, ...locked };
    while (act({ ...swap, compare: 0n, swapOrAdd: 1n }) !== 0n);
    // Not atomic on purpose: the lock has to protect it.
    const counter = remoteAddress + 16;
    act({ opcode: Opcode.ATOMIC_FETCH_AND_ADD, remoteAddress: counter, swapOrAdd: 0n });
    const value = arena.view.getBigUint64(0, true);
    arena.view.setBigUint64(8, value + 1n, true);
    queuePair.postSend({
      wrId: 2,
      opcode: Opcode.RDMA_WRITE,
      flags: 0,
      sgList: [piece(8, 8)],
      remoteAddress: counter,
      rkey,
    });
    act({ ...swap, compare: 1n, swapOrAdd: 0n });
  }
  group.wait(completions, 0);
  report('done');
}

/** Sends and writes as fast as it goes, until it is killed. Each message begins with its number. */
function flood(): void {
  const { queuePair, piece, arena, group } = open();
  const { remoteAddress, rkey } = remoteOf(connect(path, queuePair));
  const completions = createWorkCompletions(16);
  report('connected');
  const write = { wrId: 0, opcode: Opcode.RDMA_WRITE, flags: 0, sgList: [piece(0, 32_768)] };
  const send = { wrId: 0, opcode: Opcode.SEND, flags: SendFlag.SIGNALED, sgList: [piece(0, 64)] };
  for (let number = 0; ; number++) {
    arena.view.setUint32(0, number, true);
    arena.view.setUint32(60, number, true);
    arena.memory.fill(number & 0xff, 64, 32_768);
    queuePair.postSend({ ...write, remoteAddress, rkey });
    queuePair.postSend(send);
    while (group.wait(completions, 1000) === 0);
  }
}

/** Sleeps in wait until something comes, then says what. */
function sleep(): void {
  const { queuePair, piece, group } = open();
  for (let wrId = 0; wrId < 64; wrId++) queuePair.postReceive(wrId, piece(4096, 4096));
  connect(path, queuePair);
  const completions = createWorkCompletions(16);
  report('connected');
  for (;;) {
    const count = group.wait(completions, 60_000);
    for (const { status, immediate } of completions.slice(0, count)) report({ status, immediate });
    if (queuePair.state !== QueuePairState.RTS) return;
  }
}

/** Echoes every message, waiting for each; reports its processor time when told to stop. */
function echo(): void {
  const { queuePair, piece, group } = open();
  for (let wrId = 0; wrId < 64; wrId++) queuePair.postReceive(wrId, piece(4096 * wrId, 4096));
  connect(path, queuePair);
  const completions = createWorkCompletions(16);
  report('connected');
  while (queuePair.state === QueuePairState.RTS) {
    const count = group.wait(completions, 60_000);
    for (const { status, opcode, wrId, byteLength } of completions.slice(0, count)) {
      if (status !== 0 || opcode < 128) continue;
      const sgList = [piece(4096 * wrId, byteLength)];
      queuePair.postSend({ wrId: 0, opcode: Opcode.SEND, flags: 0, sgList });
      queuePair.postReceive(wrId, piece(4096 * wrId, 4096));
    }
  }
  report(process.cpuUsage());
}

/** Connects the socket and says nothing. */
function stall(): void {
  connectSocketTo(createSocket(), path);
  report('connected');
  setInterval(() => undefined, 1000);
}

/** Asks and never looks at the answer. */
function ask(): void {
  beginConnect(path, open().queuePair);
  report('connected');
  setInterval(() => undefined, 1000);
}

/** Listens and accepts one connection, writes into it for ever. */
function serve(): void {
  const listener = Listener.listen(path);
  report('listening');
  const { queuePair, arena } = open();
  const request = listener.accept(5000);
  if (request === undefined) throw new Error('nobody connected');
  request.accept(queuePair);
  report('accepted');
  for (;;) arena.memory.fill(1);
}

/** Tries to get at memory that it may only read, in every way that a descriptor allows. */
function trespass(): void {
  const { queuePair, domain } = open();
  const socket = createSocket();
  connectSocketTo(socket, path);
  greet(new Announcements(socket, domain), MessageType.HELLO, queuePair, new Uint8Array(0));
  awaitReadable([socket], 5000);
  const answer = receiveMessage(socket);
  if (answer === undefined || answer === 'end') throw new Error('no answer');
  const { slots, slotBytes, segments } = decodeMessage(answer.payload, answer.descriptors);
  const sizes = [PeerRing.bytes(slots, slotBytes), 4096, 4096, TABLE_BYTES];
  sizes.push(...segments.map(({ bytes }) => bytes));
  const attempt = (action: () => unknown): string => {
    try {
      action();
      return 'done';
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? 'failed';
    }
  };
  const results = answer.descriptors.map((descriptor, index) => {
    const bytes = sizes[index] ?? 0;
    const reopened = `/proc/self/fd/${descriptor}`;
    return {
      map: attempt(() => MappedMemory.ofDescriptor(descriptor, bytes, true)),
      reopen: attempt(() => MappedMemory.ofDescriptor(openSync(reopened, 'r+'), bytes, true)),
      write: attempt(() => writeSync(descriptor, 'x', 0)),
      truncate: attempt(() => ftruncateSync(descriptor, 0)),
      read: attempt(() => MappedMemory.ofDescriptor(descriptor, bytes, false)),
    };
  });
  report(results);
}

const roles: Record<string, () => void> = {
  contend,
  flood,
  sleep,
  echo,
  stall,
  ask,
  serve,
  trespass,
};
roles[role]?.();
