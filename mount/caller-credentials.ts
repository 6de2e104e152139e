import { readFileSync } from 'node:fs';
import { DafsError } from '../client/dafs-error.ts';
import type { Session } from '../client/session.ts';
import type { Caller } from './file-system.ts';

/** For so long a process's supplementary groups are taken as what they were. */
const GROUPS_VALID_MS = 1000;

/** When more processes than these are remembered, all are forgotten. */
const REMEMBERED_PROCESSES = 1000;

/** The session's own credential: the user that the mount process runs as. */
export const OWN_CREDENTIAL = 0;

interface KnownProcess {
  uid: number;
  gid: number;
  credential: number;
  validUntilMs: number;
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
  }

  /** The credential handle for `caller`, registered with the server when it is new. */
  of(caller: Caller): number {
    const known = this.#processes.get(caller.pid);
    const nowMs = performance.now();
    const isKnown =
      known && known.uid === caller.uid && known.gid === caller.gid && nowMs < known.validUntilMs;
    if (isKnown) return known.credential;
    const credential = this.#register(caller.uid, caller.gid, groupsOf(caller.pid));
    if (this.#processes.size >= REMEMBERED_PROCESSES) this.#processes.clear();
    const validUntilMs = nowMs + GROUPS_VALID_MS;
    this.#processes.set(caller.pid, { uid: caller.uid, gid: caller.gid, credential, validUntilMs });
    return credential;
  }

  /**
   * Reads anew which groups a caller has, who was refused something.
   * @returns whether they are others than was believed, so that he should be asked for once more
   */
  refresh(caller: Caller): boolean {
    const believed = this.#processes.get(caller.pid);
    if (believed === undefined) return false;
    this.#processes.delete(caller.pid);
    return this.of(caller) !== believed.credential;
  }

  #register(uid: number, gid: number, groups: number[]): number {
    const identity = `${uid} ${gid} ${groups.join(' ')}`;
    let credential = this.#credentialByIdentity.get(identity);
    if (credential === undefined) {
      credential = this.#mayRegister ? this.#tryRegister(uid, gid, groups) : OWN_CREDENTIAL;
      this.#credentialByIdentity.set(identity, credential);
    }
    return credential;
  }

  #tryRegister(uid: number, gid: number, groups: number[]): number {
    try {
      return this.#session.registerCredential(uid, gid, groups);
    } catch (error) {
      if (!(error instanceof DafsError && error.code === 'DAFSERR_NOT_AUTHORIZED')) throw error;
      this.#mayRegister = false;
      return OWN_CREDENTIAL;
    }
  }
}

/** The supplementary groups of a process; none when it is unknown (0) or has just ended. */
function groupsOf(pid: number): number[] {
  if (pid === 0) return [];
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const groups = /^Groups:\t?(.*)$/m.exec(status)?.[1]?.trim() ?? '';
    return groups === '' ? [] : groups.split(/\s+/).map(Number);
  } catch {
    return [];
  }
}
