/** What one owner has locked of a file, as one entry of the store's state. */

import { type FileId, StateKind, type StateTable } from '../store/index.ts';
import { lockOwnerLength, readFileId, writeLockOwner, writeUint64 } from './entry-bytes.ts';
import type { LockedRange, LockMode } from './lock-ranges.ts';
import type { LockKind, OwnedLocks } from './lock-space.ts';
import type { EntryFormat } from './state-records.ts';

/** Locks of an owner, as a server that was killed had them. */
export interface LockRecord {
  /** The entry's. */
  readonly key: Uint8Array;
  readonly fileId: FileId;
  readonly kind: LockKind;
  readonly clientId: bigint;
  /** The bytes that name the owner to his client. */
  readonly owner: Uint8Array;
  /** The opens by which it was locked. */
  readonly stateIds: readonly bigint[];
  readonly ranges: readonly LockedRange[];
}

const kinds: readonly LockKind[] = ['record', 'flock'];
const modes: readonly LockMode[] = ['read', 'write'];

/** Where the fields of the key are; the owner's bytes are the rest. */
const keyAt = { FILE: 0, KIND: 8, CLIENT: 9, OWNER: 17 } as const;
/** The value: how many opens, their stateids, and the ranges. */
const COUNT_BYTES = 8;
const STATE_ID_BYTES = 8;
const rangeAt = { FIRST: 0, LAST: 8, PID: 16, MODE: 24, LENGTH: 25 } as const;

export const lockFormat: EntryFormat<OwnedLocks> = {
  kind: StateKind.LOCK,

  keyOf({ owner, space }) {
    const key = new Uint8Array(keyAt.OWNER + lockOwnerLength(owner.key));
    writeUint64(key, keyAt.FILE, BigInt(space.fileId));
    key[keyAt.KIND] = kinds.indexOf(space.kind);
    writeUint64(key, keyAt.CLIENT, owner.holder.clientId);
    writeLockOwner(key, keyAt.OWNER, owner.key);
    return key;
  },

  contentOf({ ranges, opens }) {
    if (ranges.length === 0) {
      return undefined;
    }
    const opensBytes = COUNT_BYTES + opens.size * STATE_ID_BYTES;
    const value = new Uint8Array(opensBytes + ranges.length * rangeAt.LENGTH);
    writeUint64(value, 0, BigInt(opens.size));
    let at: number = COUNT_BYTES;
    for (const { stateId } of opens) {
      writeUint64(value, at, stateId);
      at += STATE_ID_BYTES;
    }
    for (const { first, last, mode, pid } of ranges) {
      writeUint64(value, at + rangeAt.FIRST, first);
      writeUint64(value, at + rangeAt.LAST, last);
      writeUint64(value, at + rangeAt.PID, BigInt(pid));
      value[at + rangeAt.MODE] = modes.indexOf(mode);
      at += rangeAt.LENGTH;
    }
    return value;
  },
};

/** The locks that the state of the store has. @throws {StoreOpenError} */
export const recordedLocks = (state: StateTable): LockRecord[] =>
  state.read(StateKind.LOCK, readLock);

/** @throws Error for an entry that is none of locks */
export function readLock(keyBytes: Uint8Array, content: Uint8Array): LockRecord {
  const key = Buffer.from(keyBytes);
  const value = Buffer.from(content);
  const rangesAt = COUNT_BYTES + Number(value.readBigUInt64BE()) * STATE_ID_BYTES;
  const ranges = positions(rangesAt, value.length, rangeAt.LENGTH).map((at) => ({
    first: value.readBigUInt64BE(at + rangeAt.FIRST),
    last: value.readBigUInt64BE(at + rangeAt.LAST),
    mode: oneOf(modes, value.readUInt8(at + rangeAt.MODE)),
    pid: Number(value.readBigUInt64BE(at + rangeAt.PID)),
  }));
  const areInOrder = ranges.every(
    ({ first, last }, index) => first <= last && (ranges[index - 1]?.last ?? -1n) < first,
  );
  if (!areInOrder) {
    throw new RangeError('ranges are not in order');
  }
  return {
    key,
    fileId: readFileId(key, keyAt.FILE),
    kind: oneOf(kinds, key.readUInt8(keyAt.KIND)),
    clientId: key.readBigUInt64BE(keyAt.CLIENT),
    owner: key.subarray(keyAt.OWNER),
    stateIds: positions(COUNT_BYTES, rangesAt, STATE_ID_BYTES).map((at) =>
      value.readBigUInt64BE(at),
    ),
    ranges,
  };
}

/** Where each of the equal parts between two places begins. @throws RangeError when they do not fit */
function positions(from: number, end: number, bytes: number): number[] {
  const length = (end - from) / bytes;
  if (!Number.isInteger(length) || length < 0) {
    throw new RangeError(`no parts of ${bytes} bytes lie between ${from} and ${end}`);
  }
  return Array.from({ length }, (_, index) => from + index * bytes);
}

function oneOf<Value>(values: readonly Value[], index: number): Value {
  const value = values[index];
  if (value === undefined) {
    throw new RangeError(`there are ${values.length} values, and none is ${index}`);
  }
  return value;
}
