/** So many connections wait for the data plane; more stay with the kernel, which has room for them. */
const MAXIMUM = 16;

/** Counts the connections that the control side has handed over and the data plane has yet to take. */
export class PendingConnections {
  #count = 0;
  #waiter: PromiseWithResolvers<void> | undefined;

  add(): void {
    this.#count += 1;
  }

  remove(): void {
    this.#count -= 1;
    this.#waiter?.resolve();
    this.#waiter = undefined;
  }

  /** Waits until another one can be handed over. */
  async room(): Promise<void> {
    while (this.#count >= MAXIMUM) {
      this.#waiter = Promise.withResolvers();
      await this.#waiter.promise;
    }
  }
}
