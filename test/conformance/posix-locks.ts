/** Locks by the C library: fcntl(2) with struct flock, and flock(2). */
import { call } from '../support/libc.ts';
import type { LockInTheWay, RecordLock } from './target-locks.ts';

const TYPES = ['read', 'write', 'unlock'] as const;

/** struct flock: short type, short whence, off_t start, off_t length, pid_t pid. */
const STRUCT_FLOCK_BYTES = 32;

const Command = {
  SETFL: 4,
  GETLK: 5,
  SETLK: 6,
  SETLKW: 7,
  OFD_GETLK: 36,
  OFD_SETLK: 37,
  OFD_SETLKW: 38,
} as const;

const LOCK_NB = 4;
const FLOCK_OPERATIONS = { shared: 1, exclusive: 2, unlock: 8 } as const;

function encode(lock: RecordLock): DataView {
  const view = new DataView(new ArrayBuffer(STRUCT_FLOCK_BYTES));
  view.setInt16(0, TYPES.indexOf(lock.type), true);
  view.setInt16(2, lock.whence ?? 0, true);
  view.setBigInt64(8, BigInt(lock.start ?? 0), true);
  view.setBigInt64(16, BigInt(lock.length ?? 0), true);
  view.setInt32(24, lock.pid ?? 0, true);
  return view;
}

function command(fd: number, number: number, lock: RecordLock): DataView {
  const view = encode(lock);
  call('fcntl', fd, number, new Uint8Array(view.buffer));
  return view;
}

export function setLock(fd: number, lock: RecordLock): void {
  command(fd, lock.ofOpenFile ? Command.OFD_SETLK : Command.SETLK, lock);
}

export function waitForLock(fd: number, lock: RecordLock): void {
  command(fd, lock.ofOpenFile ? Command.OFD_SETLKW : Command.SETLKW, lock);
}

export function testLock(fd: number, lock: RecordLock): LockInTheWay | undefined {
  const view = command(fd, lock.ofOpenFile ? Command.OFD_GETLK : Command.GETLK, lock);
  const type = TYPES[view.getInt16(0, true)];
  return type === undefined || type === 'unlock'
    ? undefined
    : {
        type,
        start: Number(view.getBigInt64(8, true)),
        length: Number(view.getBigInt64(16, true)),
        pid: view.getInt32(24, true),
      };
}

export function flock(fd: number, operation: keyof typeof FLOCK_OPERATIONS, waits: boolean): void {
  call('flock', fd, FLOCK_OPERATIONS[operation] | (waits ? 0 : LOCK_NB));
}

export function setFlags(fd: number, flags: number): void {
  call('fcntl_number', fd, Command.SETFL, flags);
}
