/**
 * Flow control and streams of one channel, seen by the requester (DAFS 1.0, 3.2.6.4.2 and 5.2.1).
 *
 * The responder grants Nreq requests that may be outstanding at once and says in every response
 * where Nreq is to go. Each of the Nreq streams carries at most one request at a time, so the pair
 * of stream and sequence number names a request for ever after (the response cache relies on it).
 * The lowest free stream is taken: when Nreq shrinks, it is the highest streams that expire.
 */
export class Credits {
  /** How many requests this side has buffers for; more than that is never used, whatever is granted. */
  readonly capacity: number;

  #granted: number;
  #target: number;
  #outstanding = 0;
  readonly #isBusy: Uint8Array;
  readonly #sequenceNumbers: Uint16Array;

  constructor(capacity: number, granted: number) {
    this.capacity = capacity;
    this.#granted = Math.max(1, granted);
    this.#target = this.#granted;
    this.#isBusy = new Uint8Array(capacity);
    this.#sequenceNumbers = new Uint16Array(capacity);
  }

  /** How many requests may be outstanding now. */
  get limit(): number {
    return Math.min(this.#granted, this.capacity);
  }

  get outstanding(): number {
    return this.#outstanding;
  }

  /**
   * How many more responses the responder needs before Nreq is down to where it wants it. An idle
   * requester owes it that many NULL requests.
   */
  get excess(): number {
    return Math.max(0, this.#granted - this.#target);
  }

  /** Takes the lowest free stream, or returns -1 when no request may be sent now. */
  acquire(): number {
    if (this.#outstanding >= this.limit) {
      return -1;
    }
    const stream = this.#isBusy.indexOf(0);
    this.#isBusy[stream] = 1;
    this.#outstanding += 1;
    return stream;
  }

  /** Gives back a stream on which nothing was sent after all. */
  cancel(stream: number): void {
    this.#isBusy[stream] = 0;
    this.#outstanding -= 1;
  }

  /** Nreq is now `granted`: what the first exchange of a channel negotiates. */
  grant(granted: number): void {
    this.#granted = Math.max(1, granted);
    this.#target = this.#granted;
  }

  /** The sequence number for the next request on `stream`; it advances with each call and wraps. */
  nextSequenceNumber(stream: number): number {
    const sequenceNumber = this.#sequenceNumbers[stream] as number;
    this.#sequenceNumbers[stream] = sequenceNumber + 1;
    return sequenceNumber;
  }

  /** The sequence number of the request that was sent on `stream` last. */
  lastSequenceNumber(stream: number): number {
    return ((this.#sequenceNumbers[stream] as number) - 1) & 0xffff;
  }

  /** A response on `stream` arrived that carried `target` as its target_nreq. */
  release(stream: number, target: number): void {
    this.cancel(stream);
    this.#target = Math.max(1, target);
    this.#granted = Math.max(this.#granted - 1, this.#target);
  }
}
