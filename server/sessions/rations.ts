import { DafsStatus } from '../../client/protocol/status.ts';
import { refuse } from '../engine/refusal.ts';
import type { Limits } from './limits.ts';

/** The limits that a client runs into by wanting more, and what it then gets no more of. */
const goods = {
  maxSessionsPerClient: 'sessions',
  maxMessageMemoryBytesPerProcess: 'memory for messages',
  maxOpens: 'opens',
  maxOpensPerClient: 'opens',
  maxLocksPerClient: 'locks',
  maxWaitsPerClient: 'waits for locks',
  maxCredentialsPerClient: 'credentials',
} as const satisfies Partial<Record<keyof Limits, string>>;

export type RationName = keyof typeof goods;

/** Whoever asks, as the kernel vouches for it. */
export interface Asker {
  readonly uid: number;
  readonly pid: number;
}

/** A process is named for each limit once in this time, however often it asks. */
const REPORT_INTERVAL_MS = 60_000;
/** So many are remembered to have been named. */
const MAXIMUM_REPORTS = 1000;

/** Says no to clients that have as much as they may, and says so to whoever runs the server. */
export class Rations {
  readonly #limits: Limits;
  readonly #report: (message: string) => void;
  readonly #nowMs: () => number;
  readonly #reportedMs = new Map<string, number>();
  readonly #refusals = new Map<RationName, number>();

  constructor(limits: Limits, nowMs: () => number, report: (message: string) => void) {
    this.#limits = limits;
    this.#nowMs = nowMs;
    this.#report = report;
  }

  /** How often each limit has been the reason to refuse something. */
  get refusals(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#refusals);
  }

  /**
   * @param maximum what the client may have; less than the limit where that was negotiated
   * @throws Refusal DAFSERR_RESOURCE, always
   */
  refuse({ uid, pid }: Asker, name: RationName, maximum = this.#limits[name]): never {
    this.#refusals.set(name, (this.#refusals.get(name) ?? 0) + 1);
    const key = `${name} ${pid} ${uid}`;
    const nowMs = this.#nowMs();
    if (nowMs - (this.#reportedMs.get(key) ?? Number.NEGATIVE_INFINITY) >= REPORT_INTERVAL_MS) {
      if (this.#reportedMs.size >= MAXIMUM_REPORTS) {
        this.#reportedMs.clear();
      }
      this.#reportedMs.set(key, nowMs);
      this.#report(
        `process ${pid} of user ${uid} gets no more ${goods[name]}: ${name} is ${maximum}`,
      );
    }
    refuse(DafsStatus.DAFSERR_RESOURCE);
  }
}
