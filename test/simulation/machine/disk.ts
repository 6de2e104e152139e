import type { Random } from '../../support/random.ts';
import { type Change, DiskFile } from './disk-file.ts';

/** What a file system's journal holds: it keeps changes of names in their order. */
type NameChange = { readonly name: string; readonly file: DiskFile | undefined };

/** What the disk fails with. */
export type DiskError = 'EIO' | 'ENOSPC';

/** What is done to the disk. */
export type DiskCall = 'write' | 'truncate' | 'sync' | 'name';

/** The smallest piece that a disk writes wholly or not at all. */
const sectorBytes = 512;

/** What a power cut makes of a change that nothing has synced. */
type Fate = 'whole' | 'torn' | 'lost';

const fates: readonly ((random: Random) => Fate)[] = [
  () => 'lost',
  () => 'whole',
  (random) => random.pick(['whole', 'torn', 'lost'] as const),
  (random) => (random.oneIn(8) ? 'lost' : 'whole'),
  (random) => (random.oneIn(8) ? 'whole' : 'lost'),
];

/**
 * A disk below a file system with a journal, as a power cut shows it: data that were synced are there;
 * of the others any part may be there, in any order, with sectors of one write missing. Names are
 * changed in their order, and a sync of any file brings the changes of names before it onto the disk.
 */
export class Disk {
  readonly #random: Random;
  #names: Map<string, DiskFile>;
  #stableNames: Map<string, DiskFile>;
  #nameChanges: NameChange[] = [];
  #settledNames = 0;
  /**
   * Told before each call that changes anything, with the bytes by which it makes a file longer: what it
   * says the call fails with.
   */
  onCall: (call: DiskCall, name: string, growth: number) => DiskError | undefined = () => undefined;

  /** @param files what is on it, by name */
  constructor(random: Random, files: ReadonlyMap<string, Uint8Array>) {
    this.#random = random;
    this.#names = new Map([...files].map(([name, data]) => [name, new DiskFile(name, data)]));
    this.#stableNames = new Map(this.#names);
  }

  /** The file of that name, which is there from now on if it was not. */
  open(name: string): DiskFile {
    const file = this.#names.get(name) ?? new DiskFile(name, new Uint8Array(0));
    if (!this.#names.has(name)) {
      this.#change(name, file);
    }
    return file;
  }

  /** Bytes of all files. */
  get usedBytes(): number {
    return [...this.#names.values()].reduce((sum, { length }) => sum + length, 0);
  }

  write(file: DiskFile, offset: number, data: Uint8Array): DiskError | undefined {
    const growth = Math.max(0, offset + data.length - file.length);
    const error = this.onCall('write', file.name, growth);
    if (error === undefined) {
      file.change({ kind: 'write', offset, data });
    }
    return error;
  }

  truncate(file: DiskFile, bytes: number): DiskError | undefined {
    const error = this.onCall('truncate', file.name, 0);
    if (error === undefined) {
      file.change({ kind: 'truncate', bytes });
    }
    return error;
  }

  /**
   * Begins to bring onto the disk what the file is now; a directory has no file, and names only.
   * @returns what ends it, or the error: then some of it is there, and the rest never gets there
   */
  beginSync(file: DiskFile | undefined): DiskError | (() => void) {
    const error = this.onCall('sync', file?.name ?? '', 0);
    if (error !== undefined) {
      // Linux takes for written what it could not write: no later sync tries again.
      for (const change of file?.takeChanges() ?? []) {
        if (this.#random.oneIn(2)) file?.apply(change);
      }
      return error;
    }
    const mark = file?.mark ?? 0;
    const names = this.#settledNames + this.#nameChanges.length;
    return () => {
      file?.settle(mark);
      this.#settleNames(names);
    };
  }

  remove(name: string): DiskError | undefined {
    const error = this.onCall('name', name, 0);
    if (error === undefined && this.#names.has(name)) {
      this.#change(name, undefined);
    }
    return error;
  }

  rename(name: string, newName: string): DiskError | undefined {
    const error = this.onCall('name', name, 0);
    const file = this.#names.get(name);
    if (error === undefined && file !== undefined) {
      this.#change(newName, file);
      this.#change(name, undefined);
    }
    return error;
  }

  /** What the files hold when the power is cut now: from then on that is on the disk. */
  cutPower(): ReadonlyMap<string, Uint8Array> {
    this.#settleNames(this.#settledNames + this.#random.below(this.#nameChanges.length + 1));
    this.#nameChanges = [];
    this.#names = new Map(this.#stableNames);
    for (const file of new Set(this.#names.values())) {
      this.#cut(file);
    }
    return new Map([...this.#names].map(([name, file]) => [name, file.stable]));
  }

  #cut(file: DiskFile): void {
    const fateOf = this.#random.pick(fates);
    for (const change of file.takeChanges()) {
      const fate = fateOf(this.#random);
      const pieces = fate === 'torn' ? this.#sectorsOf(change) : fate === 'whole' ? [change] : [];
      for (const piece of pieces) {
        file.apply(piece);
      }
    }
    file.reread();
  }

  /** Some of the sectors that a change consists of. */
  #sectorsOf(change: Change): readonly Change[] {
    if (change.kind === 'truncate') {
      return [change];
    }
    const { offset, data } = change;
    const pieces: Change[] = [];
    for (let at = 0; at < data.length; ) {
      const end = Math.min(data.length, at + sectorBytes - ((offset + at) % sectorBytes));
      if (this.#random.oneIn(2)) {
        pieces.push({ kind: 'write', offset: offset + at, data: data.subarray(at, end) });
      }
      at = end;
    }
    return pieces;
  }

  #change(name: string, file: DiskFile | undefined): void {
    setOrDelete(this.#names, name, file);
    this.#nameChanges.push({ name, file });
  }

  #settleNames(mark: number): void {
    const count = Math.max(0, mark - this.#settledNames);
    this.#settledNames += count;
    for (const { name, file } of this.#nameChanges.splice(0, count)) {
      setOrDelete(this.#stableNames, name, file);
    }
  }
}

function setOrDelete(names: Map<string, DiskFile>, name: string, file: DiskFile | undefined): void {
  if (file === undefined) {
    names.delete(name);
  } else {
    names.set(name, file);
  }
}
