import type Database from 'better-sqlite3';
import { currentTime } from './clock.ts';
import { StoreError } from './errors.ts';
import { type InodeRecord, touch } from './inode-record.ts';
import type { InodeTable } from './inode-table.ts';
import { showName } from './names.ts';
import {
  ACCESS_ACL_NAME,
  type Acl,
  aclWithMode,
  DEFAULT_ACL_NAME,
  formatAcl,
  modeWithAcl,
  parseAcl,
} from './posix-acl.ts';
import type { Room } from './room.ts';
import type { Change, Statements } from './statements.ts';
import type { Transaction } from './transaction.ts';
import {
  type AttributeId,
  AttributeKind,
  type FileId,
  maxAttributeListBytes,
  maxAttributeNameBytes,
  maxAttributeValueBytes,
} from './types.ts';

/** What setting an attribute does when there is one of that name already, or none. */
export type AttributeOption = 'either' | 'create' | 'replace';

/** An extended attribute as listings show it. */
export interface AttributeEntry {
  readonly id: AttributeId;
  readonly name: Uint8Array;
  /** Length of its value. */
  readonly bytes: number;
}

const kindByName: ReadonlyMap<string, number> = new Map([
  ['security.capability', AttributeKind.CAPABILITY],
  [ACCESS_ACL_NAME, AttributeKind.ACCESS_ACL],
  [DEFAULT_ACL_NAME, AttributeKind.DEFAULT_ACL],
]);

const accessAclName = new Uint8Array(Buffer.from(ACCESS_ACL_NAME));

const kindOf = (name: Uint8Array): number =>
  kindByName.get(Buffer.from(name.buffer, name.byteOffset, name.length).toString('latin1')) ?? 0;

/**
 * Extended attributes: values of up to 64 KiB under names, one table for all objects. They go with
 * their object. What names mean, and to whom, is not known here.
 *
 * An inode says in `attributeKinds` what it has, so that the many objects without any, and those
 * without the kinds that are asked for all the time, cost no query.
 */
export class ExtendedAttributes {
  readonly #transaction: Transaction;
  readonly #inodes: InodeTable;
  readonly #room: Room;
  readonly #find: Database.Statement<[number, Uint8Array], AttributeId>;
  readonly #value: Database.Statement<[number, Uint8Array], Buffer>;
  readonly #byId: Database.Statement<[number, number], [Buffer, Buffer]>;
  readonly #list: Database.Statement<[number, number], [AttributeId, Buffer, number]>;
  readonly #listBytes: Database.Statement<[number], number>;
  readonly #bytes: Database.Statement<[number], number>;
  readonly #insert: Change<[number, Uint8Array, Uint8Array]>;
  readonly #update: Change<[Uint8Array, number]>;
  readonly #delete: Change<[number]>;
  readonly #deleteAll: Change<[number]>;

  constructor(statements: Statements, transaction: Transaction, inodes: InodeTable, room: Room) {
    this.#transaction = transaction;
    this.#inodes = inodes;
    this.#room = room;
    this.#find = statements
      .query<[number, Uint8Array], AttributeId>(
        'SELECT id FROM attribute WHERE inode = ? AND name = ?',
      )
      .pluck();
    this.#value = statements
      .query<[number, Uint8Array], Buffer>(
        'SELECT value FROM attribute WHERE inode = ? AND name = ?',
      )
      .pluck();
    this.#byId = statements
      .query<[number, number], [Buffer, Buffer]>(
        'SELECT name, value FROM attribute WHERE id = ? AND inode = ?',
      )
      .raw();
    this.#list = statements
      .query<[number, number], [AttributeId, Buffer, number]>(
        'SELECT id, name, length(value) FROM attribute WHERE inode = ? AND id > ? ORDER BY id',
      )
      .raw();
    this.#listBytes = statements
      .query<[number], number>('SELECT total(length(name) + 1) FROM attribute WHERE inode = ?')
      .pluck();
    this.#bytes = statements
      .query<[number], number>('SELECT length(name) + length(value) FROM attribute WHERE id = ?')
      .pluck();
    this.#insert = statements.change('INSERT INTO attribute (inode, name, value) VALUES (?, ?, ?)');
    this.#update = statements.change('UPDATE attribute SET value = ? WHERE id = ?');
    this.#delete = statements.change('DELETE FROM attribute WHERE id = ?');
    this.#deleteAll = statements.change('DELETE FROM attribute WHERE inode = ?');
  }

  /** The value of an attribute; undefined when the object has none of that name. */
  get(id: FileId, name: Uint8Array): Uint8Array | undefined {
    return this.#mayHave(id, name)
      ? this.#transaction.reading(() => this.#value.get(id, name))
      : undefined;
  }

  /** The number of an attribute; undefined when the object has none of that name. */
  find(id: FileId, name: Uint8Array): AttributeId | undefined {
    return this.#mayHave(id, name)
      ? this.#transaction.reading(() => this.#find.get(id, name))
      : undefined;
  }

  /** Name and value of the attribute of that number, if this object has it. */
  byId(
    id: FileId,
    attribute: AttributeId,
  ): { readonly name: Uint8Array; readonly value: Uint8Array } | undefined {
    const row = this.#transaction.reading(() => this.#byId.get(attribute, id));
    return row && { name: row[0], value: row[1] };
  }

  /**
   * The attributes whose numbers are above `after`, in the order of their numbers, which is that of
   * their creation. There are at most 64 KiB of names.
   */
  list(id: FileId, after = 0): AttributeEntry[] {
    if (this.#kinds(id) === 0) {
      return [];
    }
    const rows = this.#transaction.reading(() => this.#list.all(id, after));
    return rows.map(([attribute, name, bytes]) => ({ id: attribute, name, bytes }));
  }

  /**
   * Sets an attribute. Changes ctime, as ext4 does; what the mode becomes with an access control
   * list is for the caller to set.
   * @throws {StoreError} ESTALE; EEXIST, ENOENT as `option` says; EINVAL: no name, or one that is
   * too long or has a NUL, or no list; EFBIG: the value is longer than 64 KiB; ENOSPC: the object's
   * names would take more than 64 KiB; ENOSPC, EDQUOT: the store is full.
   */
  set(id: FileId, name: Uint8Array, value: Uint8Array, option: AttributeOption): void {
    checkAttribute(name, value);
    const kind = kindOf(name);
    const acl = kind === AttributeKind.ACCESS_ACL ? requireAcl(value) : undefined;
    this.#room.requireDisk();
    this.#transaction.modify(() => {
      const record = this.#record(id);
      const existing = this.#find.get(id, name);
      const growth = name.length + value.length - this.#bytesOf(existing);
      if (existing === undefined) {
        this.#checkNew(record, name, option);
        this.#room.requireBytes(record.uid, growth);
        this.#inodes.change(record);
        this.#insert.run(id, name, value);
      } else {
        if (option === 'create') {
          throw new StoreError('EEXIST', `inode ${id} has an attribute ${showName(name)}`);
        }
        this.#room.requireBytes(record.uid, growth);
        this.#inodes.change(record);
        this.#update.run(value, existing);
      }
      record.attributeKinds |= AttributeKind.ANY | kind;
      record.attributeBytes += growth;
      record.accessAcl = acl ?? record.accessAcl;
      touch(record, currentTime());
    });
  }

  /** Makes the access control list of an object, if it has one, say what its mode says. */
  followMode(record: InodeRecord): void {
    const { accessAcl, mode, id } = record;
    if (accessAcl !== undefined && modeWithAcl(mode, accessAcl) !== mode) {
      record.accessAcl = aclWithMode(accessAcl, mode);
      const existing = this.#find.get(id, accessAclName) as AttributeId;
      this.#update.run(formatAcl(record.accessAcl), existing);
    }
  }

  /** Removes an attribute. @returns whether there was one. @throws {StoreError} ESTALE */
  remove(id: FileId, name: Uint8Array): boolean {
    return this.#transaction.modify(() => {
      const record = this.#record(id);
      const existing = this.#find.get(id, name);
      if (existing === undefined) {
        return false;
      }
      this.#inodes.change(record);
      record.attributeBytes -= this.#bytesOf(existing);
      this.#delete.run(existing);
      const isLast = this.#listBytes.get(id) === 0;
      const kind = kindOf(name);
      record.attributeKinds = isLast ? 0 : record.attributeKinds & ~kind;
      record.accessAcl = kind === AttributeKind.ACCESS_ACL ? undefined : record.accessAcl;
      touch(record, currentTime());
      return true;
    });
  }

  /** Removes what an object that is being deleted has left. */
  removeAll(record: InodeRecord): void {
    if (record.attributeKinds !== 0) {
      this.#deleteAll.run(record.id);
    }
  }

  /** Bytes of name and value. */
  #bytesOf(attribute: AttributeId | undefined): number {
    return attribute === undefined ? 0 : (this.#bytes.get(attribute) as number);
  }

  #checkNew(record: InodeRecord, name: Uint8Array, option: AttributeOption): void {
    if (option === 'replace') {
      throw new StoreError('ENOENT', `inode ${record.id} has no attribute ${showName(name)}`);
    }
    const listBytes = record.attributeKinds === 0 ? 0 : (this.#listBytes.get(record.id) as number);
    if (listBytes + name.length + 1 > maxAttributeListBytes) {
      throw new StoreError('ENOSPC', `inode ${record.id} has too many attributes`);
    }
  }

  #kinds(id: FileId): number {
    return this.#transaction.reading(() => this.#record(id)).attributeKinds;
  }

  /** Whether it is worth a query. */
  #mayHave(id: FileId, name: Uint8Array): boolean {
    const kinds = this.#kinds(id);
    const kind = kinds === 0 ? 0 : kindOf(name);
    return kinds !== 0 && (kind === 0 || (kinds & kind) !== 0);
  }

  #record(id: FileId): InodeRecord {
    const record = this.#inodes.find(id);
    if (record === undefined) {
      throw new StoreError('ESTALE', `there is no inode ${id}`);
    }
    return record;
  }
}

function requireAcl(value: Uint8Array): Acl {
  const acl = parseAcl(value);
  if (acl === undefined) {
    throw new StoreError('EINVAL', 'the value is no access control list');
  }
  return acl;
}

function checkAttribute(name: Uint8Array, value: Uint8Array): void {
  if (name.length === 0 || name.length > maxAttributeNameBytes || name.includes(0)) {
    throw new StoreError('EINVAL', `${showName(name)} cannot be the name of an attribute`);
  }
  if (value.length > maxAttributeValueBytes) {
    throw new StoreError('EFBIG', `an attribute has at most ${maxAttributeValueBytes} bytes`);
  }
}
