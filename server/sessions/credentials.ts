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
  #lastHandle = DEFAULT_CREDENTIAL_HANDLE;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get size(): number {
    return this.#byHandle.size;
  }

  /** @throws Refusal DAFSERR_RESOURCE when the client holds as many as were negotiated. */
  register(credential: Credential): number {
    if (this.#byHandle.size >= this.capacity) {
      refuse(DafsStatus.DAFSERR_RESOURCE);
    }
    this.#lastHandle += 1;
    this.#byHandle.set(this.#lastHandle, credential);
    return this.#lastHandle;
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
