import type Database from 'better-sqlite3';
import type { ChangeFeed } from './change-feed.ts';
import { InodeRecord, inodeColumns, recordOf, restore, rowOf, snapshotOf } from './inode-record.ts';
import { ACCESS_ACL_NAME, parseAcl } from './posix-acl.ts';
import type { Change, Statements } from './statements.ts';
import type { Transaction, TransactionObserver } from './transaction.ts';
import { AttributeKind, type FileId, type FileType } from './types.ts';
import type { Usage } from './usage.ts';

/** Inodes kept in memory, at about 0.5 KB each; more only while they are ahead of their rows. */
const capacity = 32_768;
/** Ids are taken from the database in portions, so that few creations write the row of the counter. */
const idPortion = 1024;

/**
 * The inodes: rows, the records of them that are in memory, and which of those are ahead of their
 * rows. There is one record of an inode at a time.
 */
export class InodeTable implements TransactionObserver {
  readonly #records = new Map<FileId, InodeRecord>();
  readonly #changed: InodeRecord[] = [];
  readonly #deleted: InodeRecord[] = [];
  readonly #select: Database.Statement<[number], number[]>;
  readonly #accessAcl: Database.Statement<[number], Buffer>;
  /** Inodes whose rows the database has to get before it commits: their changes are recorded. */
  readonly #unwritten: InodeRecord[] = [];
  readonly #write: Change<number[]>;
  readonly #delete: Change<[number]>;
  readonly #count: Database.Statement<[], number>;
  readonly #reserveIds: Change<[number]>;
  readonly #feed: ChangeFeed;
  readonly #usage: Usage;
  /** Inodes that are gone for everybody but the reclaimer, which says so. */
  readonly reclaimed: Set<FileId>;
  /** Told of each change before it is made, as `change` is. */
  beforeChange: (id: FileId) => void = () => {};
  #nextId: number;
  /** Ids below are this process's; the database says so, as of the last commit and as of now. */
  #committedLimit: number;
  #limit: number;
  /** Rows there are, once somebody asked; and inodes that have no row yet. */
  #rows: number | undefined;
  #uninserted = 0;

  constructor(
    statements: Statements,
    transaction: Transaction,
    feed: ChangeFeed,
    reclaimed: Set<FileId>,
    usage: Usage,
  ) {
    this.#feed = feed;
    this.reclaimed = reclaimed;
    this.#usage = usage;
    const columns = inodeColumns.join(', ');
    const values = inodeColumns.map(() => '?').join(', ');
    this.#select = statements
      .query<[number], number[]>(`SELECT ${columns} FROM inode WHERE id = ?`)
      .raw();
    this.#accessAcl = statements
      .query<[number], Buffer>(
        `SELECT value FROM attribute WHERE inode = ? AND name = CAST('${ACCESS_ACL_NAME}' AS BLOB)`,
      )
      .pluck();
    this.#write = statements.change(`REPLACE INTO inode (${columns}) VALUES (${values})`);
    this.#delete = statements.change('DELETE FROM inode WHERE id = ?');
    this.#count = statements.query<[], number>('SELECT count(*) FROM inode').pluck();
    this.#reserveIds = statements.change('UPDATE filesystem SET nextInode = ? WHERE id = 1');
    this.#nextId = statements
      .query<[], number>('SELECT nextInode FROM filesystem')
      .pluck()
      .get() as number;
    this.#committedLimit = this.#nextId;
    this.#limit = this.#nextId;
    transaction.observe(this);
  }

  /** The record of an inode, from its row if need be; none of one that is being reclaimed. */
  find(id: FileId): InodeRecord | undefined {
    return this.reclaimed.size > 0 && this.reclaimed.has(id) ? undefined : this.findAny(id);
  }

  /** The record of an inode, whatever happens to it. */
  findAny(id: FileId): InodeRecord | undefined {
    const known = this.#records.get(id);
    if (known !== undefined) {
      known.recentlyUsed = true;
      return known;
    }
    const row = this.#select.get(id);
    if (row === undefined) {
      return undefined;
    }
    const record = recordOf(row);
    record.hasRow = true;
    if ((record.attributeKinds & AttributeKind.ACCESS_ACL) !== 0) {
      record.accessAcl = parseAcl(this.#accessAcl.get(id) as Buffer);
    }
    this.#usage.adopt(record);
    this.#add(record);
    return record;
  }

  /** Makes an inode. The row follows at the commit, with what else is set until then. */
  create(type: FileType): InodeRecord {
    const record = new InodeRecord(this.#allocateId(), type);
    record.created = true;
    this.#add(record);
    this.change(record);
    this.#uninserted++;
    return record;
  }

  /** To be called before a record is changed: the row follows at the commit. */
  change(record: InodeRecord): void {
    this.beforeChange(record.id);
    this.#feed.watcher?.attributesChanged(record.id);
    this.follow(record);
  }

  /** The same for what nobody needs to hear of: the row catches up, or somebody has read. */
  follow(record: InodeRecord): void {
    this.#feed.mirror?.attributesChanging(record.id);
    record.rowChanged = true;
    this.#usage.follow(record);
    if (record.snapshot === undefined) {
      record.snapshot = snapshotOf(record);
      this.#changed.push(record);
    }
  }

  /** Deletes an inode. Its number stays used up. */
  delete(record: InodeRecord): void {
    this.change(record);
    record.rowChanged = false;
    record.isDeleted = true;
    record.isUnwritten = false;
    if (!record.created) {
      this.#delete.run(record.id);
    }
    if (!record.hasRow) {
      this.#uninserted--;
    } else if (this.#rows !== undefined) {
      this.#rows--;
    }
    this.#records.delete(record.id);
    this.#deleted.push(record);
  }

  /** How many inodes there are. */
  count(): number {
    this.#rows ??= this.#count.get() as number;
    return this.#rows + this.#uninserted;
  }

  beforeCommit(): void {
    for (const record of this.#changed) {
      if (record.rowChanged) {
        this.#write.record(rowOf(record));
        if (!record.isUnwritten) {
          record.isUnwritten = true;
          this.#unwritten.push(record);
        }
      }
    }
  }

  beforeStore(): void {
    for (const record of this.#unwritten) {
      if (record.isUnwritten) {
        this.#write.make(rowOf(record));
        record.isUnwritten = false;
        this.#countRow(record);
      }
    }
    this.#unwritten.length = 0;
  }

  #countRow(record: InodeRecord): void {
    if (!record.hasRow) {
      record.hasRow = true;
      this.#uninserted--;
      if (this.#rows !== undefined) {
        this.#rows++;
      }
    }
  }

  committed(): void {
    for (const record of this.#changed) {
      forgetTransaction(record);
      if (!record.isDeleted && !record.dataPending) {
        this.#feed.mirror?.attributesChanged(record);
      }
    }
    this.#changed.length = 0;
    this.#deleted.length = 0;
    this.#committedLimit = this.#limit;
  }

  rolledBack(): void {
    // What is committed has been made again, rows included.
    for (const record of this.#unwritten) {
      record.isUnwritten = false;
      record.hasRow = true;
    }
    this.#unwritten.length = 0;
    for (const record of this.#deleted) {
      this.#records.set(record.id, record);
    }
    for (const record of this.#changed) {
      restore(record);
      record.isDeleted = record.created;
      this.#usage.follow(record);
      if (record.created) {
        this.#records.delete(record.id);
      }
      forgetTransaction(record);
    }
    this.#changed.length = 0;
    this.#deleted.length = 0;
    this.#limit = this.#committedLimit;
    this.#rows = undefined;
    this.#uninserted = 0;
  }

  #allocateId(): FileId {
    if (this.#nextId >= this.#limit) {
      this.#limit = this.#nextId + idPortion;
      this.#reserveIds.run(this.#limit);
    }
    return this.#nextId++ as FileId;
  }

  #add(record: InodeRecord): void {
    if (this.#records.size >= capacity) {
      this.#evict();
    }
    this.#records.set(record.id, record);
  }

  /** Second chance: what was used since the last look goes to the end, up to one round of all. */
  #evict(): void {
    let wanted = capacity / 16;
    let looked = this.#records.size;
    for (const [id, record] of this.#records) {
      if (wanted === 0 || looked-- === 0) {
        break;
      }
      this.#records.delete(id);
      const isAhead = record.dataPending || record.isUnwritten || record.snapshot !== undefined;
      if (record.recentlyUsed || isAhead) {
        record.recentlyUsed = false;
        this.#records.set(id, record);
      } else {
        wanted--;
      }
    }
  }
}

function forgetTransaction(record: InodeRecord): void {
  record.snapshot = undefined;
  record.rowChanged = false;
  record.resized = false;
  record.created = false;
}
