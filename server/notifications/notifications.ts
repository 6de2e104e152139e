import type { Clock } from '../engine/clock.ts';
import type { Directives } from '../engine/directives.ts';
import type { Client, Session } from '../sessions/session.ts';
import type { ChangeFeed, ChangeWatcher } from '../store/change-feed.ts';
import type { FileId } from '../store/index.ts';
import { SharedFiles } from './shared-files.ts';
import { Subscription } from './subscription.ts';

export interface NotificationsOptions {
  readonly clock: Clock;
  /** Where the store tells of changes. */
  readonly feed: ChangeFeed;
  /** How many clients the server has. */
  readonly clientCount: () => number;
}

/**
 * Tells clients what others change, and whether there are others (extension NOTIFY). A client's own
 * changes are known to it, with one exception (`dataChanged`). While there is one client alone nothing
 * is recorded.
 */
export class Notifications implements ChangeWatcher {
  /** In whose name changes are made now; undefined for what the server does by itself. */
  actor: Client | undefined;
  readonly #options: NotificationsOptions;
  readonly #subscriptions = new Map<Client, Subscription>();
  readonly #sharedFiles = new SharedFiles();

  constructor(options: NotificationsOptions) {
    this.#options = options;
  }

  /** Whether some client may be told something. */
  get #isAlone(): boolean {
    return this.#options.clientCount() <= 1;
  }

  /**
   * From now on the session's client is told of changes on the session's back-control channel; a
   * second time, what it wants to hear of changes.
   * @returns whether it is the only client
   */
  subscribe(
    client: Client,
    session: Session,
    directives: Directives,
    wantsNames: boolean,
  ): boolean {
    const isAlone = this.#isAlone;
    const known = this.#subscriptions.get(client);
    if (known?.session === session) {
      known.wantsNames = wantsNames;
    } else {
      const subscription = new Subscription(client, session, directives, { wantsNames, isAlone });
      subscription.begin();
      this.#subscriptions.set(client, subscription);
      this.clientsChanged();
      known?.end();
    }
    return isAlone;
  }

  /** The session can take no more messages. */
  unsubscribe(session: Session): void {
    const { client } = session;
    const subscription = client && this.#subscriptions.get(client);
    if (client !== undefined && subscription?.session === session) {
      this.#subscriptions.delete(client);
      this.clientsChanged();
      subscription.end();
    }
  }

  /** To be called when a client came or went, before it can do anything. */
  clientsChanged(): void {
    const isCollecting = this.#subscriptions.size > 0 && !this.#isAlone;
    this.#options.feed.watcher = isCollecting ? this : undefined;
    if (!isCollecting) {
      this.#sharedFiles.clear();
    }
  }

  /** Whether a client has acted upon all that others have done to a file; false without subscription. */
  isCoherent(client: Client, id: FileId): boolean {
    return this.#subscriptions.get(client)?.isCoherent(id) === true;
  }

  /** Whether a client that is told of changes has yet to act upon one that others made to a file. */
  owes(client: Client, id: FileId): boolean {
    return this.#subscriptions.get(client)?.isCoherent(id) === false;
  }

  /**
   * Calls `goOn` when a client has acted upon what others have done to a file so far: at once unless it
   * has yet to. Who is not told of changes is expected to look for them.
   */
  whenCoherent(client: Client, id: FileId, goOn: () => void): void {
    const subscription = this.#subscriptions.get(client);
    if (subscription === undefined) {
      goOn();
    } else {
      subscription.whenCoherent(id, goOn);
    }
  }

  attributesChanged(id: FileId): void {
    for (const subscription of this.#subscriptions.values()) {
      if (this.#concerns(subscription)) {
        subscription.attributesChanged(id);
      }
    }
  }

  /**
   * Of a file that several clients change, a client is told its own changes too. Between putting data
   * into its cache and sending it, it may have forgotten the place because of another's change, and
   * have read it anew, without its own.
   */
  dataChanged(id: FileId, offset: number, end: number): void {
    const { actor } = this;
    const nowMs = this.#options.clock.monotonicMs();
    const isShared = actor !== undefined && this.#sharedFiles.changed(id, actor, nowMs);
    for (const subscription of this.#subscriptions.values()) {
      if (this.#concerns(subscription) || (isShared && subscription.client === actor)) {
        subscription.dataChanged(id, offset, end);
      }
    }
  }

  nameChanged(directory: FileId, name: Uint8Array): void {
    for (const subscription of this.#subscriptions.values()) {
      if (this.#concerns(subscription)) {
        subscription.nameChanged(directory, name);
      }
    }
  }

  /** Sends what is due. To be called after each batch of requests, and after {@link dueMs}. */
  flush(): void {
    this.actor = undefined;
    if (this.#subscriptions.size === 0) {
      return;
    }
    const nowMs = this.#options.clock.monotonicMs();
    const isAlone = this.#isAlone;
    for (const subscription of this.#subscriptions.values()) {
      if (subscription.dueMs(nowMs, isAlone) === 0) {
        subscription.send(nowMs, isAlone);
      }
    }
  }

  /** How long until there is something to send; Infinity when there is not. */
  dueMs(): number {
    if (this.#subscriptions.size === 0) {
      return Number.POSITIVE_INFINITY;
    }
    const nowMs = this.#options.clock.monotonicMs();
    const isAlone = this.#isAlone;
    let dueMs = Number.POSITIVE_INFINITY;
    for (const subscription of this.#subscriptions.values()) {
      dueMs = Math.min(dueMs, subscription.dueMs(nowMs, isAlone));
    }
    return dueMs;
  }

  #concerns(subscription: Subscription): boolean {
    return this.actor !== undefined && this.actor !== subscription.client;
  }
}
