import { bucketEntries } from './names.ts';
import type { TransactionObserver } from './transaction.ts';
import type { FileId } from './types.ts';

/** Names in each of the two generations, at about 150 bytes each. */
const generationNames = 32_768;

/** An entry that exists. */
export interface Entry {
  readonly cookie: number;
  readonly id: FileId;
}

/** What is known about a name. */
export interface Place {
  readonly entry: Entry | undefined;
  /** A cookie that it could get; undefined when it has one, or when there is none left. */
  readonly freeCookie: number | undefined;
}

interface CachedName {
  readonly directory: FileId;
  readonly name: string;
  readonly place: Place;
}

/**
 * Names that are there, and names that are not, so that most lookups cost no query.
 *
 * It holds one name of a bucket, that is of those whose cookies lie side by side, at most: what is
 * entered for one name makes the cache forget what it knew of the others, whose free cookie may be
 * taken now. Two generations make it forget what was not asked for lately.
 */
export class NameCache implements TransactionObserver {
  #recent = new Map<number, CachedName>();
  #older = new Map<number, CachedName>();
  /** Keys whose names the open transaction has changed. */
  readonly #changed: number[] = [];

  /** What is known about the name, whose bucket begins with that cookie. */
  get(directory: FileId, bucket: number, name: string): Place | undefined {
    const key = keyOf(directory, bucket);
    let found = this.#recent.get(key);
    if (found === undefined) {
      found = this.#older.get(key);
      if (found === undefined) {
        return undefined;
      }
      this.#enter(key, found);
    }
    return found.name === name && found.directory === directory ? found.place : undefined;
  }

  /** Notes what the database says. */
  note(directory: FileId, bucket: number, name: string, place: Place): void {
    this.#enter(keyOf(directory, bucket), { directory, name, place });
  }

  /** Notes what the open transaction made of the name. */
  change(directory: FileId, bucket: number, name: string, place: Place): void {
    this.#changed.push(keyOf(directory, bucket));
    this.note(directory, bucket, name, place);
  }

  committed(): void {
    this.#changed.length = 0;
  }

  rolledBack(): void {
    for (const key of this.#changed) {
      this.#recent.delete(key);
      this.#older.delete(key);
    }
    this.#changed.length = 0;
  }

  #enter(key: number, name: CachedName): void {
    if (this.#recent.size >= generationNames) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(key, name);
  }
}

/** Different buckets may have the same key: then they displace each other. */
function keyOf(directory: FileId, bucket: number): number {
  return (bucket / bucketEntries) ^ Math.imul(directory, 0x9e3779b1);
}
