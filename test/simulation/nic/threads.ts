/** Threads that the server starts: here they do their work when the simulation wants them to. */
import Database from 'better-sqlite3';
import { Shared, State } from '../../../server/store/checkpointer.ts';
import { isBreakdown } from '../../../server/store/database-error.ts';

/** A thread of a simulated server. */
export interface SimulatedThread {
  /** Does what it was asked to; false: nothing. */
  work(): boolean;
}

export const threads = new Set<SimulatedThread>();

/** What the checkpointer starts its thread with. */
interface CheckpointData {
  readonly path: string;
  readonly shared: Int32Array;
}

/** Stands in for the thread that checkpoints (server/store/checkpoint-worker.ts). */
class CheckpointThread implements SimulatedThread {
  readonly #data: CheckpointData;

  constructor(data: CheckpointData) {
    this.#data = data;
  }

  work(): boolean {
    const { shared } = this.#data;
    const state = Atomics.load(shared, Shared.STATE);
    if (state === State.REQUESTED) {
      this.#checkpoint();
      Atomics.store(shared, Shared.STATE, State.IDLE);
    } else if (state === State.CLOSING) {
      Atomics.store(shared, Shared.STATE, State.CLOSED);
    }
    return state === State.REQUESTED || state === State.CLOSING;
  }

  #checkpoint(): void {
    const { path, shared } = this.#data;
    const database = new Database(path, { timeout: 0, fileMustExist: true });
    try {
      database.pragma('synchronous = NORMAL');
      database.pragma('wal_autocheckpoint = 0');
      const [result] = database.pragma('wal_checkpoint(PASSIVE)') as [
        { log: number; checkpointed: number },
      ];
      Atomics.store(shared, Shared.LOG_PAGES, result.log);
      Atomics.store(shared, Shared.WRITTEN_PAGES, result.checkpointed);
    } catch (error) {
      Atomics.store(shared, Shared.WRITTEN_PAGES, 0);
      Atomics.store(shared, Shared.HAS_FAILED, isBreakdown(error) ? 1 : 0);
    } finally {
      database.close();
    }
  }
}

export function startThread(source: URL, workerData: unknown): { unref(): void } {
  if (!source.pathname.endsWith('/checkpoint-worker.ts')) {
    throw new Error(`the simulation has no thread ${source.pathname}`);
  }
  threads.add(new CheckpointThread(workerData as CheckpointData));
  return { unref() {} };
}
