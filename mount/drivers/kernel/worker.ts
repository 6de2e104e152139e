/**
 * A worker thread of the kernel driver: makes its file system, waits for its orders, and then
 * answers requests in one synchronous loop until the file system is unmounted.
 *
 * While the loop runs, this thread's event loop does not: nothing posted to it is seen.
 */

import { parentPort, workerData } from 'node:worker_threads';
import { PollBudget } from '../../../nic/poll-budget.ts';
import { addressOf, fromPage, PAGE_BYTES } from '../../../nic/system-calls-memory.ts';
import type { FileSystem } from '../../file-system.ts';
import { CacheBoard } from './cache-board.ts';
import { CachePolicy } from './cache-policy.ts';
import { Channel } from './channel.ts';
import type {
  ModuleSource,
  WorkerEnd,
  WorkerOrders,
  WorkerReport,
  WorkerStart,
} from './control.ts';
import { Dispatcher } from './dispatch.ts';
import { Exchange, type ExchangeMemory, exchangeBytes } from './exchange.ts';
import { Foresight } from './foresight.ts';
import { FreshDirectories } from './fresh-directories.ts';
import { Notifier, toDevice } from './notifier.ts';
import { ParkedRequests } from './parked-requests.ts';
import { PendingRequests } from './pending-requests.ts';
import { StableWrites } from './stable-writes.ts';
import { Watch } from './watch.ts';
import { WriteOrder } from './write-order.ts';

/** What a worker's file system may want to know of its place. */
export interface WorkerPlace {
  /** Counts the workers from 0. */
  readonly index: number;
  /** Lock waits are answered through it. */
  readonly parked: ParkedRequests;
  /** To be called before the worker sleeps for an answer: see {@link Watch.beforeSleep}. */
  readonly beforeSleep: (sleptMs: number) => number;
  /** Who alone waits for the worker; 0: the kernel, or several. */
  readonly callerPid: () => number;
}

/** What a module of {@link ModuleSource} exports. */
export type CreateFileSystem = (
  data: unknown,
  place: WorkerPlace,
) => FileSystem | Promise<FileSystem>;

/** How long a worker polls for the next request at most before it sleeps. */
const POLL_MICROSECONDS = 50;

function report(message: WorkerReport): void {
  parentPort?.postMessage(message);
}

async function openFileSystem(source: ModuleSource, place: WorkerPlace): Promise<FileSystem> {
  const module = (await import(source.module)) as { createFileSystem: CreateFileSystem };
  return await module.createFileSystem(source.data, place);
}

/** Memory for requests out of the file system's registered memory, beginning on a page. */
function requestMemory(fileSystem: FileSystem, transferBytes: number): ExchangeMemory {
  const bytes = exchangeBytes(transferBytes);
  const memory = fromPage(fileSystem.registeredBuffer(bytes + PAGE_BYTES)).subarray(0, bytes);
  return { memory, address: addressOf(memory) };
}

/** A worker's part in what the workers of a mount do together. */
interface Together {
  readonly parked: ParkedRequests;
  readonly watch: Watch;
  readonly order: WriteOrder;
}

/** Answers requests until there are no more. */
function serve(
  fileSystem: FileSystem,
  orders: WorkerOrders,
  { parked, watch, order }: Together,
  began: (callerPid: () => number) => void,
): WorkerEnd {
  const { deviceFd, wakeFd, stop, setxattrInBytes } = orders;
  const budget = new PollBudget(POLL_MICROSECONDS);
  const whileIdle = () => pending.awaitOne();
  const channel = new Channel({ fd: deviceFd, wakeFd, stop, watch, budget, order, whileIdle });
  const memory = requestMemory(fileSystem, orders.transferBytes);
  const exchange = new Exchange(channel, memory);
  const pending: PendingRequests = new PendingRequests(exchange);
  let isDispatching = false;
  // Others may wait for theirs meanwhile, and must not be given up with the one.
  began(() => {
    if (!isDispatching) return pending.loneWaiter;
    return pending.isEmpty ? exchange.caller.pid : 0;
  });
  const board = new CacheBoard(orders.boardMemory);
  const policy = new CachePolicy(
    board,
    orders.index,
    orders.options,
    new Notifier(toDevice(deviceFd)),
  );
  const foresight = new Foresight(board, fileSystem);
  const stableWrites = new StableWrites(orders.stableWritesMemory, board);
  const freshDirectories = new FreshDirectories(orders.freshDirectoriesMemory, board);
  const service = {
    exchange,
    fileSystem,
    parked,
    order,
    pending,
    stableWrites,
    policy,
    foresight,
    freshDirectories,
    deviceFd,
    setxattrInBytes,
  };
  const dispatcher = new Dispatcher(service, (error) => {
    console.error('dafs: a request failed by a mistake of ours:', error);
  });
  let requests = 0;
  for (let opcode = exchange.receive(); opcode !== 0; opcode = exchange.receive()) {
    order.took(opcode, exchange.nodeid);
    policy.begin();
    foresight.begin(opcode, exchange.nodeid);
    stableWrites.begin(opcode);
    isDispatching = true;
    const errno = dispatcher.dispatch(opcode);
    isDispatching = false;
    stableWrites.end(opcode);
    foresight.end(errno === 0);
    policy.end();
    pending.answerEnded();
    requests++;
  }
  while (pending.awaitOne());
  channel.close();
  return { requests, aborted: channel.aborted };
}

function fail(error: unknown): void {
  const { code, message } = error as { code?: unknown; message?: unknown };
  report({ kind: 'failed', code: String(code ?? 'EIO'), message: String(message ?? error) });
}

async function run(): Promise<void> {
  const { source, index, parkedMemory, watchMemory, orderMemory } = workerData as WorkerStart;
  const parked = new ParkedRequests(parkedMemory);
  const watch = new Watch(watchMemory);
  const order = new WriteOrder(orderMemory, index);
  const beforeSleep = (sleptMs: number) => watch.beforeSleep(sleptMs);
  let currentCaller = () => 0;
  const callerPid = () => currentCaller();
  const fileSystem = await openFileSystem(source, { index, parked, beforeSleep, callerPid });
  parentPort?.once('message', (orders: WorkerOrders) => {
    try {
      const end = serve(fileSystem, orders, { parked, watch, order }, (begun) => {
        currentCaller = begun;
      });
      fileSystem.close();
      report({ kind: 'ended', ...end });
    } catch (error) {
      fail(error);
    }
  });
  const { locks, extendedAttributes } = fileSystem;
  const traits = {
    locks: locks !== undefined,
    extendedAttributes: extendedAttributes !== undefined,
  };
  report({ kind: 'ready', traits });
}

run().catch(fail);
