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
 *
 * A client is told one notice at a time; what is granted before it has answered goes with the next one.
 */
export class LockGrants {
  readonly #notifications: Pick<Notifications, 'whenCoherent'>;
  /** Clients that have yet to answer a notice, with what they are to be told next. */
  readonly #untold = new Map<Client, bigint[]>();

  constructor(notifications: Pick<Notifications, 'whenCoherent'>) {
    this.#notifications = notifications;
  }

  /** Tells a client that it has a lock of a file. */
  tell(client: Client, fileId: FileId, waitId: bigint): void {
    this.#notifications.whenCoherent(client, fileId, () => this.#tell(client, waitId));
  }

  #tell(client: Client, waitId: bigint): void {
    const untold = this.#untold.get(client);
    if (untold === undefined) {
      this.#send(client, [waitId]);
    } else {
      untold.push(waitId);
    }
  }

  #send(client: Client, waitIds: readonly bigint[]): void {
    const directives = directivesTo(client);
    if (directives === undefined || waitIds.length === 0) {
      this.#untold.delete(client);
      return;
    }
    const told = waitIds.slice(0, WAITS_PER_NOTICE);
    const untold = waitIds.slice(WAITS_PER_NOTICE);
    this.#untold.set(client, untold);
    directives.send(operations.BC_LOCK_GRANTED, { waitIds: told }, (status) => {
      // Without an answer the channel is lost: another one of the client's may be left.
      this.#send(client, status === undefined ? [...told, ...untold] : untold);
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
