import { ProtocolError, type ProtocolErrorCode } from '../../client/protocol/protocol-error.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import { StoreError, type StoreErrorCode } from '../store/index.ts';
import { Refusal } from './refusal.ts';

/** What the draft calls the errors of the store. */
const statusOfStoreError: Readonly<Record<StoreErrorCode, DafsStatus>> = {
  ENOENT: DafsStatus.DAFSERR_NOENT,
  EEXIST: DafsStatus.DAFSERR_EXIST,
  ENOTDIR: DafsStatus.DAFSERR_NOTDIR,
  EISDIR: DafsStatus.DAFSERR_ISDIR,
  ENOTEMPTY: DafsStatus.DAFSERR_NOTEMPTY,
  EINVAL: DafsStatus.DAFSERR_INVAL,
  ENOSPC: DafsStatus.DAFSERR_NOSPC,
  EDQUOT: DafsStatus.DAFSERR_DQUOT,
  EIO: DafsStatus.DAFSERR_IO,
  EMLINK: DafsStatus.DAFSERR_MLINK,
  ESTALE: DafsStatus.DAFSERR_STALE,
  EFBIG: DafsStatus.DAFSERR_FBIG,
  ENAMETOOLONG: DafsStatus.DAFSERR_NAMETOOLONG,
  EROFS: DafsStatus.DAFSERR_ROFS,
};

/**
 * What a bad message is answered with. The draft has DAFSERR_INVAL for invalid arguments, which it
 * lists for nearly every procedure, and DAFSERR_CHKSUM for a checksum.
 */
const statusOfProtocolError: Readonly<Record<ProtocolErrorCode, DafsStatus | undefined>> = {
  MALFORMED: DafsStatus.DAFSERR_INVAL,
  BAD_MAGIC: DafsStatus.DAFSERR_INVAL,
  BAD_LENGTH: DafsStatus.DAFSERR_INVAL,
  BAD_CHECKSUM: DafsStatus.DAFSERR_CHKSUM,
  TOO_LARGE: DafsStatus.DAFSERR_TOOSMALL,
  // Nothing that a client sends leads to results that cannot be encoded.
  INVALID_VALUE: undefined,
};

/** The status that an error is answered with; undefined for one that nobody foresaw. */
export function statusOf(error: unknown): DafsStatus | undefined {
  if (error instanceof Refusal) {
    return error.status;
  }
  if (error instanceof StoreError) {
    return statusOfStoreError[error.code];
  }
  if (error instanceof ProtocolError) {
    return statusOfProtocolError[error.code];
  }
  return undefined;
}
