import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** A collection takes tens of milliseconds: it is left alone while less than this could come of it. */
const WORTH_BYTES = 8 << 20;

/** By then what has to be started is running. */
const STARTED_MS = 1000;

type Collect = (options: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void;

/**
 * The calling thread's JavaScript heap, as something that gives memory back. V8 shrinks the heap of an
 * idle thread by tasks of its event loop, and a thread that waits in a futex or in poll(2) runs none:
 * what it once needed it keeps for good. An ordinary collection keeps the pages, too; only the one
 * that V8 has for when memory runs out returns them.
 */
export class Heap {
  #leftBytes = 0;
  #collect: Collect | undefined;

  /**
   * Gives what is not needed back to the kernel if the heap has grown by 8 MB or more since the last
   * time, or has never been looked at. Stops the thread for tens of milliseconds then.
   *
   * @returns whether it collected
   */
  giveBack(): boolean {
    if (getHeapStatistics().total_heap_size - this.#leftBytes < WORTH_BYTES) {
      return false;
    }
    this.#collect ??= exposedCollect();
    this.#collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    this.#leftBytes = getHeapStatistics().total_heap_size;
    return true;
  }
}

/**
 * Has the calling thread give back what its start took, once that is over: it runs an event loop, but
 * does so little in it from then on that V8 sees no reason to collect. Keeps no process running.
 */
export function giveBackAfterStart(): void {
  setTimeout(() => new Heap().giveBack(), STARTED_MS).unref();
}

/** V8's `gc`, which only a context has that was made while the flag was set. */
function exposedCollect(): Collect {
  setFlagsFromString('--expose-gc');
  try {
    return runInNewContext('gc');
  } finally {
    setFlagsFromString('--no-expose-gc');
  }
}
