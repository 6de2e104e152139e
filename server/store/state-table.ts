import type Database from 'better-sqlite3';
import { damaged } from './integrity.ts';
import type { Change, Statements } from './statements.ts';
import type { Transaction, TransactionObserver } from './transaction.ts';

/** Whose state an entry is. */
export const StateKind = {
  CLIENT: 1,
  SESSION: 2,
  CREDENTIAL: 3,
  RESPONSE: 4,
  OPEN: 5,
  LOCK: 6,
  /** The server's own: which of its instances this is. */
  INSTANCE: 7,
} as const;
export type StateKind = (typeof StateKind)[keyof typeof StateKind];

/** An entry that the database has to get, or lose. */
interface Pending {
  readonly kind: StateKind;
  readonly key: Uint8Array;
  /** Undefined: the entry is deleted. */
  readonly value: Uint8Array | undefined;
}

/**
 * What the server must still know when it has been killed, besides the files: entries whose keys and
 * values are their owners' business. They are changed in the same transaction as the files that they
 * go with. Most live shortly, so rows follow only when the database commits: an entry that is gone by
 * then has never cost a statement.
 */
export class StateTable implements TransactionObserver {
  readonly #path: string;
  readonly #transaction: Transaction;
  readonly #select: Database.Statement<[number], [key: Buffer, value: Buffer]>;
  readonly #keys: Database.Statement<[], [kind: StateKind, key: Buffer]>;
  readonly #write: Change<[number, Uint8Array, Uint8Array]>;
  readonly #delete: Change<[number, Uint8Array]>;
  readonly #pending = new Map<string, Pending>();
  /** Which entries have rows. */
  readonly #rows = new Set<string>();

  /** @param path of the database, to name it */
  constructor(path: string, statements: Statements, transaction: Transaction) {
    this.#path = path;
    this.#transaction = transaction;
    this.#select = statements
      .query<[number], [key: Buffer, value: Buffer]>(
        'SELECT key, value FROM state WHERE kind = ? ORDER BY key',
      )
      .raw();
    this.#keys = statements
      .query<[], [kind: StateKind, key: Buffer]>('SELECT kind, key FROM state')
      .raw();
    this.#write = statements.change('REPLACE INTO state VALUES (?, ?, ?)');
    this.#delete = statements.change('DELETE FROM state WHERE kind = ? AND key = ?');
    this.#readKeys();
    transaction.observe(this);
  }

  /**
   * Makes or replaces an entry, in the open transaction. Key and value are kept: they must not change.
   * Once storage has failed nothing is kept, and clients go on without.
   * @throws {StoreError}
   */
  put(kind: StateKind, key: Uint8Array, value: Uint8Array): void {
    if (this.#transaction.breakdown !== undefined) {
      return;
    }
    this.#transaction.record(() => {
      this.#write.record([kind, key, value]);
      this.#pending.set(nameOf(kind, key), { kind, key, value });
    });
  }

  /** Deletes an entry, if there is one, in the open transaction. @throws {StoreError} */
  delete(kind: StateKind, key: Uint8Array): void {
    const name = nameOf(kind, key);
    const isKnown = this.#rows.has(name) || this.#pending.has(name);
    if (!isKnown || this.#transaction.breakdown !== undefined) {
      return;
    }
    this.#transaction.record(() => {
      this.#delete.record([kind, key]);
      this.#pending.set(name, { kind, key, value: undefined });
    });
  }

  /**
   * Reads all entries of a kind, in the order of their keys: for a server that starts.
   * @param decode throws, whatever it likes, when it cannot make sense of one
   * @throws {StoreOpenError} DAMAGED when one cannot be read
   */
  read<Entry>(kind: StateKind, decode: (key: Uint8Array, value: Uint8Array) => Entry): Entry[] {
    return this.#entries(kind).map(([key, value]) => {
      try {
        return decode(key, value);
      } catch (error) {
        throw damaged(this.#path, 'what a client held cannot be read', error);
      }
    });
  }

  #entries(kind: StateKind): [key: Uint8Array, value: Uint8Array][] {
    const entries = new Map<string, [key: Uint8Array, value: Uint8Array]>();
    for (const [key, value] of this.#select.all(kind)) {
      entries.set(nameOf(kind, key), [key, value]);
    }
    for (const [name, pending] of this.#pending) {
      if (pending.value === undefined) {
        entries.delete(name);
      } else if (pending.kind === kind) {
        entries.set(name, [pending.key, pending.value]);
      }
    }
    return [...entries.values()].sort(([one], [other]) => Buffer.compare(one, other));
  }

  /** Whether there is an entry, as of the open transaction. */
  has(kind: StateKind, key: Uint8Array): boolean {
    const name = nameOf(kind, key);
    const pending = this.#pending.get(name);
    return pending === undefined ? this.#rows.has(name) : pending.value !== undefined;
  }

  beforeStore(): void {
    for (const [name, { kind, key, value }] of this.#pending) {
      if (value !== undefined) {
        this.#write.make([kind, key, value]);
        this.#rows.add(name);
      } else if (this.#rows.delete(name)) {
        this.#delete.make([kind, key]);
      }
    }
    this.#pending.clear();
  }

  /** What is committed has been made again. */
  rolledBack(): void {
    this.#pending.clear();
    this.#readKeys();
  }

  #readKeys(): void {
    this.#rows.clear();
    for (const [kind, key] of this.#keys.all()) {
      this.#rows.add(nameOf(kind, key));
    }
  }
}

const nameOf = (kind: StateKind, key: Uint8Array): string => {
  const bytes = key instanceof Buffer ? key : Buffer.from(key.buffer, key.byteOffset, key.length);
  return `${kind}${bytes.toString('latin1')}`;
};
