import type { Client } from '../sessions/session.ts';

/** Requests for which company is remembered. */
const remembered = 64;

/**
 * Whether one client alone asks, and one request at a time: then nobody else waits while the thread that
 * serves waits for something.
 */
export class Solitude {
  #client: Client | undefined;
  #inRound = 0;
  /** Requests until company is forgotten. */
  #left = remembered;

  /** A request has come. */
  received(client: Client | undefined): void {
    this.#inRound++;
    if (client !== this.#client || this.#inRound > 1) {
      this.#client = client;
      this.#left = remembered;
    } else if (this.#left > 0) {
      this.#left--;
    }
  }

  /** All requests that had come have been executed. */
  roundEnded(): void {
    this.#inRound = 0;
  }

  get isCertain(): boolean {
    return this.#left === 0;
  }
}
