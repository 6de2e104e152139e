/** One side of the comparison: a directory, and the files that are open in it. */
import { PosixTarget } from '../conformance/posix-target.ts';
import type { RemoteTarget } from '../conformance/target-locks.ts';

/** What may take the last name of a file. */
const removingOperations = new Set(['unlink', 'rename', 'renameWith']);

/** How many files a process has open at most. */
const SLOTS = 3;

type Slots = (number | undefined)[];

const emptySlots = (): Slots => Array.from({ length: SLOTS }, () => undefined);

/** Another process, and where it finds the world: it sets locks there. */
export class Locker {
  readonly target: RemoteTarget;
  readonly slots: Slots = emptySlots();
  readonly #root: string;

  constructor(target: RemoteTarget, root: string) {
    this.target = target;
    this.#root = root;
  }

  at(path: string): string {
    return `${this.#root}/${path}`;
  }

  /** Puts a descriptor into a slot, and closes what was there. */
  put(slot: number, fd: number | undefined): void {
    const before = this.slots[slot];
    this.slots[slot] = fd;
    if (before !== undefined) {
      this.target.close(before);
    }
  }
}

export class World {
  readonly target = new PosixTarget();
  readonly root: string;
  readonly slots = emptySlots();
  readonly lockers: readonly Locker[];
  readonly #closesBeforeRemoving: boolean;

  /** @param closesBeforeRemoving where a mount cannot carry open files that have no name */
  constructor(root: string, closesBeforeRemoving: boolean, lockers: readonly Locker[]) {
    this.root = root;
    this.#closesBeforeRemoving = closesBeforeRemoving;
    this.lockers = lockers;
  }

  /** Makes ready for an operation of this name. */
  prepare(name: string): void {
    if (this.#closesBeforeRemoving && removingOperations.has(name)) {
      this.target.release();
      this.slots.fill(undefined);
    }
  }

  at(path: string): string {
    return `${this.root}/${path}`;
  }

  /** The descriptor in a slot; a slot that holds none answers as a bad one. */
  fd(slot: number): number {
    return this.slots[slot] ?? -1;
  }

  end(): void {
    this.target.release();
    for (const locker of this.lockers) {
      locker.slots.forEach((_, slot) => {
        locker.put(slot, undefined);
      });
    }
  }
}
