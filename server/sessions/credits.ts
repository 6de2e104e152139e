/**
 * The responder's side of the flow control (section 3.2.6): how many requests a client may have
 * under way on a channel, and when receives are posted for them.
 */
export class ReceiveCredits {
  readonly #postReceive: () => void;
  #maximum = 1;
  #target = 1;
  /** Requests that are handled plus receives that are posted: the draft's Nreq. */
  #current = 0;

  /** @param postReceive posts one receive of the channel's request size. */
  constructor(postReceive: () => void) {
    this.#postReceive = postReceive;
  }

  /** What the next response announces: Target_Nreq, which is never 0. */
  get target(): number {
    return Math.max(1, this.#target);
  }

  get current(): number {
    return this.#current;
  }

  /** Posts the receive for the very first message. */
  begin(): void {
    this.#post(this.#target);
  }

  /** The channel's parameters are negotiated: all of its requests may be under way at once. */
  negotiated(maximum: number): void {
    this.#maximum = maximum;
    this.#target = maximum;
  }

  /** The last response on the channel is next: what follows are requests of our own. */
  retire(): void {
    this.#target = 0;
  }

  /** A request tells how many its sender would like to have under way; 0 says nothing. */
  desire(requests: number): void {
    if (requests > 0) {
      this.#target = Math.min(requests, this.#maximum);
    }
  }

  /**
   * Must be called before each response, in the order of the responses: the requester may send its
   * next request as soon as it has the response. An increase takes effect at once; a decrease by
   * one per response, by not posting, because posted receives cannot be taken back.
   */
  beforeResponse(): void {
    this.#current -= 1;
    if (this.#current < this.#target) {
      this.#post(this.#target - this.#current);
    }
  }

  #post(count: number): void {
    for (let posted = 0; posted < count; posted += 1) {
      this.#postReceive();
    }
    this.#current += count;
  }
}
