/**
 * What the server finds in place of the thread that syncs its log (module-hooks.ts): the variant that
 * syncs in the caller's thread, whose end the simulation brings about later. What was written after it
 * began is not covered by it.
 */
import { BlockingLogSync, type LogSync } from '../../server/store/log-sync.ts';
import { storage } from './machine/storage.ts';
import { type SimulatedThread, threads } from './nic/threads.ts';

export class LogSyncThread extends BlockingLogSync implements LogSync, SimulatedThread {
  /** What ends the sync that is under way. */
  #endings: (() => void)[] | undefined;

  override begin(...values: Parameters<BlockingLogSync['begin']>): void {
    storage.isDeferring = true;
    try {
      super.begin(...values);
    } finally {
      storage.isDeferring = false;
    }
    this.#endings = storage.deferred.splice(0);
    threads.add(this);
  }

  override hasEnded(): boolean {
    return this.#endings === undefined && super.hasEnded();
  }

  override await(): void {
    this.work();
    super.await();
  }

  override close(): void {
    this.work();
    super.close();
  }

  work(): boolean {
    const endings = this.#endings;
    this.#endings = undefined;
    for (const end of endings ?? []) {
      end();
    }
    return endings !== undefined;
  }
}
