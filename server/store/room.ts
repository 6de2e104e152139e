import type { Checkpointer } from './checkpointer.ts';
import type { DiskNeed, DiskRoom } from './disk-room.ts';
import { StoreError } from './errors.ts';
import type { Transaction } from './transaction.ts';
import { bytesPerObject, type Usage } from './usage.ts';

/** What a name or an object needs of the disk, generously. */
const smallNeed: DiskNeed = { bytes: 65_536, newBytes: 65_536, unpromisedBytes: 65_536 };

/**
 * Decides what still fits: into the capacity that the store was given, and onto its disk. What does
 * not fit is refused before it is taken, and not when it is stored.
 */
export class Room {
  readonly #usage: Usage;
  readonly #disk: DiskRoom;
  readonly #transaction: Transaction;
  readonly #checkpointer: Checkpointer;
  readonly #freeSome: () => boolean;

  /** @param freeSome frees a piece of what nobody can reach any more; false when there is nothing */
  constructor(
    usage: Usage,
    disk: DiskRoom,
    transaction: Transaction,
    checkpointer: Checkpointer,
    freeSome: () => boolean,
  ) {
    this.#usage = usage;
    this.#disk = disk;
    this.#transaction = transaction;
    this.#checkpointer = checkpointer;
    this.#freeSome = freeSome;
  }

  /** Whether the capacity lets an owner have so many bytes more. */
  admits(owner: number, bytes: number): boolean {
    return this.#usage.admits(owner, bytes);
  }

  /** @throws {StoreError} ENOSPC, EDQUOT when the capacity does not let an owner have so much more. */
  requireBytes(owner: number, bytes: number): void {
    this.#usage.require({ owner, bytes, objects: 0 });
  }

  /**
   * The same for one more object that holds `bytes`, and for its name in a directory of that owner's;
   * no name has no bytes.
   */
  requireObject(owner: number, bytes: number, nameOwner: number, nameBytes: number): void {
    this.#usage.require(
      { owner, bytes: bytesPerObject + bytes, objects: 1 },
      { owner: nameOwner, bytes: nameBytes, objects: 0 },
    );
  }

  /**
   * Makes sure that a modification which makes nothing smaller leaves enough of the disk to those that
   * do. Within together() that has been done: to make room there would commit half of it.
   * @throws {StoreError} ENOSPC
   */
  requireDisk(): void {
    if (this.#transaction.isModifying) {
      return;
    }
    this.#transaction.requireWritable();
    if (this.#disk.isScarce()) {
      this.makeDiskRoom(smallNeed);
    }
  }

  /**
   * Modifications of which none may be kept without the others. What capacity they need must have been
   * asked for: a refusal undoes nothing.
   * @throws {StoreError} ENOSPC, and what `action` throws
   */
  together<Result>(action: () => Result): Result {
    this.requireDisk();
    return this.#transaction.modify(action);
  }

  /** Only what makes room may take from what is left of the disk. */
  isScarce(): boolean {
    return this.#disk.isScarce();
  }

  /** Lets data in that will be written later, if the disk has ample room: see DiskRoom. */
  admitToDisk(waitingBytes: number, bytes: number): boolean {
    return this.#disk.admit(waitingBytes, bytes);
  }

  /** Whether the disk has room when nothing else waits for it. */
  fitsDisk(need: DiskNeed): boolean {
    return this.#disk.fits(need);
  }

  /**
   * Makes room on the disk for data, when nothing else waits for it any more: what can be freed is,
   * and the log takes none. Commits what others take for one transaction.
   * @throws {StoreError} ENOSPC
   */
  makeDiskRoom(need: DiskNeed): void {
    this.#transaction.requireWritable();
    this.#emptyLog();
    while (!this.#disk.fits(need)) {
      if (!this.#freeSome()) {
        throw diskIsFull();
      }
      this.#emptyLog();
    }
  }

  #emptyLog(): void {
    this.#transaction.applyEarly();
    this.#checkpointer.empty();
    this.#disk.measure();
  }
}

const diskIsFull = (): StoreError => new StoreError('ENOSPC', 'the disk is full');
