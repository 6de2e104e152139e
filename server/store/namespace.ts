import type Database from 'better-sqlite3';
import type { ChangeFeed } from './change-feed.ts';
import { currentTime } from './clock.ts';
import { cookieAt, type EntryTable } from './entry-table.ts';
import { StoreError } from './errors.ts';
import { type InodeRecord, touch } from './inode-record.ts';
import type { InodeTable } from './inode-table.ts';
import { checkName, showName } from './names.ts';
import type { Room } from './room.ts';
import type { Change, Statements } from './statements.ts';
import {
  type FileId,
  FileType,
  maxLinks,
  maxTargetBytes,
  type NewObject,
  rootId,
  type Time,
} from './types.ts';

/** What an entry adds to the size of its directory besides its name, in bytes. */
const entryBytes = 16;

const fileTypes: readonly number[] = Object.values(FileType);

/**
 * The tree of names. Every method checks all it can refuse before it changes anything, in the order
 * in which Linux and ext4 check, so that the caller sees the same error where several apply.
 */
export class Namespace {
  readonly #inodes: InodeTable;
  readonly #entries: EntryTable;
  readonly #feed: ChangeFeed;
  readonly #room: Room;
  readonly #insertTarget: Change<[number, Uint8Array]>;
  readonly #selectTarget: Database.Statement<[number], Buffer>;

  constructor(
    statements: Statements,
    inodes: InodeTable,
    entries: EntryTable,
    feed: ChangeFeed,
    room: Room,
  ) {
    this.#feed = feed;
    this.#room = room;
    this.#inodes = inodes;
    this.#entries = entries;
    this.#insertTarget = statements.change('INSERT INTO symlink VALUES (?, ?)');
    this.#selectTarget = statements
      .query<[number], Buffer>('SELECT target FROM symlink WHERE inode = ?')
      .pluck();
  }

  /** @throws {StoreError} ESTALE */
  inode(id: FileId): InodeRecord {
    const record = this.#inodes.find(id);
    if (record === undefined) {
      throw new StoreError('ESTALE', `there is no inode ${id}`);
    }
    return record;
  }

  /** @throws {StoreError} ESTALE, ENOTDIR */
  directory(id: FileId): InodeRecord {
    const record = this.inode(id);
    if (!record.isDirectory) {
      throw new StoreError('ENOTDIR', `inode ${id} is not a directory`);
    }
    return record;
  }

  lookup(directory: FileId, name: Uint8Array): FileId | undefined {
    this.directory(directory);
    checkName(name);
    return this.#entries.find(directory, name)?.id;
  }

  readLink(id: FileId): Uint8Array {
    const record = this.inode(id);
    const target = this.#selectTarget.get(id);
    if (record.type !== FileType.SYMBOLIC_LINK || target === undefined) {
      throw new StoreError('EINVAL', `inode ${id} is not a symbolic link`);
    }
    return target;
  }

  create(directory: FileId, name: Uint8Array, object: NewObject): InodeRecord {
    const parent = this.directory(directory);
    checkObject(object);
    const cookie = this.#vacancy(parent, name);
    const { uid, target, attributeBytes = 0 } = object;
    const heldBytes = (target?.length ?? 0) + attributeBytes;
    this.#room.requireObject(uid, heldBytes, parent.uid, bytesOfEntry(name));
    const now = currentTime();
    const record = this.#make(object, now);
    record.nlink = record.isDirectory ? 2 : 1;
    this.#attach(parent, cookie, name, record, now);
    return record;
  }

  createUnnamed(directory: FileId, object: NewObject): InodeRecord {
    this.#checkAlive(this.directory(directory));
    checkObject(object);
    this.#room.requireObject(object.uid, object.attributeBytes ?? 0, object.uid, 0);
    const record = this.#make(object, currentTime());
    record.linkable = true;
    return record;
  }

  #make(object: NewObject, now: Time): InodeRecord {
    const record = this.#inodes.create(object.type);
    record.mode = object.mode & 0o7777;
    record.uid = object.uid;
    record.gid = object.gid;
    record.rdev = object.rdev ?? record.rdev;
    record.flags = object.flags ?? 0;
    record.atime = now;
    record.mtime = now;
    record.btime = now;
    touch(record, now);
    if (object.target !== undefined) {
      this.#insertTarget.run(record.id, object.target);
      record.size = object.target.length;
      record.storedSize = record.size;
    }
    return record;
  }

  link(id: FileId, directory: FileId, name: Uint8Array): InodeRecord {
    const record = this.inode(id);
    const parent = this.directory(directory);
    const cookie = this.#vacancy(parent, name);
    if (record.isDirectory) {
      throw new StoreError('EISDIR', `inode ${id} is a directory: it has one name`);
    }
    if (record.nlink === 0 && !record.linkable) {
      throw new StoreError('ENOENT', `inode ${id} has been removed`);
    }
    if (record.nlink >= maxLinks) {
      throw new StoreError('EMLINK', `inode ${id} has ${maxLinks} names`);
    }
    this.#room.requireBytes(parent.uid, bytesOfEntry(name));
    this.#inodes.change(record);
    const now = currentTime();
    touch(record, now);
    record.nlink++;
    record.linkable = false;
    this.#attach(parent, cookie, name, record, now);
    return record;
  }

  remove(directory: FileId, name: Uint8Array): InodeRecord {
    const parent = this.directory(directory);
    const { cookie, record } = this.#occupant(parent, name);
    this.#checkEmpty(record);
    const now = currentTime();
    this.#detach(parent, cookie, name, record, now);
    this.#dropName(record, now);
    return record;
  }

  rename(
    sourceDirectory: FileId,
    sourceName: Uint8Array,
    targetDirectory: FileId,
    targetName: Uint8Array,
  ): InodeRecord | undefined {
    const sourceParent = this.directory(sourceDirectory);
    const targetParent = this.directory(targetDirectory);
    const source = this.#occupant(sourceParent, sourceName);
    const target = this.#place(targetParent, targetName);
    const moved = source.record;
    const replaced = target.entry && this.inode(target.entry.id);
    if (!this.#checkRename(moved, sourceParent, replaced, targetParent)) {
      return undefined;
    }
    const cookie = cookieAt(target);
    const now = currentTime();
    this.#inodes.change(moved);
    touch(moved, now);
    this.#detach(sourceParent, source.cookie, sourceName, moved, now);
    if (replaced !== undefined) {
      this.#detach(targetParent, cookie, targetName, replaced, now);
      this.#dropName(replaced, now);
    }
    this.#attach(targetParent, cookie, targetName, moved, now);
    return replaced;
  }

  exchange(
    sourceDirectory: FileId,
    sourceName: Uint8Array,
    targetDirectory: FileId,
    targetName: Uint8Array,
  ): void {
    const sourceParent = this.directory(sourceDirectory);
    const targetParent = this.directory(targetDirectory);
    const source = this.#occupant(sourceParent, sourceName);
    const target = this.#occupant(targetParent, targetName);
    this.#checkMove(source.record, targetParent);
    this.#checkMove(target.record, sourceParent);
    if (source.record === target.record) {
      return;
    }
    const now = currentTime();
    for (const { record } of [source, target]) {
      this.#inodes.change(record);
      touch(record, now);
    }
    this.#detach(sourceParent, source.cookie, sourceName, source.record, now);
    this.#detach(targetParent, target.cookie, targetName, target.record, now);
    this.#attach(sourceParent, source.cookie, sourceName, target.record, now);
    this.#attach(targetParent, target.cookie, targetName, source.record, now);
  }

  /** @returns false when both names are of one object, and nothing is to be done. */
  #checkRename(
    moved: InodeRecord,
    sourceParent: InodeRecord,
    replaced: InodeRecord | undefined,
    targetParent: InodeRecord,
  ): boolean {
    this.#checkAlive(targetParent);
    this.#checkMove(moved, targetParent);
    if (replaced?.isDirectory && this.#isWithin(sourceParent, replaced)) {
      throw new StoreError('ENOTEMPTY', 'the target holds the source');
    }
    if (replaced === moved) {
      return false;
    }
    if (replaced !== undefined && moved.isDirectory !== replaced.isDirectory) {
      throw moved.isDirectory
        ? new StoreError('ENOTDIR', 'a directory cannot replace what is none')
        : new StoreError('EISDIR', 'only a directory can replace a directory');
    }
    if (replaced !== undefined) {
      this.#checkEmpty(replaced);
    }
    return true;
  }

  #checkMove(moved: InodeRecord, targetParent: InodeRecord): void {
    if (moved.isDirectory && this.#isWithin(targetParent, moved)) {
      throw new StoreError('EINVAL', 'a directory cannot move into itself');
    }
  }

  #isWithin(directory: InodeRecord, ancestor: InodeRecord): boolean {
    let current = directory;
    while (current !== ancestor && current.id !== rootId) {
      current = this.directory(current.parent);
    }
    return current === ancestor;
  }

  #place(directory: InodeRecord, name: Uint8Array) {
    checkName(name);
    return this.#entries.place(directory.id, name);
  }

  /** The cookie for a name that is free. */
  #vacancy(directory: InodeRecord, name: Uint8Array): number {
    const place = this.#place(directory, name);
    if (place.entry !== undefined) {
      throw new StoreError('EEXIST', `${showName(name)} exists in directory ${directory.id}`);
    }
    this.#checkAlive(directory);
    return cookieAt(place);
  }

  #occupant(directory: InodeRecord, name: Uint8Array): { cookie: number; record: InodeRecord } {
    checkName(name);
    const entry = this.#entries.find(directory.id, name);
    if (entry === undefined) {
      throw new StoreError('ENOENT', `${showName(name)} is not in directory ${directory.id}`);
    }
    return { cookie: entry.cookie, record: this.inode(entry.id) };
  }

  #checkAlive(directory: InodeRecord): void {
    if (directory.nlink === 0) {
      throw new StoreError('ENOENT', `directory ${directory.id} has been removed`);
    }
  }

  #checkEmpty(record: InodeRecord): void {
    if (record.isDirectory && !this.#entries.isEmpty(record.id)) {
      throw new StoreError('ENOTEMPTY', `directory ${record.id} is not empty`);
    }
  }

  /** Enters the record under a name whose cookie is free. */
  #attach(
    directory: InodeRecord,
    cookie: number,
    name: Uint8Array,
    record: InodeRecord,
    now: Time,
  ): void {
    this.#inodes.change(directory);
    this.#entries.insert(directory.id, cookie, name, record.id);
    this.#feed.watcher?.nameChanged(directory.id, name);
    this.#feed.mirror?.nameMade(directory.id, name, record.id);
    resizeDirectory(directory, bytesOfEntry(name), now);
    if (record.isDirectory) {
      record.parent = directory.id;
      directory.nlink++;
    }
  }

  /** Removes the entry of the record. */
  #detach(
    directory: InodeRecord,
    cookie: number,
    name: Uint8Array,
    record: InodeRecord,
    now: Time,
  ): void {
    this.#inodes.change(directory);
    this.#feed.mirror?.nameChanging(directory.id, name);
    this.#entries.delete(directory.id, cookie, name);
    this.#feed.watcher?.nameChanged(directory.id, name);
    resizeDirectory(directory, -bytesOfEntry(name), now);
    directory.nlink -= record.isDirectory ? 1 : 0;
  }

  /** Counts a name less; without any the record is an orphan. */
  #dropName(record: InodeRecord, now: Time): void {
    this.#inodes.change(record);
    record.nlink = record.isDirectory ? 0 : record.nlink - 1;
    touch(record, now);
  }
}

const bytesOfEntry = (name: Uint8Array): number => name.length + entryBytes;

function resizeDirectory(directory: InodeRecord, bytes: number, now: Time): void {
  directory.size += bytes;
  directory.storedSize = directory.size;
  directory.mtime = now;
  touch(directory, now);
}

function checkObject(object: NewObject): void {
  const { target } = object;
  if (!fileTypes.includes(object.type)) {
    throw new StoreError('EINVAL', `there is no file type ${object.type}`);
  }
  if ((target !== undefined) !== (object.type === FileType.SYMBOLIC_LINK)) {
    throw new StoreError('EINVAL', 'a symbolic link has a target, and nothing else has');
  }
  if (target !== undefined && target.length > maxTargetBytes) {
    throw new StoreError('ENAMETOOLONG', `a target has at most ${maxTargetBytes} bytes`);
  }
  if (target !== undefined && (target.length === 0 || target.includes(0))) {
    throw new StoreError('EINVAL', 'the target is not a path');
  }
}
