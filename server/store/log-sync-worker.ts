/** The thread that syncs the logs: see log-sync-thread.ts. */
import { fdatasyncSync } from 'node:fs';
import { constants } from 'node:os';
import { workerData } from 'node:worker_threads';
import { Waker } from '../../nic/index.ts';
import { type LogSyncThreadData, Shared, State } from './log-sync-thread.ts';

const { shared, waker: token } = workerData as LogSyncThreadData;
const waker = Waker.open(token);

while (serve(Atomics.load(shared, Shared.STATE))) {
  Atomics.wait(shared, Shared.STATE, State.IDLE);
}

function serve(state: number): boolean {
  if (state === State.CLOSING) {
    waker.close();
    finish(State.CLOSED);
    return false;
  }
  if (state === State.REQUESTED) {
    Atomics.store(shared, Shared.ERRNO, sync());
    finish(State.IDLE);
    waker.wake();
  }
  return true;
}

/** @returns 0, or a negative errno. */
function sync(): number {
  try {
    const files = Shared.FILES;
    for (const file of shared.subarray(files, files + Atomics.load(shared, Shared.COUNT))) {
      fdatasyncSync(file);
    }
    return 0;
  } catch (error) {
    return (error as NodeJS.ErrnoException).errno ?? -constants.errno.EIO;
  }
}

function finish(state: number): void {
  Atomics.store(shared, Shared.STATE, state);
  Atomics.notify(shared, Shared.STATE);
}
