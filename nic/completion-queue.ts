import { defineLayout } from './binary-layout.ts';
import type { Context } from './context.ts';
import { DescriptorRing } from './descriptor-ring.ts';
import { NicError, requireInteger } from './error.ts';
import type { QueuePair } from './queue-pair.ts';
import { VendorError, WcStatus, type WorkCompletion } from './work-request.ts';

const entryLayout = defineLayout('CompletionEntry', 48, {
  wrId: 'f64',
  /** -1 or 32 bits. */
  immediate: 'f64',
  status: 'i32',
  opcode: 'i32',
  byteLength: 'i32',
  qpNumber: 'i32',
  vendorError: 'i32',
  padding: 12,
});
const { wrId: WR_ID, immediate: IMMEDIATE, status: STATUS, opcode: OPCODE } = entryLayout.word;
const { byteLength: BYTE_LENGTH, qpNumber: QP_NUMBER } = entryLayout.word;
const { vendorError: VENDOR_ERROR } = entryLayout.word;

const MAXIMUM_ENTRIES = 1 << 20;
const NOT_ARMED = 0;
const ARMED = 1;
const ARMED_FOR_SOLICITED = 2;

/**
 * Where the completions of queue pairs arrive. Give it room for all the work requests that its queue
 * pairs can have outstanding at a time: one completion too many kills it.
 *
 * The NIC has no processor of its own: it works while the process polls or waits.
 */
export class CompletionQueue {
  readonly entries: number;
  /** @internal */ readonly context: Context;
  /** @internal Queue pairs that complete here. */
  readonly queuePairs: QueuePair[] = [];
  readonly #ring: DescriptorRing;
  #armed = NOT_ARMED;
  #event = false;
  #dead = false;
  #closed = false;

  /** @internal Made by Context.createCompletionQueue. */
  constructor(context: Context, entries: number) {
    requireInteger("a completion queue's entries", entries, 1, MAXIMUM_ENTRIES);
    this.context = context;
    this.entries = entries;
    this.#ring = new DescriptorRing(entryLayout, entries);
  }

  /**
   * Takes up to `max` completions without waiting; the objects in `completions` are overwritten.
   * @returns how many.
   * @throws NicError CQ_OVERRUN once the queue has overflowed: what it held is lost.
   */
  poll(completions: WorkCompletion[], max: number = completions.length): number {
    const found = this.harvest(completions, 0, max);
    if (found === 0) this.context.idlePoll();
    return found;
  }

  /** @internal poll, from an index on; with completions taken before that it does not throw. */
  harvest(completions: WorkCompletion[], from: number, end: number): number {
    if (this.#dead && from > 0) return 0;
    if (this.#dead) this.#throwDead();
    if (this.#ring.length < end - from) this.progress();
    let at = from;
    while (at < end && !this.#ring.isEmpty) {
      this.#shiftInto(completions[at] as WorkCompletion);
      at++;
    }
    return at - from;
  }

  #throwDead(): never {
    const problem = this.#closed ? 'is closed' : `overflowed its ${this.entries} entries`;
    throw new NicError(this.#closed ? 'CLOSED' : 'CQ_OVERRUN', `the completion queue ${problem}`);
  }

  /** @internal Lets the queue pairs that complete here go on. */
  progress(): void {
    const queuePairs = this.queuePairs;
    for (let index = 0; index < queuePairs.length; index++) {
      (queuePairs[index] as QueuePair).progress(this);
    }
  }

  /** @internal */
  get isDead(): boolean {
    return this.#dead;
  }

  #shiftInto(completion: WorkCompletion): void {
    const { oldest: at, words, floats } = this.#ring;
    completion.wrId = floats[(at + WR_ID) >> 1] as number;
    completion.immediate = floats[(at + IMMEDIATE) >> 1] as number;
    completion.status = words[at + STATUS] as number;
    completion.opcode = words[at + OPCODE] as number;
    completion.byteLength = words[at + BYTE_LENGTH] as number;
    completion.qpNumber = words[at + QP_NUMBER] as number;
    completion.vendorError = words[at + VENDOR_ERROR] as number;
    this.#ring.shift();
  }

  /** @internal A request succeeded. */
  succeed(
    wrId: number,
    opcode: number,
    byteLength: number,
    immediate: number,
    qpNumber: number,
    solicited: boolean,
  ): void {
    this.#push(
      wrId,
      WcStatus.SUCCESS,
      opcode,
      byteLength,
      immediate,
      qpNumber,
      VendorError.NONE,
      solicited,
    );
  }

  /** @internal A request failed or was flushed. */
  fail(wrId: number, status: number, qpNumber: number, vendorError: number): void {
    this.#push(wrId, status, -1, 0, -1, qpNumber, vendorError, true);
  }

  #push(
    wrId: number,
    status: number,
    opcode: number,
    byteLength: number,
    immediate: number,
    qpNumber: number,
    vendorError: number,
    solicited: boolean,
  ): void {
    if (this.#dead) return;
    const ring = this.#ring;
    if (ring.isFull) {
      this.#overrun();
      return;
    }
    const at = ring.claim();
    const { words, floats } = ring;
    floats[(at + WR_ID) >> 1] = wrId;
    floats[(at + IMMEDIATE) >> 1] = immediate;
    words[at + STATUS] = status;
    words[at + OPCODE] = opcode;
    words[at + BYTE_LENGTH] = byteLength;
    words[at + QP_NUMBER] = qpNumber;
    words[at + VENDOR_ERROR] = vendorError;
    if (this.#armed === ARMED || (this.#armed === ARMED_FOR_SOLICITED && solicited)) this.#notify();
  }

  #notify(): void {
    this.#armed = NOT_ARMED;
    this.#event = true;
  }

  #overrun(): void {
    this.#dead = true;
    this.#ring.clear();
    if (this.#armed !== NOT_ARMED) this.#notify();
    // Their completions have nowhere to go any more.
    for (const queuePair of [...this.queuePairs]) queuePair.enterError();
  }

  /**
   * Asks for one event at the next completion that arrives from now on.
   * @param solicitedOnly only for messages sent with SendFlag.SOLICITED, and for errors.
   */
  arm(solicitedOnly = false): void {
    if (this.#dead) this.#throwDead();
    if (this.#armed !== ARMED) this.#armed = solicitedOnly ? ARMED_FOR_SOLICITED : ARMED;
  }

  /** Whether the event that `arm` asked for has come; true once for each time. */
  takeEvent(): boolean {
    if (!this.#event) this.progress();
    const event = this.#event;
    this.#event = false;
    return event;
  }

  /** @throws NicError BUSY while queue pairs complete here. */
  close(): void {
    if (this.#closed) return;
    if (this.queuePairs.length > 0) {
      throw new NicError('BUSY', 'queue pairs still complete in the completion queue');
    }
    this.#closed = true;
    this.#dead = true;
    this.context.queues.delete(this);
    this.#ring.close();
  }
}
