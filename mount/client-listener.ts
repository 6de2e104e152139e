/** The session of a mount's client through which the server tells what it has not been asked for. */

import { FileClient } from '../client/file-client.ts';
import { type ArgumentsOf, Extension, operations } from '../client/protocol/index.ts';
import { Session } from '../client/session.ts';
import type { ClientIdentity } from '../client/session-options.ts';
import { ClientLease } from './client-lease.ts';
import { ClientLocks } from './client-locks.ts';
import type { FileLocks, Nodeid } from './file-system.ts';
import { FilehandleMaker } from './filehandles.ts';
import type { ChangeNews, Listener, ListenerHandlers } from './listener.ts';
import { recoveryFor, type ServerPatience } from './server-patience.ts';

/** It only hears: its memory for transfers stays unused. */
const LISTENING = { maximumRequests: 1, transferSlots: 1, transferSlotBytes: 4096 } as const;

export interface ListenerOptions {
  /** The client's. */
  readonly identity: ClientIdentity;
  readonly patience: ServerPatience;
  /** Of createLockedFiles(), where the server keeps the locks. */
  readonly lockedFiles: SharedArrayBuffer | undefined;
}

/**
 * Connects one more session of a mount's client.
 * @throws DafsError when the server cannot be reached or refuses
 */
export function connectListener(
  serverName: string,
  { identity, patience, lockedFiles }: ListenerOptions,
  handlers: ListenerHandlers,
): Listener {
  // What it hears of can wait for as long as the mount is there.
  const recovery = recoveryFor({ ...patience, timeoutMs: Number.POSITIVE_INFINITY });
  const heard: Heard = { alone: undefined, failure: undefined };
  const session = Session.connect(serverName, {
    identity,
    recovery: {
      ...recovery,
      isGivenUp(awayMs) {
        handlers.serverAway(awayMs >= patience.timeoutMs);
        return recovery.isGivenUp?.(awayMs) === true;
      },
    },
    extensions: [Extension.NOTIFY, Extension.LOCKS],
    ...LISTENING,
    onDirective(directive) {
      if (directive.name === 'BC_CHANGES') {
        heard.alone = directive.arguments.alone;
        try {
          handlers.changed(newsOf(directive.arguments));
        } catch (error) {
          // Without an answer the server tells everything again, but there is nobody to hear it.
          heard.failure = error;
          throw error;
        }
        directive.answer({});
      } else if (directive.name === 'BC_LOCK_GRANTED') {
        for (const waitId of directive.arguments.waitIds) handlers.granted(Number(waitId));
        directive.answer({});
      }
    },
  });
  // What others have changed meanwhile is not told afterwards.
  session.onRecovered(() => {
    handlers.changed({ alone: false, everything: true, files: [], names: [] });
  });
  const locks = lockedFiles && locksOf(session, lockedFiles);
  // Without locks on the server there is nothing that others could want.
  const keepsLease = locks !== undefined && session.extensions.has(Extension.LOCKS);
  const lease = keepsLease ? new ClientLease(session, patience.directory) : undefined;
  return new SessionListener(session, heard, locks, () => {
    const lost = lease?.keep() ?? new Set();
    if (lost.size === 0) return false;
    // What was read under a lock that is gone is not to be read again.
    const files = [...lost].map(wholeFile);
    handlers.changed({ alone: false, everything: false, files, names: [] });
    return true;
  });
}

const wholeFile = (fileId: number) =>
  ({ nodeid: fileId as Nodeid, isData: true, offset: 0, length: 0 }) as const;

function locksOf(session: Session, lockedFiles: SharedArrayBuffer): FileLocks {
  const { fileSystemHandle } = new FileClient(session).fileSystem;
  return new ClientLocks(session, new FilehandleMaker(fileSystemHandle), lockedFiles);
}

/** What the server has said last, and what came of it. */
interface Heard {
  alone: boolean | undefined;
  /** Why it could not be acted upon. */
  failure: unknown;
}

class SessionListener implements Listener {
  readonly isTold: boolean;
  readonly locks: FileLocks | undefined;
  readonly #session: Session;
  readonly #heard: Heard;
  readonly #keepLease: () => boolean;
  #hasNames = false;
  #losses = 0;

  /** @param keepLease to be called often; tells whether something was lost */
  constructor(
    session: Session,
    heard: Heard,
    locks: FileLocks | undefined,
    keepLease: () => boolean,
  ) {
    this.#session = session;
    this.#heard = heard;
    this.locks = locks;
    this.#keepLease = keepLease;
    this.isTold = session.extensions.has(Extension.NOTIFY);
  }

  get hasNames(): boolean {
    return this.#hasNames;
  }

  get recoveries(): number {
    return this.#session.recoveries + this.#losses;
  }

  subscribe(wantsNames: boolean): boolean {
    this.#heard.alone = undefined;
    try {
      const { alone } = this.#session.call(operations.SUBSCRIBE, { wantsNames });
      this.#hasNames = wantsNames;
      // The answer and the news come by different channels: news that came meanwhile counts, because
      // there is more of it whenever it is outdated.
      return this.#heard.alone ?? alone;
    } catch (error) {
      // The server is gone: hear() tells.
      if (!this.#session.isAlive) return false;
      throw error;
    }
  }

  hear(timeoutMs: number): boolean {
    this.#session.poll(timeoutMs);
    if (this.#session.isAlive && this.#keepLease()) this.#losses += 1;
    if (this.#heard.failure !== undefined) throw this.#heard.failure;
    return this.#session.isAlive;
  }

  close(): void {
    this.#session.close();
  }
}

function newsOf({ alone, everything, files, names }: ArgumentsOf<'BC_CHANGES'>): ChangeNews {
  return {
    alone,
    everything,
    files: files.map(({ fileId, ...change }) => ({ nodeid: fileId as Nodeid, ...change })),
    names: names.map(({ directory, name }) => ({ parent: directory as Nodeid, name })),
  };
}
