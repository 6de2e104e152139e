/** The thread that syncs the logs: see log-sync-thread.ts. */
import { workerData } from 'node:worker_threads';
import { Waker } from '../../nic/index.ts';
import { syncFiles } from './log-sync.ts';
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
    const files = shared.subarray(Shared.FILES, Shared.FILES + Atomics.load(shared, Shared.COUNT));
    Atomics.store(shared, Shared.ERRNO, syncFiles(files));
    finish(State.IDLE);
    waker.wake();
  }
  return true;
}

function finish(state: number): void {
  Atomics.store(shared, Shared.STATE, state);
  Atomics.notify(shared, Shared.STATE);
}
