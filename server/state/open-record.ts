/** An open as an entry of the store's state: by its stateid, how it was made and for whom. */

import { type FileId, StateKind, type StateTable } from '../store/index.ts';
import { lockOwnerBytes, type Open, type ShareRequest } from './opens.ts';
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
    const key = Buffer.allocUnsafe(STATE_ID_BYTES);
    key.writeBigUInt64BE(stateId);
    return key;
  },

  contentOf(open) {
    if (!open.holder.opens.has(open)) {
      return undefined;
    }
    const owner = lockOwnerBytes(open.ownerKey);
    const value = Buffer.allocUnsafe(at.OWNER + owner.length);
    value.writeBigUInt64BE(open.holder.clientId, at.CLIENT);
    value.writeDoubleBE(open.fileId, at.FILE);
    value.writeBigUInt64BE(open.shareKey ?? 0n, at.SHARE_KEY);
    value[at.ACCESS] = open.access;
    value[at.DENY] = open.deny;
    value[at.FLAGS] =
      (open.shareKey === undefined ? 0 : flag.SHARE_KEY) |
      (open.deniesRemoval ? flag.DENIES_REMOVAL : 0);
    value.set(owner, at.OWNER);
    return value;
  },
};

/** The opens that the state of the store has, in the order in which they were made. */
export function recordedOpens(state: StateTable): OpenRecord[] {
  return state.entries(StateKind.OPEN).map(([keyBytes, valueBytes]) => {
    const value = Buffer.from(valueBytes);
    const flags = value.readUInt8(at.FLAGS);
    const hasShareKey = (flags & flag.SHARE_KEY) !== 0;
    return {
      key: keyBytes,
      stateId: Buffer.from(keyBytes).readBigUInt64BE(),
      clientId: value.readBigUInt64BE(at.CLIENT),
      fileId: value.readDoubleBE(at.FILE) as FileId,
      owner: value.subarray(at.OWNER),
      access: value.readUInt8(at.ACCESS),
      deny: value.readUInt8(at.DENY),
      shareKey: hasShareKey ? value.readBigUInt64BE(at.SHARE_KEY) : undefined,
      deniesRemoval: (flags & flag.DENIES_REMOVAL) !== 0,
    };
  });
}

/** The files that somebody had open when the server was killed: they outlive their last names. */
export const openedFiles = (state: StateTable): ReadonlySet<FileId> =>
  new Set(recordedOpens(state).map(({ fileId }) => fileId));
