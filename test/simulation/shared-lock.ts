import { TO_THE_END } from '../../client/owner-locks.ts';
import { LockKind, LockType, operations } from '../../client/protocol/index.ts';
import type { FileReference } from '../../client/transfer-requests.ts';
import type { Change } from './changes.ts';

/** A client, whichever life it is in. */
type Name = string;

/**
 * A lock that all clients want, and what is known of who has it. The owner is the same in each life of
 * a client.
 */
export class SharedLock {
  /** Who was told that he has it, and has not asked to give it up. */
  #holder: Name | undefined;
  /** Who has asked for it, or to give it up, and has no answer: whether others had to do with it meanwhile. */
  readonly #asking = new Map<Name, { isContended: boolean }>();
  /** Storage has failed in a request of it: who has it now only the server knows. */
  #isDoubtful = false;

  /** The power is gone, and all who had it. */
  forget(): void {
    this.#holder = undefined;
    this.#asking.clear();
    this.#isDoubtful = false;
  }

  /** A request for it by this client, or to give it up if he has it. */
  change(name: Name, file: FileReference): Change {
    const isGivenUp = this.#holder === name;
    const { handle: filehandle, stateId } = file;
    const scope = { kind: LockKind.RECORD, offset: 0n, length: TO_THE_END };
    const common = { filehandle, stateId, ...scope, owner: new TextEncoder().encode(name) };
    const how = { lockType: LockType.WRITE_LT, pid: 1, waitId: 0n };
    return {
      describe: isGivenUp ? 'unlock' : 'lock',
      about: ['the lock'],
      operation: isGivenUp ? operations.OWNER_LOCKU : operations.OWNER_LOCK,
      arguments: isGivenUp ? common : { ...common, ...how },
      expected: 'done',
      begun: () => this.#begin(name),
      judge: (outcome, hasStorageFailed) => this.#end(name, isGivenUp, outcome, hasStorageFailed),
    };
  }

  #begin(name: Name): void {
    const isContended = this.#asking.size > 0 || ![undefined, name].includes(this.#holder);
    for (const other of this.#asking.values()) other.isContended = true;
    this.#asking.set(name, { isContended });
    if (this.#holder === name) this.#holder = undefined;
  }

  /** @returns what is wrong with that answer */
  #end(
    name: Name,
    isGivenUp: boolean,
    outcome: string,
    hasStorageFailed: boolean,
  ): string | undefined {
    const isContended = this.#asking.get(name)?.isContended === true;
    this.#asking.delete(name);
    const isRefused = outcome === 'EAGAIN' && !isGivenUp;
    if (hasStorageFailed) this.#isDoubtful = true;
    else if (outcome !== 'done' && !isRefused) return `was ${outcome}`;
    if (this.#isDoubtful) {
      this.#holder = undefined;
      return undefined;
    }
    if (isRefused) return isContended ? undefined : 'it was refused, though nobody has it';
    if (isGivenUp) return undefined;
    if (this.#holder !== undefined) return `${this.#holder} has it, too`;
    this.#holder = name;
    return undefined;
  }
}
