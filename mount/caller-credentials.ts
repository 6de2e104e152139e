import { readFileSync, readlinkSync } from 'node:fs';
import { DafsError } from '../client/dafs-error.ts';
import type { Searcher } from '../client/exported-status.ts';
import { Capability, Extension, FILE_CAPABILITIES } from '../client/protocol/index.ts';
import type { Session } from '../client/session.ts';
import type { Caller } from './file-system.ts';

/** For so long a process's supplementary groups and capabilities are taken as what they were. */
const PROCESS_VALID_MS = 1000;

/** When more processes than these are remembered, all are forgotten. */
const REMEMBERED_PROCESSES = 1000;

/** The session's own credential: the user that the mount process runs as. */
export const OWN_CREDENTIAL = 0;

/** What a caller has besides the ids that FUSE tells. */
interface Powers {
  readonly groups: readonly number[];
  /** Bits of Capability; undefined where nobody knows them. */
  readonly capabilities: number | undefined;
}

const UNKNOWN_POWERS: Powers = { groups: [], capabilities: undefined };

/** A caller as the server knows him. */
export interface Identity {
  readonly credential: number;
  /** Who that is; undefined where everybody is taken for the mount's own user. */
  readonly searcher: Searcher | undefined;
}

interface KnownProcess extends Identity {
  readonly uid: number;
  readonly gid: number;
  readonly powers: Powers;
  readonly validUntilMs: number;
}

/** Turns whoever calls into the credential that the server knows him by. */
export class CallerCredentials {
  readonly #session: Session;
  readonly #credentialByIdentity = new Map<string, number>();
  readonly #processes = new Map<number, KnownProcess>();
  /** A server that does not trust us to speak for others takes everything for our own. */
  #mayRegister = true;

  constructor(session: Session) {
    this.#session = session;
    session.onRecovered((isKnown) => {
      if (isKnown) return;
      this.#credentialByIdentity.clear();
      this.#processes.clear();
    });
  }

  /** The credential handle for `caller`, registered with the server when it is new. */
  of(caller: Caller): number {
    return this.#process(caller).credential;
  }

  /** The same, and who that is. */
  identityOf(caller: Caller): Identity {
    return this.#process(caller);
  }

  /**
   * The same for a call that only reads, and perhaps leaves no trace. The kernel saw to it, when the flag
   * was set, that it was the owner who set it; he may since have handed the descriptor to somebody else.
   */
  ofReader(caller: Caller): number {
    const { credential, powers } = this.#process(caller);
    if (!caller.keepsAccessTimes) return credential;
    const { uid, gid } = caller;
    const held = powers.capabilities ?? (uid === 0 ? FILE_CAPABILITIES : 0);
    const capabilities = held | Capability.FOWNER;
    return this.#register(uid, gid, { ...powers, capabilities }, true);
  }

  /**
   * Reads anew which groups and capabilities a caller has, who was refused something.
   * @returns whether they are others than was believed, so that he should be asked for once more
   */
  refresh(caller: Caller): boolean {
    const believed = this.#processes.get(caller.pid);
    if (believed === undefined) return false;
    this.#processes.delete(caller.pid);
    return this.#process(caller).credential !== believed.credential;
  }

  #process(caller: Caller): KnownProcess {
    const known = this.#processes.get(caller.pid);
    const nowMs = performance.now();
    const isKnown =
      known && known.uid === caller.uid && known.gid === caller.gid && nowMs < known.validUntilMs;
    if (isKnown) return known;
    const { uid, gid, pid } = caller;
    const powers = powersOf(pid);
    const credential = this.#register(uid, gid, powers, false);
    if (this.#processes.size >= REMEMBERED_PROCESSES) this.#processes.clear();
    const validUntilMs = nowMs + PROCESS_VALID_MS;
    const searcher = credential === OWN_CREDENTIAL ? undefined : { uid, gid, ...powers };
    const process = { uid, gid, powers, credential, searcher, validUntilMs };
    this.#processes.set(pid, process);
    return process;
  }

  #register(
    uid: number,
    gid: number,
    { groups, capabilities }: Powers,
    keepsAccessTimes: boolean,
  ): number {
    const identity = `${uid} ${gid} ${capabilities} ${keepsAccessTimes} ${groups.join(' ')}`;
    let credential = this.#credentialByIdentity.get(identity);
    if (credential === undefined) {
      credential = this.#mayRegister
        ? this.#tryRegister(uid, gid, groups, capabilities, keepsAccessTimes)
        : OWN_CREDENTIAL;
      this.#credentialByIdentity.set(identity, credential);
    }
    return credential;
  }

  #tryRegister(
    uid: number,
    gid: number,
    groups: readonly number[],
    capabilities: number | undefined,
    keepsAccessTimes: boolean,
  ): number {
    const told = this.#session.extensions.has(Extension.CAPABILITIES) ? capabilities : undefined;
    try {
      return this.#session.registerCredential(uid, gid, groups, told, keepsAccessTimes);
    } catch (error) {
      if (!(error instanceof DafsError && error.code === 'DAFSERR_NOT_AUTHORIZED')) throw error;
      this.#mayRegister = false;
      return OWN_CREDENTIAL;
    }
  }
}

/** What /proc tells of a process; nothing when it is unknown (0) or has just ended. */
function powersOf(pid: number): Powers {
  if (pid === 0) return UNKNOWN_POWERS;
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const groups = /^Groups:\t?(.*)$/m.exec(status)?.[1]?.trim() ?? '';
    return {
      groups: groups === '' ? [] : groups.split(/\s+/).map(Number),
      capabilities: capabilitiesOf(pid, status),
    };
  } catch {
    return UNKNOWN_POWERS;
  }
}

/**
 * The effective capabilities of a process, as far as they are about files. In a user namespace of his
 * own anybody has all of them, over what belongs to that namespace alone: there they count for nothing.
 *
 * @returns undefined where we may not see which namespace it is in: then its uid says what it may do
 */
function capabilitiesOf(pid: number, status: string): number | undefined {
  // The lower 32 bits of 16 digits: all that are about files.
  const digits = /^CapEff:\t[0-9a-f]{8}([0-9a-f]{8})$/m.exec(status)?.[1] ?? '0';
  const capabilities = (Number.parseInt(digits, 16) & FILE_CAPABILITIES) >>> 0;
  if (capabilities === 0) return 0;
  try {
    ownNamespace ??= userNamespace('self');
    return userNamespace(pid) === ownNamespace ? capabilities : 0;
  } catch {
    return undefined;
  }
}

/** Which one this process is in: it never changes. */
let ownNamespace: string | undefined;

const userNamespace = (pid: number | 'self'): string => readlinkSync(`/proc/${pid}/ns/user`);
