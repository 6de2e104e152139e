import type Database from 'better-sqlite3';
import { AllocationTable } from './allocation-table.ts';
import { BlockTable, lastBlock } from './block-table.ts';
import { ChangeFeed } from './change-feed.ts';
import { Checkpointer } from './checkpointer.ts';
import { currentTime, nextChange } from './clock.ts';
import { storeErrorOf } from './database-error.ts';
import { DiskRoom } from './disk-room.ts';
import { Durability } from './durability.ts';
import { EntryTable } from './entry-table.ts';
import { StoreError } from './errors.ts';
import { ExtendedAttributes } from './extended-attributes.ts';
import { FileContents } from './file-contents.ts';
import { checkSize } from './file-size.ts';
import type { InodeRecord } from './inode-record.ts';
import { InodeTable } from './inode-table.ts';
import { IntentLog } from './intent-log.ts';
import { Namespace } from './namespace.ts';
import { type OpenedDatabase, openDatabase, refusalOf } from './open.ts';
import type { Ownership } from './ownership.ts';
import { Reclaimer } from './reclaimer.ts';
import { Room } from './room.ts';
import { StateTable } from './state-table.ts';
import { Statements } from './statements.ts';
import { Transaction, type TransactionObserver } from './transaction.ts';
import {
  type AttributeChanges,
  type Capacity,
  type FileId,
  type Inode,
  InodeFlag,
  type NewObject,
  type StoreOptions,
  type StoreStatistics,
} from './types.ts';
import { bytesPerObject, Usage } from './usage.ts';

/** From so many stored bytes on, a file that is cut to nothing leaves its blocks to the reclaimer. */
const detachBytes = 16 * 1024 * 1024;

/** The row of the file system, as far as it is needed here. */
interface FilesystemRow {
  readonly identity: Uint8Array;
  readonly blockBytes: number;
  readonly intentEpoch: number;
}

/**
 * A file system in an SQLite database: inodes, names, data, one transaction at a time.
 *
 * Modifications belong to the open transaction, which the first one begins; commit() makes them
 * survive the process, sync() makes them survive the machine. Every modification is whole or not
 * there; a refused one (StoreError) has changed nothing. A failure of the database in the middle of
 * one undoes all since the last commit; if that was more than the one, commit() throws, too.
 */
export class Store {
  /** Absolute path of the database. */
  readonly path: string;
  /** 16 bytes, drawn when the database was made: which file system this is. */
  readonly identity: Uint8Array;
  /** Bytes of a block, the unit of holes and of the block cache. */
  readonly blockBytes: number;
  /** The data of files, for the block cache. */
  readonly contents: FileContents;
  /** Where what was committed is. */
  readonly durability: Durability;
  /** Where modifications can be heard of. */
  readonly changes = new ChangeFeed();
  /** What still fits. */
  readonly room: Room;
  /** What clients know the unstable data by that a killed process left, all of which are stored now. */
  readonly recoveredVerifier: bigint | undefined;
  /** The extended attributes of all objects. */
  readonly extendedAttributes: ExtendedAttributes;
  /** What the server knows besides the files. */
  readonly state: StateTable;

  readonly #database: Database.Database;
  readonly #ownership: Ownership;
  readonly #transaction: Transaction;
  readonly #inodes: InodeTable;
  readonly #entries: EntryTable;
  readonly #blocks: BlockTable;
  readonly #namespace: Namespace;
  readonly #reclaimer: Reclaimer;
  readonly #capacity: Capacity;
  readonly #usage: Usage;
  readonly #disk: DiskRoom;

  /**
   * Opens the store at `path`, or makes it.
   * @throws {StoreOpenError} The file is then as it was before.
   */
  static open(path: string, options: StoreOptions): Store {
    const opened = openDatabase(path, options);
    try {
      return new Store(opened, options);
    } catch (error) {
      opened.database.close();
      opened.ownership.release();
      // Tables that are not ours, or no room for the intent log.
      throw refusalOf(opened.path, error);
    }
  }

  private constructor(opened: OpenedDatabase, options: StoreOptions) {
    const { path, database, ownership, left } = opened;
    const { capacity = {}, heldObjects = () => new Set(), openLogSync } = options;
    const row = database
      .prepare<[], FilesystemRow>('SELECT * FROM filesystem')
      .get() as FilesystemRow;
    this.path = path;
    this.identity = row.identity;
    this.blockBytes = row.blockBytes;
    this.#database = database;
    this.#ownership = ownership;
    const intents = new IntentLog(path, row.identity, row.intentEpoch);
    this.#transaction = new Transaction(database, intents);
    const statements = new Statements(database, intents);
    const reclaimed = new Set<FileId>();
    this.#capacity = capacity;
    this.#usage = new Usage(database, capacity, reclaimed);
    this.#inodes = new InodeTable(
      statements,
      this.#transaction,
      this.changes,
      reclaimed,
      this.#usage,
    );
    this.state = new StateTable(path, statements, this.#transaction);
    this.#entries = new EntryTable(statements, this.#transaction);
    this.#blocks = new BlockTable(statements, row.blockBytes, new AllocationTable(statements));
    this.#disk = new DiskRoom(database, path);
    const checkpointer = new Checkpointer(database, path, this.#disk, (error) =>
      this.#transaction.breakDown(storeErrorOf(error)),
    );
    this.#transaction.observe(checkpointer);
    this.#transaction.observe({ rolledBack: () => this.#disk.doubt() });
    this.room = new Room(this.#usage, this.#disk, this.#transaction, checkpointer, () =>
      this.#freeSome(),
    );
    this.#namespace = new Namespace(
      statements,
      this.#inodes,
      this.#entries,
      this.changes,
      this.room,
    );
    this.extendedAttributes = new ExtendedAttributes(
      statements,
      this.#transaction,
      this.#inodes,
      this.room,
    );
    this.#reclaimer = new Reclaimer(
      statements,
      this.#transaction,
      this.#inodes,
      this.#blocks,
      this.extendedAttributes,
      this.#usage,
    );
    this.contents = new FileContents(
      this.#transaction,
      this.#inodes,
      this.#blocks,
      this.blockBytes,
      checkpointer,
      this.changes,
      this.#usage,
      this.room,
      intents,
    );
    this.durability = new Durability(path, this.#transaction, intents, checkpointer, openLogSync);
    this.recoveredVerifier = left?.moveTo(path, this.contents, checkpointer, this.durability);
    this.#reclaimer.recover(heldObjects(this.state));
  }

  /** The inode, or undefined when there is none of that id (any more). */
  inode(id: FileId): Inode | undefined {
    return this.#transaction.reading(() => this.#inodes.find(id));
  }

  /** @throws {StoreError} ESTALE, ENOTDIR, EINVAL, ENAMETOOLONG */
  lookup(directory: FileId, name: Uint8Array): FileId | undefined {
    return this.#transaction.reading(() => this.#namespace.lookup(directory, name));
  }

  /**
   * Visits the entries whose cookies are above `afterCookie`, in the order of their cookies, until
   * `visit` returns false. An entry has the same cookie from its creation to its removal, whatever
   * else comes and goes, so a listing can go on after any entry seen. Cookies are above 2. '.' and
   * '..' are not among the entries.
   * @returns true when the end was reached.
   * @throws {StoreError} ESTALE, ENOTDIR
   */
  readDirectory(
    directory: FileId,
    afterCookie: number,
    visit: (name: Uint8Array, id: FileId, cookie: number) => boolean,
  ): boolean {
    return this.#transaction.reading(() => {
      this.#namespace.directory(directory);
      return this.#entries.list(directory, afterCookie, visit);
    });
  }

  /** The target of a symbolic link. @throws {StoreError} ESTALE, EINVAL */
  readLink(id: FileId): Uint8Array {
    return this.#transaction.reading(() => this.#namespace.readLink(id));
  }

  /**
   * Makes an object and its name.
   * @throws {StoreError} ESTALE, ENOTDIR, EEXIST, EINVAL, ENAMETOOLONG, ENOSPC, EDQUOT; ENOENT: the
   * directory has been removed.
   */
  create(directory: FileId, name: Uint8Array, object: NewObject): Inode {
    this.room.requireDisk();
    return this.#modify(() => this.#namespace.create(directory, name, object));
  }

  /**
   * Makes an object without a name, which link() may give it. Until then it is an orphan.
   * @throws {StoreError} ESTALE, ENOTDIR, EINVAL, ENOSPC, EDQUOT; ENOENT: the directory has been
   * removed.
   */
  createUnnamed(directory: FileId, object: NewObject): Inode {
    this.room.requireDisk();
    return this.#modify(() => this.#namespace.createUnnamed(directory, object));
  }

  /**
   * Gives an object that is no directory another name, or one that was made without its first.
   * @throws {StoreError} ESTALE, ENOTDIR, EEXIST, EISDIR, EMLINK, EINVAL, ENAMETOOLONG, ENOSPC,
   * EDQUOT; ENOENT: the object or the directory has been removed.
   */
  link(id: FileId, directory: FileId, name: Uint8Array): Inode {
    this.room.requireDisk();
    return this.#modify(() => this.#namespace.link(id, directory, name));
  }

  /**
   * Removes a name: an empty directory's, or one of any other object. Without names left the object
   * is an orphan (nlink 0), which stays readable until reclaim().
   * @throws {StoreError} ESTALE, ENOTDIR, ENOENT, ENOTEMPTY, EINVAL, ENAMETOOLONG
   */
  remove(directory: FileId, name: Uint8Array): Inode {
    return this.#modify(() => this.#namespace.remove(directory, name));
  }

  /**
   * POSIX's rename. Two names of one object stay both.
   * @returns what had the target's name and lost it; an orphan, if that was its last.
   * @throws {StoreError} ESTALE, ENOTDIR, ENOENT, EISDIR, ENOTEMPTY, ENAMETOOLONG; EINVAL: a
   * directory into itself.
   */
  rename(
    sourceDirectory: FileId,
    sourceName: Uint8Array,
    targetDirectory: FileId,
    targetName: Uint8Array,
  ): Inode | undefined {
    return this.#modify(() =>
      this.#namespace.rename(sourceDirectory, sourceName, targetDirectory, targetName),
    );
  }

  /**
   * Gives each of two objects the other's name.
   * @throws {StoreError} ESTALE, ENOTDIR, ENOENT, ENAMETOOLONG; EINVAL: a directory into itself.
   */
  exchange(
    sourceDirectory: FileId,
    sourceName: Uint8Array,
    targetDirectory: FileId,
    targetName: Uint8Array,
  ): void {
    this.#modify(() =>
      this.#namespace.exchange(sourceDirectory, sourceName, targetDirectory, targetName),
    );
  }

  /**
   * Changes attributes. ctime becomes now, and mtime with a size, unless they are given.
   * @throws {StoreError} ESTALE; EISDIR, EINVAL: a size of what is no file; EFBIG
   */
  setAttributes(id: FileId, changes: AttributeChanges): Inode {
    return this.#modify(() => {
      const record = this.#namespace.inode(id);
      if (changes.size !== undefined) {
        checkSize(record, changes.size);
      }
      const now = currentTime();
      this.#inodes.change(record);
      if (changes.mode !== undefined) {
        record.mode = changes.mode & 0o7777;
        this.extendedAttributes.followMode(record);
      }
      record.uid = changes.uid ?? record.uid;
      record.gid = changes.gid ?? record.gid;
      if (changes.size !== undefined) {
        this.#resize(record, changes.size);
        record.mtime = now;
      }
      record.atime = changes.atime ?? record.atime;
      record.mtime = changes.mtime ?? record.mtime;
      record.btime = changes.btime ?? record.btime;
      record.flags = changes.flags ?? record.flags;
      record.ctime = changes.ctime ?? now;
      record.change = nextChange(record.change, now);
      return record;
    });
  }

  /** Sets atime to now and nothing else: for reads. @throws {StoreError} ESTALE */
  recordAccess(id: FileId): void {
    const { flags } = this.#transaction.reading(() => this.#namespace.inode(id));
    if ((flags & InodeFlag.NOATIME) !== 0 || this.breakdown !== undefined) {
      return;
    }
    this.#modify(() => {
      const record = this.#namespace.inode(id);
      this.#inodes.follow(record);
      record.atime = currentTime();
    });
  }

  /**
   * Frees an orphan: there is no inode of this id from now on. The blocks of a large one go piece by
   * piece, with reclaimSome(), and those that a crash leaves when the store is opened again. Nothing
   * happens if the id is free already.
   * @throws {StoreError} EINVAL: the object has a name.
   */
  reclaim(id: FileId): void {
    const record = this.#transaction.reading(() => this.#inodes.find(id));
    if (record === undefined || this.breakdown !== undefined) {
      return;
    }
    if (record.nlink > 0) {
      throw new StoreError('EINVAL', `inode ${id} has a name`);
    }
    this.#reclaimer.reclaim(record);
  }

  /** Does one piece of pending reclamation, some milliseconds; true when more is left. */
  reclaimSome(): boolean {
    return this.#reclaimer.some();
  }

  /** @param unstoredBytes what the caller has in memory and the disk has not */
  statistics(unstoredBytes = 0): StoreStatistics {
    return this.#transaction.reading(() => {
      const disk = this.#disk;
      const { bytes, objects } = this.#capacity;
      const diskBytes = Math.max(0, disk.freeBytes - unstoredBytes);
      const used = this.#usage.total;
      const freeBytes = Math.min(diskBytes, Math.max(0, (bytes ?? Infinity) - used.bytes));
      const usedBytes = this.#usage.isLimited ? used.bytes : disk.usedBytes;
      const files = this.#usage.isLimited ? used.objects : this.#inodes.count();
      const freeFiles = Math.floor(freeBytes / bytesPerObject);
      return {
        totalBytes: usedBytes + freeBytes,
        freeBytes,
        files,
        freeFiles: Math.min(freeFiles, Math.max(0, (objects ?? Infinity) - files)),
        blockBytes: this.blockBytes,
      };
    });
  }

  /** Why nothing can be changed any more: the disk has failed. Undefined while all is well. */
  get breakdown(): StoreError | undefined {
    return this.#transaction.breakdown;
  }

  /** commit() has something to do: something was modified, or that has failed. */
  get inTransaction(): boolean {
    return this.#transaction.isOpen;
  }

  /**
   * Ends the transaction, if one is open; what it did survives the end of the process.
   * @throws {StoreError} ENOSPC, EIO: nothing since the last commit was done.
   */
  commit(): void {
    this.#transaction.commit();
  }

  /** Undoes everything since the last commit. */
  rollback(): void {
    this.#transaction.rollback();
  }

  /** Commits, and returns when all commits so far are on stable storage. @throws {StoreError} */
  sync(): void {
    this.durability.sync();
  }

  /** Tells of commits and of undone transactions: for what keeps data of the store in memory. */
  observe(observer: TransactionObserver): void {
    this.#transaction.observe(observer);
  }

  /** Commits and closes; the log is moved into the database and removed. */
  close(): void {
    try {
      this.durability.close();
    } finally {
      this.#database.close();
      this.#ownership.release();
    }
  }

  #freeSome(): boolean {
    const hasWork = this.#reclaimer.hasWork;
    this.#reclaimer.some();
    return hasWork;
  }

  #resize(record: InodeRecord, size: number): void {
    this.contents.resizing(record, size);
    if (size === 0 && record.storedBytes >= detachBytes) {
      this.#reclaimer.detachContent(record);
    } else if (size < record.storedSize) {
      this.#blocks.truncate(record, size);
    } else if (size <= record.size) {
      this.#blocks.deallocate(record, Math.ceil(size / this.blockBytes), lastBlock);
    }
    record.size = size;
    record.storedSize = size;
    record.resized = true;
  }

  #modify<Result>(action: () => Result): Result {
    return this.#transaction.modify(action);
  }
}
