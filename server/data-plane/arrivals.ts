import { ConnectionRequest, type DetachedRequest } from '../../nic/index.ts';

/**
 * Connections that wait to be taken up. One costs as much as hundreds of requests, so whoever comes
 * and goes without end must not keep those who are here from theirs: after each connection, requests
 * have at least the time that it took.
 */
export class Arrivals {
  readonly #connect: (request: DetachedRequest) => void;
  readonly #onArrival: () => void;
  readonly #waiting: DetachedRequest[] = [];
  #dueMs = 0;

  /** @param onArrival is called for each when it does not wait any more */
  constructor(connect: (request: DetachedRequest) => void, onArrival: () => void) {
    this.#connect = connect;
    this.#onArrival = onArrival;
  }

  add(request: DetachedRequest): void {
    this.#waiting.push(request);
  }

  /** How long until the next one may be taken up; Infinity when none waits. */
  dueMs(): number {
    return this.#waiting.length === 0
      ? Number.POSITIVE_INFINITY
      : Math.max(0, this.#dueMs - performance.now());
  }

  /** Takes the next one up if it is time. */
  takeDue(): void {
    // Asked in each turn: without one that waits, not even the clock is looked at.
    if (this.dueMs() > 0) {
      return;
    }
    const beganMs = performance.now();
    this.#connect(this.#waiting.shift() as DetachedRequest);
    this.#onArrival();
    this.#dueMs = 2 * performance.now() - beganMs;
  }

  /** Sends all that wait away. */
  refuse(reason: string): void {
    for (const request of this.#waiting.splice(0)) {
      ConnectionRequest.attach(request).reject(reason);
      this.#onArrival();
    }
  }
}
