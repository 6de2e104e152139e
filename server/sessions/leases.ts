import type { Clock } from '../engine/clock.ts';
import type { LockTable } from '../state/locks.ts';
import { type Open, type OpenTable, Share } from '../state/opens.ts';
import type { FileId } from '../store/index.ts';
import type { ClientRecords } from './client-records.ts';
import type { Client } from './session.ts';

/**
 * Between two looks no more than this counts as silence of the clients: a server that was stopped
 * itself has heard nobody.
 */
const LONGEST_LOOK_MS = 2000;

/** So many losses of a client are told it, the latest. */
const MAXIMUM_LOSSES = 4096;

export interface LeasesOptions {
  readonly leaseMs: number;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly opens: OpenTable;
  readonly locks: LockTable;
  readonly records: ClientRecords;
}

/**
 * What becomes of clients that are connected, but are not heard (section 4.4.1.1): stopped, or hung. Any
 * request renews a client's lease. When it is over, others get what they want and the client has: all of
 * its locks of that file, and with them the opens through which it could go on as if it had them. What
 * nobody wants it keeps, however long it is away, and all else that it has open.
 */
export class Leases {
  /** Clients whose leases were over at the last look. */
  readonly overdue: Set<Client> = new Set();
  readonly #options: LeasesOptions;
  #lastLookMs: number;

  constructor(options: LeasesOptions) {
    this.#options = options;
    this.#lastLookMs = options.clock.monotonicMs();
  }

  /** Looks who has been heard, and gives others what they wait for. To be called about once a second. */
  look(clients: Iterable<Client>): void {
    const nowMs = this.#options.clock.monotonicMs();
    const passedMs = Math.min(nowMs - this.#lastLookMs, LONGEST_LOOK_MS);
    this.#lastLookMs = nowMs;
    const wereOverdue = new Set(this.overdue);
    this.overdue.clear();
    for (const client of clients) {
      const requests = requestsOf(client);
      client.silentMs = requests === client.requestsHeard ? client.silentMs + passedMs : 0;
      client.requestsHeard = requests;
      if (this.#isOverdue(client)) {
        this.overdue.add(client);
      }
    }
    for (const client of this.overdue) {
      if (!wereOverdue.has(client)) {
        this.#letOthersIn(client);
      }
      for (const fileId of this.#options.locks.awaitedFiles(client)) {
        this.take(client, fileId);
      }
    }
  }

  /** Takes a file from a client whose lease is over: what is locked of it, or denied to others. */
  take(client: Client, fileId: FileId): void {
    if (!this.#isOverdue(client)) {
      return;
    }
    const { opens, locks } = this.#options;
    const lost = opens.opensOf(client, fileId).filter((open) => this.#wouldGoOn(open));
    const held = new Set(lost.flatMap((open) => [...locks.lockedBy(open)]));
    const lostLocks = [...held].flatMap(({ ranges, space }) =>
      ranges.map((range) => ({ kind: space.kind, range })),
    );
    const losses = [...lostLocks, ...lost.map(({ stateId }) => ({ stateId }))].map((loss) => {
      client.lastLoss += 1;
      return { ...loss, fileId, number: client.lastLoss };
    });
    client.losses = [...client.losses, ...losses].slice(-MAXIMUM_LOSSES);
    this.#record(client);
    // Or it would get what it loses here, by another open of its own.
    locks.endWaits(client, fileId);
    for (const open of lost) {
      opens.close(open);
    }
  }

  /** A client knows of its losses up to this number. */
  learnt(client: Client, number: number): void {
    const unknown = client.losses.filter((loss) => loss.number > number);
    if (unknown.length < client.losses.length) {
      client.losses = unknown;
      this.#record(client);
    }
  }

  #isOverdue(client: Client): boolean {
    return client.silentMs >= this.#options.leaseMs && requestsOf(client) === client.requestsHeard;
  }

  /** What is denied to others is free for all who come. */
  #letOthersIn(client: Client): void {
    const denied = [...client.opens].filter(keepsOthersOut).map(({ fileId }) => fileId);
    for (const fileId of new Set(denied)) {
      this.take(client, fileId);
    }
  }

  /**
   * Whether an open has to end with the locks of its file. What was changed under a lock may leave the
   * client through any of its opens that can write: its kernel chooses one.
   */
  #wouldGoOn(open: Open): boolean {
    const [locked] = this.#options.locks.lockedBy(open);
    return locked !== undefined || keepsOthersOut(open) || (open.access & Share.WRITE) !== 0;
  }

  #record(client: Client): void {
    if (client.isDurable) {
      this.#options.records.put(client);
    }
  }
}

/** Requests that have come by the sessions that a client has. */
function requestsOf({ sessions }: Client): number {
  let requests = 0;
  for (const { operations } of sessions) {
    requests += operations.requestCount;
  }
  return requests;
}

const keepsOthersOut = ({ deny, shareKey, deniesRemoval }: Open): boolean =>
  deny !== Share.NONE || shareKey !== undefined || deniesRemoval;
