import { BlockShift } from './block-shift.ts';
import type { BlockRow, BlockTable } from './block-table.ts';
import type { ChangeFeed } from './change-feed.ts';
import type { Checkpointer } from './checkpointer.ts';
import { currentTime } from './clock.ts';
import { StoreError } from './errors.ts';
import { type InodeRecord, touch } from './inode-record.ts';
import type { InodeTable } from './inode-table.ts';
import type { IntentLog } from './intent-log.ts';
import { type DataPiece, hasRoomForData, logData } from './logged-data.ts';
import type { Room } from './room.ts';
import type { Transaction } from './transaction.ts';
import { type FileId, FileType } from './types.ts';
import type { Usage } from './usage.ts';

/** The store as the block cache sees it: files as rows of blocks, and sizes that run ahead of them. */
export class FileContents {
  readonly #transaction: Transaction;
  readonly #inodes: InodeTable;
  readonly #blocks: BlockTable;
  readonly #shift: BlockShift;
  readonly #checkpointer: Checkpointer;
  readonly #feed: ChangeFeed;
  readonly #usage: Usage;
  readonly #room: Room;
  readonly #intents: IntentLog;

  constructor(
    transaction: Transaction,
    inodes: InodeTable,
    blocks: BlockTable,
    blockBytes: number,
    checkpointer: Checkpointer,
    feed: ChangeFeed,
    usage: Usage,
    room: Room,
    intents: IntentLog,
  ) {
    this.#transaction = transaction;
    this.#inodes = inodes;
    this.#blocks = blocks;
    this.#shift = new BlockShift(blocks, blockBytes);
    this.#checkpointer = checkpointer;
    this.#feed = feed;
    this.#usage = usage;
    this.#room = room;
    this.#intents = intents;
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

  /** @throws {StoreError} EROFS when storage has failed: for data that is written into memory. */
  requireWritable(): void {
    this.#transaction.requireWritable();
  }

  /** Has `tell` called before an inode changes, save by data that are written into memory. */
  beforeChange(tell: (id: FileId) => void): void {
    this.#inodes.beforeChange = tell;
  }

  peek(id: FileId): InodeRecord | undefined {
    this.#transaction.requireWhole();
    return this.#inodes.find(id);
  }

  /** The stored blocks among first to last, in order. */
  read(record: InodeRecord, first: number, last: number): BlockRow[] {
    // With changed pages in its hands, SQLite would copy the data once more.
    this.#transaction.tryToApply();
    return this.#transaction.reading(() => this.#blocks.read(record, first, last));
  }

  /** Data from `offset` to before `end` are others now, if only in memory. */
  changed(record: InodeRecord, offset: number, end: number): void {
    this.#feed.watcher?.dataChanged(record.id, offset, end);
  }

  /** The file gets another size, in a modification. */
  resizing(record: InodeRecord, size: number): void {
    this.changed(record, Math.min(record.size, size), Number.POSITIVE_INFINITY);
    if (size < record.size) {
      this.#transaction.cut(record.id);
    }
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

  /**
   * Puts pieces of blocks into the intent log, in the open transaction, with the file's size and times.
   * Their rows follow when the database commits: until then the caller keeps the blocks.
   * @returns false: there is no room, and nothing has been done
   */
  log(record: InodeRecord, pieces: readonly DataPiece[]): boolean {
    if (this.#room.isScarce() || !hasRoomForData(this.#intents, pieces)) {
      return false;
    }
    this.#transaction.record(() => logData(this.#intents, record, pieces));
    return true;
  }

  /** Files of which the intent log has data that the database lacks. */
  get loggedFiles(): ReadonlySet<number> {
    return this.#intents.dataFiles;
  }

  /** Says that the rows of the file's blocks are complete, so that its row may have its size. */
  settle(record: InodeRecord): void {
    this.#transaction.modify(() => {
      this.#inodes.follow(record);
      record.storedSize = record.size;
    });
  }

  /** Bytes of a block's row; 0: it has none. */
  rowBytes(record: InodeRecord, number: number): number {
    return this.#transaction.reading(() => this.#blocks.rowBytes(record, number));
  }

  /** What the file's data take has changed in memory. */
  useChanged(record: InodeRecord): void {
    this.#usage.follow(record);
  }

  /** The first block from `number` on that has a row; undefined: none has. */
  nextStored(record: InodeRecord, number: number): number | undefined {
    return this.#transaction.reading(() => this.#blocks.nextStored(record, number));
  }

  /** The first block from `number` on that has no row. */
  nextMissing(record: InodeRecord, number: number): number {
    return this.#transaction.reading(() => this.#blocks.nextMissing(record, number));
  }

  /** What is written to the block needs no room that the file does not have yet. */
  isAllocated(record: InodeRecord, number: number): boolean {
    return (
      record.allocatedBlocks > 0 &&
      this.#transaction.reading(() => this.#blocks.isAllocated(record, number))
    );
  }

  /** Removes the blocks first to last; with `isKept` what is allocated of them stays so. */
  clear(record: InodeRecord, first: number, last: number, isKept: boolean): void {
    this.#transaction.modify(() => {
      this.#inodes.change(record);
      this.#transaction.cut(record.id);
      this.#blocks.clear(record, first, last);
      if (!isKept) {
        this.#blocks.deallocate(record, first, last);
      }
    });
  }

  /** The room that `allocate` would take. */
  unallocatedBytes(record: InodeRecord, first: number, last: number): number {
    return this.#transaction.reading(() => this.#blocks.unallocatedBytes(record, first, last));
  }

  /** Gives the blocks first to last room whether they are written or not. */
  allocate(record: InodeRecord, first: number, last: number): void {
    this.#transaction.modify(() => {
      this.#room.requireBytes(record.uid, this.#blocks.unallocatedBytes(record, first, last));
      this.#inodes.change(record);
      this.#blocks.allocate(record, first, last);
    });
  }

  /** Takes bytes out of a file, or puts a hole in; the rows of its blocks must be complete. */
  shift(record: InodeRecord, how: 'collapse' | 'insert', start: number, length: number): void {
    this.#transaction.reading(() => this.#shift.requireWhole(record, start));
    this.#transaction.modify(() => {
      this.#inodes.change(record);
      this.#transaction.cut(record.id);
      this.#shift[how](record, start, length);
    });
  }

  /** Notes that the file's data have changed now. */
  touch(record: InodeRecord): void {
    this.#transaction.modify(() => {
      this.#inodes.change(record);
      const now = currentTime();
      record.mtime = now;
      touch(record, now);
    });
  }
}
