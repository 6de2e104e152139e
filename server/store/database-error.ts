import Database from 'better-sqlite3';
import { StoreError, type StoreErrorCode } from './errors.ts';

const codes: readonly (readonly [prefix: string, code: StoreErrorCode])[] = [
  ['SQLITE_FULL', 'ENOSPC'],
  ['SQLITE_READONLY', 'EROFS'],
  ['SQLITE_TOOBIG', 'EFBIG'],
];

/** Errors of a disk that fails, and of a database that is not what was written to it. */
const breakdowns: readonly string[] = ['SQLITE_IOERR', 'SQLITE_CORRUPT', 'SQLITE_NOTADB', 'EIO'];

/** SQLite's code, or the system's for a call of ours. */
const codeOf = (error: unknown): string =>
  error instanceof Database.SqliteError || (error instanceof Error && 'syscall' in error)
    ? (error as { code: string }).code
    : '';

/** The store's error for a failure of the database; EIO for all that has no better name. */
export function storeErrorOf(error: unknown): StoreError {
  if (error instanceof StoreError) {
    return error;
  }
  const name = codeOf(error);
  const code = codes.find(([prefix]) => name.startsWith(prefix))?.[1] ?? 'EIO';
  const message = error instanceof Error ? error.message : String(error);
  return new StoreError(code, `the database failed: ${message}`, { cause: error });
}

/** The disk takes no more, and may the next time. */
export const isDiskFull = (error: unknown): boolean => codeOf(error) === 'SQLITE_FULL';

/** Storage has failed: nobody can tell what becomes of what is written from now on. */
export const isBreakdown = (error: unknown): boolean =>
  breakdowns.some((prefix) => codeOf(error).startsWith(prefix));
