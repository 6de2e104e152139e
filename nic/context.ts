import { fstatSync } from 'node:fs';
import { CompletionGroup } from './completion-group.ts';
import { CompletionQueue } from './completion-queue.ts';
import { Doorbell } from './doorbell.ts';
import { NicError } from './error.ts';
import type { FaultInjector } from './fault-injection.ts';
import { PollBudget } from './poll-budget.ts';
import { ProtectionDomain } from './protection-domain.ts';
import type { QueuePair } from './queue-pair.ts';
import { SegmentBudget } from './segment-budget.ts';
import { PollEvent } from './system-calls.ts';
import { MemoryKeys } from './translation-protection-table.ts';
import { PollSet } from './unix-socket.ts';
import type { WakerToken } from './waker.ts';

export type BeforeSleep = (sleptMs: number) => number;

export interface ContextOptions {
  /** How long a wait polls at most before it sleeps; 100 when it is left out, 0 never to poll. */
  pollMicroseconds?: number;
  /**
   * Called each time before a wait sleeps, in whose course nothing else happens in this thread: how
   * long the wait has slept, and back how long it may sleep until the next call, in milliseconds.
   */
  beforeSleep?: BeforeSleep;
  faults?: FaultInjector;
}

/** How often a context that is polled looks at its sockets. */
const SERVICE_INTERVAL_MS = 20;
/** Idle polls between two looks at the clock, which costs as much as a poll. */
const POLLS_PER_LOOK = 64;

/** The NIC as one thread has it: all objects made from a context belong to the thread that opened it. */
export class Context {
  /** @internal */ readonly keys = new MemoryKeys();
  /** @internal */ readonly doorbell = new Doorbell();
  /** @internal */ readonly domains = new Set<ProtectionDomain>();
  /** @internal */ readonly segmentBudget = new SegmentBudget();
  /** @internal */ readonly queues = new Set<CompletionQueue>();
  /** @internal */ readonly faults: FaultInjector | undefined;
  /** @internal */ readonly pollBudget: PollBudget;
  /** @internal */ readonly beforeSleep: BeforeSleep | undefined;
  readonly #wakes = new Int32Array(new SharedArrayBuffer(4));
  readonly #connected = new Set<QueuePair>();
  readonly #pollSet = new PollSet();
  #watched: QueuePair[] = [];
  #isWatchStale = false;
  #wakesTaken = 0;
  #queuePairs = 0;
  #idlePolls = 0;
  #servicedMs = performance.now();
  #closed = false;

  private constructor(options: ContextOptions) {
    this.faults = options.faults;
    this.beforeSleep = options.beforeSleep;
    this.pollBudget = new PollBudget(options.pollMicroseconds);
  }

  static open(options: ContextOptions = {}): Context {
    return new Context(options);
  }

  allocateProtectionDomain(): ProtectionDomain {
    this.#requireOpen();
    const domain = new ProtectionDomain(this);
    this.domains.add(domain);
    return domain;
  }

  /** @param entries as many as its queue pairs' work requests can be outstanding together. */
  createCompletionQueue(entries: number): CompletionQueue {
    this.#requireOpen();
    const queue = new CompletionQueue(this, entries);
    this.queues.add(queue);
    return queue;
  }

  createCompletionGroup(): CompletionGroup {
    this.#requireOpen();
    return new CompletionGroup(this);
  }

  /** A token with which another thread of this process can end a wait of this context. */
  waker(): WakerToken {
    this.#requireOpen();
    const fd = this.doorbell.bellSegment.descriptor;
    return { fd, inode: fstatSync(fd).ino, counter: this.#wakes.buffer as SharedArrayBuffer };
  }

  /** Whether a Waker has woken this context since the last call. */
  takeWake(): boolean {
    const wakes = Atomics.load(this.#wakes, 0);
    if (wakes === this.#wakesTaken) return false;
    this.#wakesTaken = wakes;
    return true;
  }

  /** @internal */
  get isWakePending(): boolean {
    return Atomics.load(this.#wakes, 0) !== this.#wakesTaken;
  }

  /** @internal */
  nextQueuePairNumber(): number {
    this.#queuePairs++;
    return this.#queuePairs;
  }

  /** @internal */
  watch(queuePair: QueuePair): void {
    this.#connected.add(queuePair);
    this.#isWatchStale = true;
  }

  /** @internal */
  unwatch(queuePair: QueuePair): void {
    this.#connected.delete(queuePair);
    this.#isWatchStale = true;
  }

  /** @internal A poll found nothing: now and then time to look at the sockets. */
  idlePoll(): void {
    this.#idlePolls++;
    if (this.#idlePolls % POLLS_PER_LOOK === 0) this.serviceIfDue();
  }

  /** @internal Looks at the sockets unless that was done so many milliseconds ago. */
  serviceIfDue(intervalMs = SERVICE_INTERVAL_MS, nowMs = performance.now()): void {
    if (nowMs - this.#servicedMs >= intervalMs) this.service();
  }

  /**
   * Takes in what the sockets tell: deaths, and segments come and gone. Whoever waits does so by itself;
   * a context that always has something to do needs to be told from time to time.
   */
  service(): void {
    if (this.#isWatchStale) this.#renewWatch();
    const ready = this.#watched.length === 0 ? 0 : this.#pollSet.poll(0);
    for (const [index, queuePair] of this.#watched.entries()) {
      const events = ready === 0 ? 0 : this.#pollSet.events(index);
      queuePair.service((events & (PollEvent.IN | PollEvent.HUP | PollEvent.ERR)) !== 0);
    }
    this.#servicedMs = performance.now();
  }

  #renewWatch(): void {
    this.#isWatchStale = false;
    this.#watched = [...this.#connected];
    this.#pollSet.assign(this.#watched.map((queuePair) => queuePair.connection?.socket ?? -1));
  }

  #requireOpen(): void {
    if (this.#closed) throw new NicError('CLOSED', 'the context is closed');
  }

  /** Closes everything that was made from it. Arenas are their makers' to close. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const domain of this.domains) domain.dismantle();
    for (const queue of this.queues) queue.close();
    this.#pollSet.close();
    this.doorbell.close();
  }
}
