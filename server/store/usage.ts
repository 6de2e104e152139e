import type Database from 'better-sqlite3';
import { StoreError, type StoreErrorCode } from './errors.ts';
import type { InodeRecord } from './inode-record.ts';
import type { Capacity, FileId } from './types.ts';

/** What an object takes besides what it holds: its row and its place in the indexes, roughly. */
export const bytesPerObject = 512;
/** So many records wait to be counted at most. */
const mostDue = 1024;
/** Nobody's capacity ends for who can take any away. */
const superuser = 0;

/** What somebody has, or everybody. */
interface Tally {
  bytes: number;
  objects: number;
}

/**
 * Counts what the objects of a store take, in all and by their owners, and says no when that would
 * become more than there may be. What is in memory only counts as if it were stored: so a write that
 * was let in finds its place later.
 *
 * A record knows what of it is counted; the rest follows before the next question is answered.
 * Without a capacity nothing is counted.
 */
export class Usage {
  readonly isLimited: boolean;
  readonly #capacity: Capacity;
  readonly #reclaimed: ReadonlySet<FileId>;
  readonly #all: Tally = { bytes: 0, objects: 0 };
  readonly #owners = new Map<number, Tally>();
  readonly #due: InodeRecord[] = [];

  /** @param reclaimed objects that are as good as gone: their room is free */
  constructor(database: Database.Database, capacity: Capacity, reclaimed: ReadonlySet<FileId>) {
    this.#capacity = capacity;
    this.#reclaimed = reclaimed;
    this.isLimited = Object.values(capacity).some((most) => most !== undefined);
    if (this.isLimited) {
      this.#countRows(database);
    }
  }

  /** What everything takes now. */
  get total(): Readonly<Tally> {
    this.#count();
    return this.#all;
  }

  /** A record that was made of a row is counted already. */
  adopt(record: InodeRecord): void {
    if (this.isLimited) {
      record.countedBytes = this.#bytesOf(record);
      record.countedObjects = this.#objectsOf(record);
      record.countedOwner = record.uid;
    }
  }

  /** The record changes: it has to be counted anew. */
  follow(record: InodeRecord): void {
    if (this.isLimited && !record.isCountDue) {
      record.isCountDue = true;
      this.#due.push(record);
      if (this.#due.length > mostDue) {
        this.#count();
      }
    }
  }

  /** Whether an owner may have so many bytes more. */
  admits(owner: number, bytes: number): boolean {
    return this.#objection(owner, bytes, 0) === undefined;
  }

  /** @throws {StoreError} ENOSPC, EDQUOT when there may not be so much more of an owner's. */
  require(owner: number, bytes: number, objects: number): void {
    const objection = this.#objection(owner, bytes, objects);
    if (objection !== undefined) {
      throw new StoreError(objection, 'the capacity of the file system is used up');
    }
  }

  #objection(owner: number, bytes: number, objects: number): StoreErrorCode | undefined {
    if (!this.isLimited) {
      return undefined;
    }
    this.#count();
    const { bytesPerUser, objectsPerUser } = this.#capacity;
    const own = this.#owners.get(owner);
    const most = { bytes: bytesPerUser, objects: objectsPerUser };
    if (owner !== superuser && exceeds(own, most, bytes, objects)) {
      return 'EDQUOT';
    }
    return exceeds(this.#all, this.#capacity, bytes, objects) ? 'ENOSPC' : undefined;
  }

  #countRows(database: Database.Database): void {
    // What the reclaimer will find counts as gone: see reclaimer.ts.
    const rows = database
      .prepare<[number], [owner: number, objects: number, bytes: number]>(
        `SELECT uid, count(*), sum(? + attributeBytes + CASE type WHEN 1
           THEN storedBytes + reservedBytes ELSE size END)
         FROM inode WHERE nlink > 0 GROUP BY uid`,
      )
      .raw()
      .all(bytesPerObject);
    for (const [owner, objects, bytes] of rows) {
      this.#add(owner, bytes, objects);
    }
  }

  #count(): void {
    for (const record of this.#due) {
      record.isCountDue = false;
      this.#add(record.countedOwner, -record.countedBytes, -record.countedObjects);
      this.adopt(record);
      this.#add(record.countedOwner, record.countedBytes, record.countedObjects);
    }
    this.#due.length = 0;
  }

  #add(owner: number, bytes: number, objects: number): void {
    let own = this.#owners.get(owner);
    if (own === undefined) {
      own = { bytes: 0, objects: 0 };
      this.#owners.set(owner, own);
    }
    for (const tally of [own, this.#all]) {
      tally.bytes += bytes;
      tally.objects += objects;
    }
  }

  #objectsOf(record: InodeRecord): number {
    return record.isDeleted || this.#reclaimed.has(record.id) ? 0 : 1;
  }

  #bytesOf(record: InodeRecord): number {
    const held = record.isRegular ? record.usedBytes : record.size;
    return this.#objectsOf(record) * (bytesPerObject + record.attributeBytes + held);
  }
}

function exceeds(
  used: Tally | undefined,
  most: { readonly bytes?: number | undefined; readonly objects?: number | undefined },
  bytes: number,
  objects: number,
): boolean {
  const isFull = (has: number, wanted: number, limit: number | undefined) =>
    wanted > 0 && limit !== undefined && has + wanted > limit;
  return (
    isFull(used?.bytes ?? 0, bytes, most.bytes) || isFull(used?.objects ?? 0, objects, most.objects)
  );
}
