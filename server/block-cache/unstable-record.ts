import type { FileId, Store } from '../store/index.ts';
import type { InodeRecord } from '../store/inode-record.ts';
import { FileFloat, HeaderFloat, StateFloat, UnstableLayout } from '../store/unstable-layout.ts';

const never = Number.POSITIVE_INFINITY;

/** The record of a file that there is. */
type Find = (id: FileId) => InodeRecord | undefined;

/** A file that is told of: its place, and which of its two states is the newer one. */
interface Told {
  readonly at: number;
  newer: 0 | 1;
}

/**
 * Describes what is in the cache's memory and not in the database, in memory that the end of the
 * process leaves behind: who opens the database next stores it (store/left-data.ts).
 *
 * The description is true at every instruction. Time is counted in rounds, each of which is
 * acknowledged as a whole, and ends with a commit or with nothing to commit. What rests on the open
 * transaction says so: it holds from this round on, or until this one, and whether the round came to
 * its end the database and its intent log tell. Data that replace others count at once: nobody has
 * been promised either while the round goes on. Sizes and times count from the end of the round.
 *
 * Stores are made in the order in which they are written here: what becomes true is complete before
 * it says so, and what takes its place says so before the other stops.
 */
export class UnstableRecord {
  readonly #layout: UnstableLayout;
  readonly #floats: Float64Array;
  readonly #told = new Map<FileId, Told>();
  readonly #vacant: number[] = [];
  /** Files whose state is another one than at the end of the last round. */
  readonly #touched = new Set<FileId>();
  /** One of them: a file is seldom written once. */
  #lastWritten: FileId | undefined;
  /** Files that nothing is to be told of when the round has ended. */
  readonly #leaving: FileId[] = [];
  /** All that is touched has been told of this round. */
  #isDescribed = false;
  #round: number;
  #order = 0;

  /** @param memory for the layout, with its header. */
  constructor(layout: UnstableLayout, memory: ArrayBufferLike) {
    this.#layout = layout;
    this.#floats = new Float64Array(memory, 0, layout.bytes / Float64Array.BYTES_PER_ELEMENT);
    this.#round = (this.#floats[HeaderFloat.ACCEPTED] as number) + 1;
    for (let file = layout.files - 1; file >= 0; file--) {
      this.#vacant.push(layout.fileStates + file * FileFloat.LENGTH);
    }
  }

  /** Tells of what is gone with the process anyway. */
  static forgotten(slots: number): UnstableRecord {
    const layout = new UnstableLayout(slots);
    return new UnstableRecord(layout, new ArrayBuffer(layout.bytes));
  }

  /**
   * The slot has data of the block that the database lacks.
   * @param isBehindCut the open transaction removed what was there before
   */
  publish(slot: number, id: FileId, number: number, isBehindCut: boolean): void {
    const { ids, numbers, since, until, orders } = this.#layout;
    const floats = this.#floats;
    this.written(id);
    if (floats[until + slot] === never) {
      return;
    }
    floats[ids + slot] = id;
    floats[numbers + slot] = number;
    floats[since + slot] = isBehindCut ? this.#round : 0;
    floats[orders + slot] = ++this.#order;
    floats[until + slot] = never;
  }

  /** Data of the file are others than before, in a slot that was published. */
  written(id: FileId): void {
    if (id !== this.#lastWritten) {
      this.#lastWritten = id;
      this.#touched.add(id);
    }
  }

  /** The open transaction stores the slot's data, or drops them. */
  end(slot: number): void {
    const { until } = this.#layout;
    if (this.#floats[until + slot] === never) {
      this.#floats[until + slot] = this.#round;
    }
  }

  /** The open transaction was undone: it stored and dropped nothing. */
  restore(slot: number): void {
    this.#floats[this.#layout.until + slot] = never;
  }

  /** There is nothing in the slot, whatever becomes of the open transaction. */
  clear(slot: number): void {
    this.#floats[this.#layout.until + slot] = 0;
  }

  /** Whether the slot's data rest on what the open transaction did. */
  isOfThisRound(slot: number): boolean {
    return this.#floats[this.#layout.since + slot] === this.#round;
  }

  /** The file's size or times are changed, or all of its data are in the open transaction. */
  touch(id: FileId): void {
    if (this.#told.has(id)) {
      this.#touched.add(id);
    }
  }

  /** Tells of what becomes of the store's transactions from now on. */
  follow(store: Store): void {
    const find = (id: FileId) => store.contents.peek(id);
    store.observe({
      beforeCommit: (sequence) => this.#ending(sequence, find),
      beforeStore: (epoch) => {
        this.#floats[HeaderFloat.NEXT_EPOCH] = epoch;
      },
      stored: () => this.#stored(),
      accepted: () => this.#accept(find),
      rolledBack: () => this.#touchAll(),
    });
  }

  /** The round is about to end with a batch of the intent log, or with a commit of the database. */
  #ending(sequence: number, find: Find): void {
    this.#describe(find);
    this.#isDescribed = true;
    this.#floats[HeaderFloat.SEQUENCE] = sequence;
    this.#floats[HeaderFloat.ENDING] = this.#round;
  }

  /** The database has got its next epoch. */
  #stored(): void {
    const floats = this.#floats;
    floats[HeaderFloat.EPOCH] = floats[HeaderFloat.NEXT_EPOCH] as number;
    // What ended with this commit is accepted; the next round that ends must not seem to have.
    floats[HeaderFloat.ACCEPTED] = Math.max(
      floats[HeaderFloat.ACCEPTED] as number,
      floats[HeaderFloat.ENDING] as number,
    );
    floats[HeaderFloat.NEXT_EPOCH] = Number.NaN;
  }

  /** The round has ended: all of it may be acknowledged. */
  #accept(find: Find): void {
    if (!this.#isDescribed) {
      this.#describe(find);
    }
    this.#isDescribed = false;
    this.#floats[HeaderFloat.ACCEPTED] = this.#round;
    this.#round++;
    for (const id of this.#leaving) {
      this.#leave(id);
    }
    this.#leaving.length = 0;
    this.#touched.clear();
    this.#lastWritten = undefined;
  }

  /** All files have to be told of anew. */
  #touchAll(): void {
    this.#isDescribed = false;
    for (const id of this.#told.keys()) {
      this.#touched.add(id);
    }
  }

  #describe(find: Find): void {
    this.#leaving.length = 0;
    for (const id of this.#touched) {
      const record = find(id);
      if (record?.dataPending) {
        this.#write(this.#told.get(id) ?? this.#tell(id), record);
      } else {
        this.#void(id);
      }
    }
  }

  #void(id: FileId): void {
    const told = this.#told.get(id);
    if (told !== undefined) {
      const at = this.#begin(told);
      this.#floats[at + StateFloat.SIZE] = Number.NaN;
      this.#floats[at + StateFloat.SINCE] = this.#round;
      this.#leaving.push(id);
    }
  }

  #write(told: Told, { size, mtime, ctime, change }: InodeRecord): void {
    const floats = this.#floats;
    const at = this.#begin(told);
    floats[at + StateFloat.SIZE] = size;
    floats[at + StateFloat.MTIME_SECONDS] = mtime.seconds;
    floats[at + StateFloat.MTIME_NSECONDS] = mtime.nseconds;
    floats[at + StateFloat.CTIME_SECONDS] = ctime.seconds;
    floats[at + StateFloat.CTIME_NSECONDS] = ctime.nseconds;
    floats[at + StateFloat.CHANGE] = change;
    floats[at + StateFloat.SINCE] = this.#round;
  }

  /** Where this round's state of the file goes: over that of this round, or the older one. */
  #begin(told: Told): number {
    const floats = this.#floats;
    if (floats[stateAt(told) + StateFloat.SINCE] !== this.#round) {
      told.newer = told.newer === 0 ? 1 : 0;
      floats[stateAt(told) + StateFloat.SINCE] = never;
    }
    return stateAt(told);
  }

  #tell(id: FileId): Told {
    const at = this.#vacant.pop();
    if (at === undefined) {
      throw new RangeError('more files have unstable data than there are slots');
    }
    const told: Told = { at, newer: 0 };
    for (const state of FileFloat.STATES) {
      this.#floats[at + state + StateFloat.SINCE] = never;
    }
    this.#floats[at + FileFloat.ID] = id;
    this.#told.set(id, told);
    return told;
  }

  #leave(id: FileId): void {
    const told = this.#told.get(id) as Told;
    this.#floats[told.at + FileFloat.ID] = 0;
    this.#told.delete(id);
    this.#vacant.push(told.at);
  }
}

const stateAt = ({ at, newer }: Told): number => at + (FileFloat.STATES[newer] as number);
