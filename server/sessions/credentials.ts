import { DafsStatus } from '../../client/protocol/status.ts';
import type { Credential } from '../access-control.ts';
import { refuse } from '../engine/refusal.ts';

/** The handle of a session's own credentials, which are never registered. */
export const DEFAULT_CREDENTIAL_HANDLE = 0;

/**
 * The credentials that one client has registered (section 3.1.1.2). All sessions of the client
 * share them under the same handles. Handles are never used twice, so a stale one is recognised.
 */
export class CredentialTable {
  readonly capacity: number;
  readonly #byHandle = new Map<number, Credential>();
  #lastHandle: number;

  /** @param lastHandle the latest that was ever given */
  constructor(capacity: number, lastHandle = DEFAULT_CREDENTIAL_HANDLE) {
    this.capacity = capacity;
    this.#lastHandle = lastHandle;
  }

  get size(): number {
    return this.#byHandle.size;
  }

  get lastHandle(): number {
    return this.#lastHandle;
  }

  handles(): Iterable<number> {
    return this.#byHandle.keys();
  }

  /** Whether the client holds as many as were negotiated. */
  get isFull(): boolean {
    return this.#byHandle.size >= this.capacity;
  }

  register(credential: Credential): number {
    this.#lastHandle += 1;
    this.#byHandle.set(this.#lastHandle, credential);
    return this.#lastHandle;
  }

  /** Puts a credential back under the handle that it had. */
  restore(handle: number, credential: Credential): void {
    this.#byHandle.set(handle, credential);
  }

  /** @throws Refusal DAFSERR_NO_CREDS when there is no such handle. */
  release(handle: number): void {
    if (!this.#byHandle.delete(handle)) {
      refuse(DafsStatus.DAFSERR_NO_CREDS);
    }
  }

  /** @throws Refusal DAFSERR_NO_CREDS when there is no such handle. */
  find(handle: number): Credential {
    return this.#byHandle.get(handle) ?? refuse(DafsStatus.DAFSERR_NO_CREDS);
  }
}
