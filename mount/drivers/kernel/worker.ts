/**
 * A worker thread of the kernel driver: makes its file system, waits for its orders, and then
 * answers requests in one synchronous loop until the file system is unmounted.
 *
 * While the loop runs, this thread's event loop does not: nothing posted to it is seen.
 */

import { parentPort, workerData } from 'node:worker_threads';
import { PollBudget } from '../../../nic/poll-budget.ts';
import { addressOf } from '../../../nic/system-calls-fuse.ts';
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
import { Notifier, toDevice } from './notifier.ts';
import { ParkedRequests } from './parked-requests.ts';
import { Watch } from './watch.ts';

/** What a worker's file system may want to know of its place. */
export interface WorkerPlace {
  /** Counts the workers from 0. */
  readonly index: number;
  /** Lock waits are answered through it. */
  readonly parked: ParkedRequests;
  /** To be called before the worker sleeps for an answer: lets another one take requests. */
  readonly beforeSleep: () => void;
}

/** What a module of {@link ModuleSource} exports. */
export type CreateFileSystem = (
  data: unknown,
  place: WorkerPlace,
) => FileSystem | Promise<FileSystem>;

const PAGE_BYTES = 4096;

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
  const memory = fileSystem.registeredBuffer(bytes + PAGE_BYTES);
  const address = addressOf(memory);
  const skipped = (PAGE_BYTES - (address % PAGE_BYTES)) % PAGE_BYTES;
  return { memory: memory.subarray(skipped, skipped + bytes), address: address + skipped };
}

/** Answers requests until there are no more. */
function serve(
  fileSystem: FileSystem,
  orders: WorkerOrders,
  parked: ParkedRequests,
  watch: Watch,
): WorkerEnd {
  const channel = new Channel(
    orders.deviceFd,
    orders.wakeFd,
    orders.stop,
    watch,
    new PollBudget(POLL_MICROSECONDS),
  );
  const memory = requestMemory(fileSystem, orders.transferBytes);
  const exchange = new Exchange(channel, memory);
  const { deviceFd, setxattrInBytes } = orders;
  const board = new CacheBoard(orders.boardMemory);
  const policy = new CachePolicy(
    board,
    orders.index,
    orders.options,
    new Notifier(toDevice(deviceFd)),
  );
  const service = { exchange, fileSystem, parked, policy, deviceFd, setxattrInBytes };
  const dispatcher = new Dispatcher(service, (error) => {
    console.error('dafs: a request failed by a mistake of ours:', error);
  });
  let requests = 0;
  for (let opcode = exchange.receive(); opcode !== 0; opcode = exchange.receive()) {
    policy.begin();
    dispatcher.dispatch(opcode);
    policy.end();
    requests++;
  }
  channel.close();
  return { requests, aborted: channel.aborted };
}

function fail(error: unknown): void {
  const { code, message } = error as { code?: unknown; message?: unknown };
  report({ kind: 'failed', code: String(code ?? 'EIO'), message: String(message ?? error) });
}

async function run(): Promise<void> {
  const { source, index, parkedMemory, watchMemory } = workerData as WorkerStart;
  const parked = new ParkedRequests(parkedMemory);
  const watch = new Watch(watchMemory);
  const beforeSleep = () => watch.handOver();
  const fileSystem = await openFileSystem(source, { index, parked, beforeSleep });
  parentPort?.once('message', (orders: WorkerOrders) => {
    try {
      const end = serve(fileSystem, orders, parked, watch);
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
