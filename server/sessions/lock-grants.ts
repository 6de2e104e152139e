import { operations } from '../../client/protocol/operations.ts';
import type { Directives } from '../engine/directives.ts';
import type { Notifications } from '../notifications/notifications.ts';
import type { FileId } from '../store/index.ts';
import type { Client } from './session.ts';

/** As many fit into the smallest request that a back-control channel carries. */
const WAITS_PER_NOTICE = 256;

/**
 * Tells clients of the locks that they have got (BC_LOCK_GRANTED). Who is told has acted upon all that
 * others had done to the file before: what he reads under the lock is not what it was before the lock.
 * And the lock outlives this server: who was told of one that is not committed would share it with whom
 * the next server gives it to.
 *
 * A client is told one notice at a time; what is granted before it has answered goes with the next one.
 */
export class LockGrants {
  readonly #notifications: Pick<Notifications, 'whenCoherent'>;
  /** What clients are to be told next. */
  readonly #untold = new Map<Client, readonly bigint[]>();
  /** Clients that have yet to answer a notice. */
  readonly #unanswered = new Set<Client>();

  constructor(notifications: Pick<Notifications, 'whenCoherent'>) {
    this.#notifications = notifications;
  }

  /** Tells a client that it has a lock of a file, as soon as that may be. */
  tell(client: Client, fileId: FileId, waitId: bigint): void {
    this.#notifications.whenCoherent(client, fileId, () => {
      this.#set(client, [...this.#untoldTo(client), waitId]);
    });
  }

  /** Sends what is due. To be called when all locks that were granted are committed. */
  flush(): void {
    for (const [client, waitIds] of this.#untold) {
      if (!this.#unanswered.has(client)) {
        this.#untold.delete(client);
        this.#send(client, waitIds);
      }
    }
  }

  #untoldTo(client: Client): readonly bigint[] {
    return this.#untold.get(client) ?? [];
  }

  #set(client: Client, waitIds: readonly bigint[]): void {
    if (waitIds.length > 0) {
      this.#untold.set(client, waitIds);
    }
  }

  #send(client: Client, waitIds: readonly bigint[]): void {
    const directives = directivesTo(client);
    if (directives === undefined) {
      // It asks again when it has come back.
      return;
    }
    const told = waitIds.slice(0, WAITS_PER_NOTICE);
    this.#set(client, waitIds.slice(WAITS_PER_NOTICE));
    this.#unanswered.add(client);
    directives.send(operations.BC_LOCK_GRANTED, { waitIds: told }, (status) => {
      this.#unanswered.delete(client);
      // Without an answer the channel is lost: another one of the client's may be left.
      if (status === undefined) {
        this.#set(client, [...told, ...this.#untoldTo(client)]);
      }
    });
  }
}

/** The way to ask a client, by whichever session has one. */
export function directivesTo({ sessions }: Client): Directives | undefined {
  for (const { backControl } of sessions) {
    if (backControl?.isClosed === false) {
      return backControl.directives;
    }
  }
  return undefined;
}
