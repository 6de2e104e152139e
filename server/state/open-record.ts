/** An open as an entry of the store's state: by its stateid, how it was made and for whom. */

import { type FileId, StateKind, type StateTable } from '../store/index.ts';
import {
  lockOwnerLength,
  readFileId,
  readKey,
  writeLockOwner,
  writeUint64,
} from './entry-bytes.ts';
import type { Open, ShareRequest } from './opens.ts';
import type { EntryFormat } from './state-records.ts';

/** An open of a server that was killed. */
export interface OpenRecord extends ShareRequest {
  /** The entry's. */
  readonly key: Uint8Array;
  readonly stateId: bigint;
  readonly clientId: bigint;
  readonly fileId: FileId;
  /** The bytes that name the lock owner to his client. */
  readonly owner: Uint8Array;
}

const STATE_ID_BYTES = 8;
/** Where the fields of the value are; the lock owner's bytes are the rest. */
const at = {
  CLIENT: 0,
  FILE: 8,
  SHARE_KEY: 16,
  ACCESS: 24,
  DENY: 25,
  FLAGS: 26,
  OWNER: 27,
} as const;
const flag = { SHARE_KEY: 1, DENIES_REMOVAL: 2 } as const;

export const openFormat: EntryFormat<Open> = {
  kind: StateKind.OPEN,

  keyOf({ stateId }) {
    const key = new Uint8Array(STATE_ID_BYTES);
    writeUint64(key, 0, stateId);
    return key;
  },

  contentOf(open) {
    if (!open.holder.opens.has(open)) {
      return undefined;
    }
    const value = new Uint8Array(at.OWNER + lockOwnerLength(open.ownerKey));
    writeUint64(value, at.CLIENT, open.holder.clientId);
    writeUint64(value, at.FILE, BigInt(open.fileId));
    if (open.shareKey !== undefined) {
      writeUint64(value, at.SHARE_KEY, open.shareKey);
      value[at.FLAGS] = flag.SHARE_KEY;
    }
    if (open.deniesRemoval) {
      value[at.FLAGS] = (value[at.FLAGS] as number) | flag.DENIES_REMOVAL;
    }
    value[at.ACCESS] = open.access;
    value[at.DENY] = open.deny;
    writeLockOwner(value, at.OWNER, open.ownerKey);
    return value;
  },
};

/** The opens that the state of the store has. @throws {StoreOpenError} */
export const recordedOpens = (state: StateTable): OpenRecord[] =>
  state.read(StateKind.OPEN, readOpen);

/** @throws Error for an entry that is none of an open */
export function readOpen(key: Uint8Array, content: Uint8Array): OpenRecord {
  const value = Buffer.from(content);
  const flags = value.readUInt8(at.FLAGS);
  const hasShareKey = (flags & flag.SHARE_KEY) !== 0;
  return {
    key,
    stateId: readKey(key, STATE_ID_BYTES).readBigUInt64BE(),
    clientId: value.readBigUInt64BE(at.CLIENT),
    fileId: readFileId(value, at.FILE),
    owner: value.subarray(at.OWNER),
    access: value.readUInt8(at.ACCESS),
    deny: value.readUInt8(at.DENY),
    shareKey: hasShareKey ? value.readBigUInt64BE(at.SHARE_KEY) : undefined,
    deniesRemoval: (flags & flag.DENIES_REMOVAL) !== 0,
  };
}

/** The files that somebody had open when the server was killed: they outlive their last names. */
export const openedFiles = (state: StateTable): ReadonlySet<FileId> =>
  new Set(recordedOpens(state).map(({ fileId }) => fileId));
