import type Database from 'better-sqlite3';
import { type BlockTable, lastBlock } from './block-table.ts';
import type { ExtendedAttributes } from './extended-attributes.ts';
import type { InodeRecord } from './inode-record.ts';
import type { InodeTable } from './inode-table.ts';
import type { Change, Statements } from './statements.ts';
import type { Transaction, TransactionObserver } from './transaction.ts';
import { type FileId, FileType } from './types.ts';
import type { Usage } from './usage.ts';

/** What opening a store spends on orphans that a crash left; the rest waits for reclaimSome. */
const openingMs = 100;

/**
 * Frees what nobody can reach any more. An inode whose last name is gone keeps its row, with 0
 * links, until its blocks are deleted, piece by piece; so a crash at any moment leaves a row that
 * says what is still to be done.
 */
export class Reclaimer implements TransactionObserver {
  readonly #transaction: Transaction;
  readonly #inodes: InodeTable;
  readonly #blocks: BlockTable;
  readonly #attributes: ExtendedAttributes;
  readonly #usage: Usage;
  readonly #deleteTarget: Change<[number]>;
  readonly #selectOrphans: Database.Statement<[], FileId>;
  /** Inodes with work to do; the table shows them to nobody else. */
  readonly #pending: Set<FileId>;
  /** What this transaction did to `#pending`: id, and whether it was added. */
  readonly #journal: [id: FileId, added: boolean][] = [];

  constructor(
    statements: Statements,
    transaction: Transaction,
    inodes: InodeTable,
    blocks: BlockTable,
    attributes: ExtendedAttributes,
    usage: Usage,
  ) {
    this.#transaction = transaction;
    this.#inodes = inodes;
    this.#blocks = blocks;
    this.#attributes = attributes;
    this.#usage = usage;
    this.#pending = inodes.reclaimed;
    this.#deleteTarget = statements.change('DELETE FROM symlink WHERE inode = ?');
    this.#selectOrphans = statements
      .query<[], FileId>('SELECT id FROM inode WHERE nlink = 0')
      .pluck();
    transaction.observe(this);
  }

  /** Works off what a crash left, within bounded time. @param held orphans that are somebody's still */
  recover(held: ReadonlySet<FileId>): void {
    for (const id of this.#selectOrphans.all()) {
      const record = held.has(id) ? this.#inodes.findAny(id) : undefined;
      if (record === undefined) {
        this.#pending.add(id);
      } else {
        this.#usage.keep(record);
      }
    }
    const deadline = performance.now() + openingMs;
    while (this.some() && performance.now() < deadline) {
      this.#transaction.commit();
    }
    this.#transaction.commit();
  }

  /** Takes an orphan over and does the first piece at once, which is all for most files. */
  reclaim(record: InodeRecord): void {
    this.#transaction.modify(() => {
      this.#add(record.id);
      this.#usage.follow(record);
      this.#work(record);
    });
  }

  /**
   * Parts a file from all its blocks without touching them: they become an orphan's, the file gets
   * the orphan's number for its future ones.
   */
  detachContent(record: InodeRecord): void {
    const orphan = this.#inodes.create(FileType.REGULAR);
    this.#blocks.handOver(record, orphan);
    this.#add(orphan.id);
  }

  get hasWork(): boolean {
    return this.#pending.size > 0;
  }

  /** One piece of pending work; true when more is left. */
  some(): boolean {
    const [id] = this.#pending;
    if (id === undefined) {
      return false;
    }
    this.#transaction.modify(() => {
      const record = this.#inodes.findAny(id);
      if (record === undefined) {
        this.#remove(id);
      } else {
        this.#work(record);
      }
    });
    return this.#pending.size > 0;
  }

  committed(): void {
    this.#journal.length = 0;
  }

  rolledBack(): void {
    for (const [id, added] of this.#journal.splice(0).reverse()) {
      if (added) {
        this.#pending.delete(id);
      } else {
        this.#pending.add(id);
      }
      const record = this.#inodes.findAny(id);
      if (record !== undefined) {
        this.#usage.follow(record);
      }
    }
  }

  #work(record: InodeRecord): void {
    const hasBlocks = record.storedBytes > 0;
    if (hasBlocks && this.#blocks.deletePiece(record)) {
      return;
    }
    this.#blocks.deallocate(record, 0, lastBlock);
    if (record.type === FileType.SYMBOLIC_LINK) {
      this.#deleteTarget.run(record.id);
    }
    this.#attributes.removeAll(record);
    this.#inodes.delete(record);
    this.#remove(record.id);
  }

  #add(id: FileId): void {
    this.#pending.add(id);
    this.#journal.push([id, true]);
  }

  #remove(id: FileId): void {
    this.#pending.delete(id);
    this.#journal.push([id, false]);
  }
}
