/** The thread that checkpoints: see checkpointer.ts. */
import { workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { Shared, State } from './checkpointer.ts';
import { isBreakdown } from './database-error.ts';

interface CheckpointResult {
  readonly log: number;
  readonly checkpointed: number;
}

const { path, shared } = workerData as { path: string; shared: Int32Array };

const database = open();
/** Prepared once: statements are given back by the garbage collector, which has no cause to run here. */
const passiveCheckpoint = database.prepare<[], CheckpointResult>('PRAGMA wal_checkpoint(PASSIVE)');

while (serve(Atomics.load(shared, Shared.STATE))) {
  Atomics.wait(shared, Shared.STATE, State.IDLE);
}

/** Without a connection there is no worker, and the store's own thread does what has to be done. */
function open(): Database.Database {
  try {
    const connection = new Database(path, { timeout: 0, fileMustExist: true });
    connection.pragma('synchronous = NORMAL');
    connection.pragma('wal_autocheckpoint = 0');
    return connection;
  } catch (error) {
    finish(State.CLOSED);
    throw error;
  }
}

function serve(state: number): boolean {
  if (state === State.CLOSING) {
    database.close();
    finish(State.CLOSED);
    return false;
  }
  if (state === State.REQUESTED) {
    checkpoint();
    finish(State.IDLE);
  }
  return true;
}

/** A failure leaves all in the log; a full disk the store meets itself when the log has to start over. */
function checkpoint(): void {
  try {
    const [result] = passiveCheckpoint.all() as [CheckpointResult];
    Atomics.store(shared, Shared.LOG_PAGES, result.log);
    Atomics.store(shared, Shared.WRITTEN_PAGES, result.checkpointed);
  } catch (error) {
    Atomics.store(shared, Shared.WRITTEN_PAGES, 0);
    Atomics.store(shared, Shared.HAS_FAILED, isBreakdown(error) ? 1 : 0);
  }
}

function finish(state: number): void {
  Atomics.store(shared, Shared.STATE, state);
  Atomics.notify(shared, Shared.STATE);
}
