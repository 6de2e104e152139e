/**
 * What the server finds in place of the thread that syncs its log (module-hooks.ts): the variant that
 * syncs in the caller's thread, whose end the simulation brings about later. What was written after it
 * began is not covered by it.
 */
import { BlockingLogSync, type LogSync } from '../../server/store/log-sync.ts';
import { storage } from './machine/storage.ts';
import { type SimulatedThread, threads } from './nic/threads.ts';

export class LogSyncThread extends BlockingLogSync implements LogSync, SimulatedThread {
  /** What brings each of the files onto the disk that are being synced. */
  #endings: (() => void)[] = [];

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
    return this.#endings.length === 0 && super.hasEnded();
  }

  override await(): void {
    while (this.work());
    super.await();
  }

  override close(): void {
    while (this.work());
    super.close();
  }

  /** Ends with the next file: of several, some may be on the disk when the power is cut. */
  work(): boolean {
    const end = this.#endings.shift();
    end?.();
    return end !== undefined;
  }
}
