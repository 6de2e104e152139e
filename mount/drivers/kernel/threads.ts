/** The threads of a mount beside the main one: workers that answer the kernel, and the listener. */

import { availableParallelism } from 'node:os';
import type { MountOptions } from '../../mount-options.ts';
import { CacheBoard } from './cache-board.ts';
import type {
  FileSystemTraits,
  ListenerOrders,
  ListenerTraits,
  ModuleSource,
  WorkerEnd,
  WorkerOrders,
} from './control.ts';
import { FreshDirectories } from './fresh-directories.ts';
import { createParkedMemory } from './parked-requests.ts';
import { StableWrites } from './stable-writes.ts';
import { createWatchMemory } from './watch.ts';
import { WorkerThread } from './worker-thread.ts';
import { WriteOrder } from './write-order.ts';

const workerProgram = new URL('./worker.ts', import.meta.url);
const listenerProgram = new URL('./listener.ts', import.meta.url);

/**
 * One worker per processor, within these bounds: one alone would make every caller wait for it, and
 * each takes some 20 MB.
 */
const FEWEST_WORKERS = 2;
const MOST_WORKERS = 4;

export interface ThreadsRequest {
  readonly options: MountOptions;
  /** Serves requests. */
  readonly fileSystem: ModuleSource;
  /** Hears what others change. */
  readonly listener?: ModuleSource;
}

/** What must be known of the threads before the file system is mounted. */
export interface ThreadTraits extends FileSystemTraits, ListenerTraits {}

export type FileSystemWorker = WorkerThread<FileSystemTraits, WorkerOrders, WorkerEnd>;
type ListenerThread = WorkerThread<ListenerTraits, ListenerOrders, object>;

export class Threads {
  readonly workers: readonly FileSystemWorker[];
  readonly listener: ListenerThread | undefined;
  /** What all of them know of the kernel's caches. */
  readonly boardMemory: SharedArrayBuffer;
  /** Of the writes that are synced right after. */
  readonly stableWritesMemory = StableWrites.createMemory();
  /** Of directories that were made here. */
  readonly freshDirectoriesMemory = FreshDirectories.createMemory();
  /** Which worker watches the device. */
  readonly watchMemory = createWatchMemory();
  /** Of the table of lock waits. */
  readonly parkedMemory = createParkedMemory();
  /** Of the order of READs and WRITEs. */
  readonly orderMemory: SharedArrayBuffer;

  constructor({ options, fileSystem, listener }: ThreadsRequest) {
    const suggested = Math.min(MOST_WORKERS, Math.max(FEWEST_WORKERS, availableParallelism()));
    const count = options.workers ?? suggested;
    this.boardMemory = CacheBoard.createMemory(count);
    this.orderMemory = WriteOrder.createMemory(count);
    const { parkedMemory, orderMemory, watchMemory } = this;
    const common = { parkedMemory, orderMemory };
    const ofWorkers = { ...common, watchMemory, source: fileSystem };
    this.workers = Array.from(
      { length: count },
      (_, index) => new WorkerThread(workerProgram, { ...ofWorkers, index }),
    );
    this.listener = listener && new WorkerThread(listenerProgram, { ...common, source: listener });
  }

  /** Fulfilled when all have what they need; rejected when one cannot have it. */
  async ready(): Promise<ThreadTraits> {
    const [traits, listening] = await Promise.all([
      Promise.all(this.workers.map((worker) => worker.ready)),
      this.listener?.ready,
    ]);
    return {
      locks: traits.every(({ locks }) => locks),
      extendedAttributes: traits.every(({ extendedAttributes }) => extendedAttributes),
      isTold: listening?.isTold === true,
    };
  }

  async terminate(): Promise<void> {
    await Promise.all([...this.workers, this.listener].map((thread) => thread?.terminate()));
  }
}
