/** Two ends of a connection in one thread, and what the tests of the NIC do with them. */
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import {
  Access,
  Arena,
  type ArenaSharing,
  beginConnect,
  type CompletionQueue,
  Context,
  type ContextOptions,
  createWorkCompletions,
  Listener,
  type MemoryRegion,
  Opcode,
  type ProtectionDomain,
  type QueuePair,
  type QueuePairOptions,
  QueuePairState,
  type ScatterGatherEntry,
  SendFlag,
  type SendWorkRequest,
  type WorkCompletion,
} from '../../../nic/index.ts';

export const ALL_ACCESS =
  Access.LOCAL_WRITE | Access.REMOTE_WRITE | Access.REMOTE_READ | Access.REMOTE_ATOMIC;
export const MAXIMUM_MESSAGE_BYTES = 1024;

/** One end: everything that it takes to post requests. */
export interface Side {
  readonly context: Context;
  readonly domain: ProtectionDomain;
  readonly queue: CompletionQueue;
  readonly queuePair: QueuePair;
  readonly arena: Arena;
  readonly region: MemoryRegion;
}

export interface SideOptions {
  readonly context?: ContextOptions;
  readonly entries?: number;
  readonly queuePair?: Partial<QueuePairOptions>;
  readonly remote?: ArenaSharing;
  readonly access?: number;
}

const cleanups: (() => void)[] = [];

/** Has something undone at the end of the test. */
export function atEnd(cleanup: () => void): void {
  cleanups.push(cleanup);
}

/** Undoes what the test has made, the last first; to be called after each. */
export function cleanUp(): void {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
}

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'dafs-nic-'));
  atEnd(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A descriptor of a file that is no memory file. */
export function ordinaryFile(): number {
  const descriptor = openSync(join(temporaryDirectory(), 'file'), 'w+');
  atEnd(() => closeSync(descriptor));
  return descriptor;
}

export function socketPath(): string {
  return join(temporaryDirectory(), 'fabric');
}

export function openContext(options: ContextOptions = {}): Context {
  const context = Context.open(options);
  atEnd(() => context.close());
  return context;
}

export function createArena(bytes: number, remote: ArenaSharing): Arena {
  const arena = Arena.create(bytes, remote);
  atEnd(() => {
    // A test may leave regions behind that only the context's end takes away.
    if (arena.regions === 0) arena.close();
  });
  return arena;
}

/** One end, its queue pair in INIT. */
export function openSide(options: SideOptions = {}): Side {
  const arena = createArena(1 << 16, options.remote ?? 'write');
  const context = openContext(options.context);
  const domain = context.allocateProtectionDomain();
  const queue = context.createCompletionQueue(options.entries ?? 256);
  const queuePair = domain.createQueuePair({
    sendCq: queue,
    receiveCq: queue,
    maxSendWr: 16,
    maxReceiveWr: 16,
    maxMessageBytes: MAXIMUM_MESSAGE_BYTES,
    ...options.queuePair,
  });
  queuePair.modify(QueuePairState.INIT);
  const region = domain.registerMemory(arena, 0, arena.bytes, options.access ?? ALL_ACCESS);
  return { context, domain, queue, queuePair, arena, region };
}

/** Connects two queue pairs of this thread. */
export function connectPair(asking: QueuePair, accepting: QueuePair): void {
  const listener = Listener.listen(socketPath());
  try {
    const pending = beginConnect(listener.path, asking);
    const request = listener.accept(1000);
    if (request === undefined) throw new Error('nobody connected');
    request.accept(accepting);
    pending.finish(1000);
  } finally {
    listener.close();
  }
}

/** Two connected ends. */
export function connectedSides(first: SideOptions = {}, second: SideOptions = {}): [Side, Side] {
  const sides: [Side, Side] = [openSide(first), openSide(second)];
  connectPair(sides[0].queuePair, sides[1].queuePair);
  return sides;
}

/** A piece of a side's region. */
export function piece(side: Side, offset: number, length: number): ScatterGatherEntry {
  return { lkey: side.region.lkey, address: side.region.address + offset, length };
}

export function postReceive(side: Side, wrId: number, offset = 0x8000, length = 1024): void {
  side.queuePair.postReceive(wrId, piece(side, offset, length));
}

/** A signalled send of `length` bytes from `offset`, unless the rest says otherwise. */
export function sendOf(
  side: Side,
  wrId: number,
  more: Partial<SendWorkRequest> = {},
): SendWorkRequest {
  return {
    wrId,
    opcode: Opcode.SEND,
    flags: SendFlag.SIGNALED,
    sgList: [piece(side, 0, 16)],
    ...more,
  };
}

/** A signalled RDMA request on the beginning of the target's region. */
export function rdmaOf(
  side: Side,
  target: Side,
  opcode: Opcode,
  wrId: number,
  more: Partial<SendWorkRequest> = {},
): SendWorkRequest {
  return sendOf(side, wrId, {
    opcode,
    remoteAddress: target.region.address,
    rkey: target.region.rkey,
    ...more,
  });
}

/** Everything that has completed; each a copy. */
export function completionsOf(queue: CompletionQueue): WorkCompletion[] {
  const all: WorkCompletion[] = [];
  const some = createWorkCompletions(8);
  for (let count = queue.poll(some); count > 0; count = queue.poll(some)) {
    all.push(...some.slice(0, count).map((completion) => ({ ...completion })));
  }
  return all;
}

/** [wrId, status] of everything that has completed. */
export function outcomes(queue: CompletionQueue): [number, number][] {
  return completionsOf(queue).map(({ wrId, status }) => [wrId, status]);
}

/** Polls until something has completed, for two seconds at most. */
export function awaitCompletions(queue: CompletionQueue): WorkCompletion[] {
  const deadlineMs = performance.now() + 2000;
  let found: WorkCompletion[] = [];
  while (found.length === 0 && performance.now() < deadlineMs) found = completionsOf(queue);
  return found;
}

/** Expects a NicError with this code. */
export function expectCode(action: () => unknown, code: string): void {
  expect(action).toThrowError(expect.objectContaining({ name: 'NicError', code }));
}

export function text(side: Side, offset: number, length: number): string {
  return Buffer.from(side.arena.memory.subarray(offset, offset + length)).toString();
}

export function fill(side: Side, offset: number, content: string): void {
  side.arena.memory.set(Buffer.from(content), offset);
}
