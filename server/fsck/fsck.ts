import Database from 'better-sqlite3';
import { missingPart, refusal } from '../store/integrity.ts';
import { type LeftBehind, leftBehind } from '../store/left-data.ts';
import { bringUpToDate, openDamaged } from '../store/open.ts';
import type { Check } from './check.ts';
import { contentChecks } from './content-checks.ts';
import { countChecks } from './count-checks.ts';
import { entryChecks } from './entry-checks.ts';
import { defineFunctions } from './functions.ts';
import { inodeChecks } from './inode-checks.ts';
import { Scratch } from './scratch.ts';
import { stateChecks } from './state-checks.ts';
import { treeChecks } from './tree-checks.ts';

/** In this order: each relies on what those before it have found, or mended. */
const checks: readonly Check[] = [
  ...inodeChecks,
  ...entryChecks,
  ...contentChecks,
  ...treeChecks,
  ...countChecks,
  ...stateChecks,
];

export interface FsckOptions {
  /** Whether what is found is mended; without it the file system stays what it is. */
  readonly isRepair: boolean;
  /** Told before each check what is looked at, and which part of the work is done: 0 to 1. */
  readonly onProgress?: (part: number, subject: string) => void;
}

/** Something that is not as it must be. */
export interface Finding {
  /** What is wrong: one of a fixed set of words, for programs. */
  readonly kind: string;
  /** The object that it is wrong with, where it is one. */
  readonly inode?: number;
  /** What is wrong, for a person. */
  readonly message: string;
  /** What was done about it; undefined: nothing. */
  readonly repair?: string;
}

export interface FsckReport {
  readonly database: string;
  readonly findings: readonly Finding[];
  /** What there is, after all repairs. */
  readonly objects: {
    readonly files: number;
    readonly directories: number;
    readonly others: number;
    /** Removed while somebody had them open: whoever serves the database next frees them. */
    readonly orphans: number;
  };
  /** Bytes of data in blocks. */
  readonly dataBytes: number;
  /** What a killed server left besides: absent where there is nothing. */
  readonly unstored?: LeftBehind;
}

/**
 * Looks for damage in a database that nobody has open, and mends it if asked to. What a killed server
 * has acknowledged and written into its log counts as being there. The data that it left in memory are not
 * looked at, but told of: they are for the next server to store.
 *
 * Repairs of one kind are one transaction. What they lead to, such as counts, is found and mended by a
 * later check. Where SQLite's own structure is damaged and building the indexes anew does not mend it,
 * nothing else is looked at: no answer could be believed.
 * @throws {StoreOpenError} The database cannot be opened, or a server has it.
 */
export function fsck(databasePath: string, options: FsckOptions): FsckReport {
  const { path, database, ownership } = openDamaged(databasePath);
  try {
    return new Run(path, database, options).report();
  } catch (error) {
    // Tables that are not ours: nothing can be asked of them.
    throw error instanceof Database.SqliteError ? refusal(path, error) : error;
  } finally {
    database.close();
    ownership.release();
  }
}

class Run {
  readonly #path: string;
  readonly #database: Database.Database;
  readonly #scratch: Scratch;
  readonly #options: FsckOptions;
  readonly #findings: Finding[] = [];

  constructor(path: string, database: Database.Database, options: FsckOptions) {
    this.#path = path;
    this.#database = database;
    this.#scratch = new Scratch(database);
    this.#options = options;
  }

  report(): FsckReport {
    const report = { database: this.#path, findings: this.#findings };
    const nothing = { files: 0, directories: 0, others: 0, orphans: 0 };
    if (!this.#isWhole()) {
      return { ...report, objects: nothing, dataBytes: 0 };
    }
    if (!this.#options.isRepair) {
      this.#database.exec('BEGIN');
    }
    const unstored = leftBehind(bringUpToDate(this.#database, this.#path));
    defineFunctions(this.#database);
    for (const [index, check] of checks.entries()) {
      this.#make(check, (part) => {
        this.#options.onProgress?.((index + 1 + part) / (checks.length + 1), check.subject);
      });
    }
    const summary = this.#summary();
    if (!this.#options.isRepair) {
      this.#database.exec('ROLLBACK');
    }
    return { ...report, ...summary, ...(unstored !== undefined && { unstored }) };
  }

  /** Whether SQLite can be believed, and what every database begins with is there. */
  #isWhole(): boolean {
    this.#options.onProgress?.(0, 'the structure of the database');
    const damage = this.#structuralDamage();
    if (damage === undefined) {
      return true;
    }
    const isMended = this.#options.isRepair && this.#reindex();
    this.#findings.push({
      kind: 'structure',
      message: damage,
      ...(isMended && { repair: 'the indexes were built anew' }),
    });
    return isMended;
  }

  #structuralDamage(): string | undefined {
    try {
      const version = Number(this.#database.pragma('user_version', { simple: true }));
      const missing = missingPart(this.#database, version);
      const result = String(this.#database.pragma('integrity_check', { simple: true }));
      return missing ?? (result === 'ok' ? undefined : result);
    } catch (error) {
      if (error instanceof Database.SqliteError) {
        return error.message;
      }
      throw error;
    }
  }

  #reindex(): boolean {
    try {
      this.#database.exec('REINDEX');
    } catch {
      return false;
    }
    return this.#structuralDamage() === undefined;
  }

  #make(check: Check, tellPart: (part: number) => void): void {
    tellPart(0);
    this.#scratch.provide(check.needs ?? []);
    const rows = check.find(this.#database, tellPart);
    if (rows.length === 0) {
      return;
    }
    const mending = this.#options.isRepair ? check.mending : undefined;
    if (mending !== undefined) {
      this.#database.transaction(() => mending.repair(this.#database, rows))();
      this.#scratch.discard();
    }
    for (const row of rows) {
      this.#findings.push({
        kind: check.kind,
        ...(typeof row.inode === 'number' && { inode: row.inode }),
        message: check.describe(row),
        ...(mending !== undefined && { repair: mending.remedy }),
      });
    }
  }

  #summary(): Pick<FsckReport, 'objects' | 'dataBytes'> {
    const counts = this.#database
      .prepare(`SELECT coalesce(sum(type = 1 AND nlink > 0), 0) AS files,
        coalesce(sum(type = 2 AND nlink > 0), 0) AS directories,
        coalesce(sum(type > 2 AND nlink > 0), 0) AS others,
        coalesce(sum(nlink = 0), 0) AS orphans FROM inode`)
      .get() as FsckReport['objects'];
    const dataBytes = this.#database
      .prepare('SELECT coalesce(sum(length(data)), 0) FROM block')
      .pluck()
      .get() as number;
    return { objects: counts, dataBytes };
  }
}
