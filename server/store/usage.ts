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

/** What an owner is to have more. */
export interface Demand extends Readonly<Tally> {
  readonly owner: number;
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

  /** An orphan that was found, which the rows that were counted at the start were without, stays. */
  keep(record: InodeRecord): void {
    if (this.isLimited) {
      this.#add(record.countedOwner, record.countedBytes, record.countedObjects);
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
    return this.#objection([{ owner, bytes, objects: 0 }]) === undefined;
  }

  /** @throws {StoreError} ENOSPC, EDQUOT when there may not be all of it. */
  require(...demands: readonly Demand[]): void {
    const objection = this.#objection(demands);
    if (objection !== undefined) {
      throw new StoreError(objection, 'the capacity of the file system is used up');
    }
  }

  #objection(demands: readonly Demand[]): StoreErrorCode | undefined {
    if (!this.isLimited) {
      return undefined;
    }
    this.#count();
    const { bytesPerUser, objectsPerUser } = this.#capacity;
    const most = { bytes: bytesPerUser, objects: objectsPerUser };
    for (const { owner } of demands) {
      const wanted = sumOf(demands.filter((demand) => demand.owner === owner));
      if (owner !== superuser && exceeds(this.#owners.get(owner), most, wanted)) {
        return 'EDQUOT';
      }
    }
    return exceeds(this.#all, this.#capacity, sumOf(demands)) ? 'ENOSPC' : undefined;
  }

  #countRows(database: Database.Database): void {
    // Orphans count as gone, unless the reclaimer finds that they are somebody's: see reclaimer.ts.
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

function sumOf(demands: readonly Demand[]): Tally {
  const sum: Tally = { bytes: 0, objects: 0 };
  for (const { bytes, objects } of demands) {
    sum.bytes += bytes;
    sum.objects += objects;
  }
  return sum;
}

function exceeds(
  used: Tally | undefined,
  most: { readonly bytes?: number | undefined; readonly objects?: number | undefined },
  wanted: Tally,
): boolean {
  const isFull = (has: number, more: number, limit: number | undefined) =>
    more > 0 && limit !== undefined && has + more > limit;
  return (
    isFull(used?.bytes ?? 0, wanted.bytes, most.bytes) ||
    isFull(used?.objects ?? 0, wanted.objects, most.objects)
  );
}
