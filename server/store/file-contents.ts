import type { BlockRow, BlockTable } from './block-table.ts';
import type { ChangeFeed } from './change-feed.ts';
import type { Checkpointer } from './checkpointer.ts';
import { StoreError } from './errors.ts';
import type { InodeRecord } from './inode-record.ts';
import type { InodeTable } from './inode-table.ts';
import { storeErrorOf, type Transaction } from './transaction.ts';
import { type FileId, FileType } from './types.ts';

/** The store as the block cache sees it: files as rows of blocks, and sizes that run ahead of them. */
export class FileContents {
  readonly #transaction: Transaction;
  readonly #inodes: InodeTable;
  readonly #blocks: BlockTable;
  readonly #checkpointer: Checkpointer;
  readonly #feed: ChangeFeed;

  constructor(
    transaction: Transaction,
    inodes: InodeTable,
    blocks: BlockTable,
    checkpointer: Checkpointer,
    feed: ChangeFeed,
  ) {
    this.#transaction = transaction;
    this.#inodes = inodes;
    this.#blocks = blocks;
    this.#checkpointer = checkpointer;
    this.#feed = feed;
  }

  /** @throws {StoreError} ESTALE: no such inode; EISDIR, EINVAL: it has no data. */
  file(id: FileId): InodeRecord {
    const record = this.peek(id);
    if (record === undefined) {
      throw new StoreError('ESTALE', `there is no inode ${id}`);
    }
    if (record.type !== FileType.REGULAR) {
      const code = record.isDirectory ? 'EISDIR' : 'EINVAL';
      throw new StoreError(code, `inode ${id} is not a regular file`);
    }
    return record;
  }

  peek(id: FileId): InodeRecord | undefined {
    return this.#inodes.find(id);
  }

  /** The stored blocks among first to last, in order. */
  read(record: InodeRecord, first: number, last: number): BlockRow[] {
    try {
      return this.#blocks.read(record, first, last);
    } catch (error) {
      throw storeErrorOf(error);
    }
  }

  /** Data from `offset` to before `end` are others now, if only in memory. */
  changed(record: InodeRecord, offset: number, end: number): void {
    this.#feed.watcher?.dataChanged(record.id, offset, end);
  }

  /** Makes several writes one modification: all of them are done, or none. */
  modify(action: () => void): void {
    this.#transaction.modify(action);
  }

  /** Commits in the middle of what others take for one transaction. @throws {StoreError} */
  commitEarly(): void {
    this.#transaction.commitEarly();
  }

  /** Stores a block in the open transaction. */
  write(record: InodeRecord, number: number, data: Uint8Array): void {
    this.#transaction.modify(() => {
      this.#inodes.follow(record);
      this.#blocks.write(record, number, data);
    });
    this.#checkpointer.note(data.length);
  }

  /** Says that the rows of the file's blocks are complete, so that its row may have its size. */
  settle(record: InodeRecord): void {
    this.#transaction.modify(() => {
      this.#inodes.follow(record);
      record.storedSize = record.size;
    });
  }
}
