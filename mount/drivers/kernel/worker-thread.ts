/** A thread of the mount as the main thread sees it: it connects, gets orders, and ends. */

import type { Worker } from 'node:worker_threads';
import { startThread } from '../../../nic/thread.ts';
import type { Report } from './control.ts';

/** A thread could not start or not go on; `code` says why. */
export class WorkerError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'WorkerError';
    this.code = code;
  }
}

export class WorkerThread<Traits, Orders, End> {
  /** Fulfilled when the thread has what it needs; rejected when it cannot have it. */
  readonly ready: Promise<Traits>;

  readonly #worker: Worker;
  readonly #end: Promise<End | Error>;

  constructor(program: URL, start: object) {
    const worker = startThread(program, start);
    this.#worker = worker;
    const became = Promise.withResolvers<Traits>();
    const end = Promise.withResolvers<End | Error>();
    const fail = (error: Error): void => {
      became.reject(error);
      end.resolve(error);
    };
    worker.on('message', (report: Report<Traits, End>) => {
      if (report.kind === 'ready') became.resolve(report.traits);
      else if (report.kind === 'ended') end.resolve(report);
      else fail(new WorkerError(report.code, report.message));
    });
    worker.on('error', (error) => fail(error instanceof Error ? error : new Error(String(error))));
    worker.on('exit', (status) => fail(new WorkerError('EXIT', `a worker exited with ${status}`)));
    this.ready = became.promise;
    this.#end = end.promise;
  }

  /** Lets the thread work; fulfilled with how it ended, or with why it cannot go on. */
  serve(orders: Orders): Promise<End | Error> {
    this.#worker.postMessage(orders);
    return this.#end;
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }
}
