/** Codes of a refused operation: POSIX's names, plus nothing. */
export type StoreErrorCode =
  | 'ENOENT'
  | 'EEXIST'
  | 'ENOTDIR'
  | 'EISDIR'
  | 'ENOTEMPTY'
  | 'EINVAL'
  | 'ENOSPC'
  | 'EDQUOT'
  | 'EIO'
  | 'EMLINK'
  | 'ESTALE'
  | 'EFBIG'
  | 'ENAMETOOLONG'
  | 'EROFS';

/** An operation that the store refused or could not do. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(`${code}: ${message}`, options);
    this.code = code;
  }
}

/** A block whose row is not what was written to it. It can be overwritten, cut and removed. */
export class DamagedBlock extends StoreError {
  constructor(inode: number, block: number) {
    super('EIO', `block ${block} of inode ${inode} is damaged: restore the file from a copy`);
  }
}

/** Why a database was not opened. */
export type StoreOpenErrorCode =
  | 'NOT_OURS'
  | 'NEWER_SCHEMA'
  | 'DAMAGED'
  | 'READ_ONLY'
  | 'BUSY'
  | 'NO_SUCH_DIRECTORY'
  | 'NO_SUCH_FILE'
  | 'NO_SPACE'
  /** A killed server has left data that this process may not take over. */
  | 'FOREIGN_DATA';

/**
 * A database that was not opened, and was left as it is. The message is for a person: what is
 * wrong with which file, and what can be done.
 */
export class StoreOpenError extends Error {
  override readonly name = 'StoreOpenError';
  readonly code: StoreOpenErrorCode;
  readonly path: string;

  constructor(code: StoreOpenErrorCode, path: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.path = path;
  }
}
