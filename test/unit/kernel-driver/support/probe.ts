/**
 * Tries system calls on files of a mounted directory (the argument) and prints what each gave, as
 * one JSON object: a number, or the name of an errno.
 */

import { constants } from 'node:fs';
import { C, call, isPosixError, pathBytes } from '../../../support/libc.ts';

const directory = process.argv[2] ?? '.';

/** What `action` returns, or the name of the errno that it failed with. */
function outcome(action: () => number): number | string {
  try {
    return action();
  } catch (error) {
    if (isPosixError(error)) return error.code;
    throw error;
  }
}

function open(name: string, flags: number): number {
  return call('open', pathBytes(`${directory}/${name}`), flags, 0o644);
}

const FS_IOC_GETFLAGS = 0x80086601;
const LOCK_EX = 2;
const path = pathBytes(`${directory}/probed`);
const attribute = pathBytes('user.x');
const fd = open('probed', constants.O_RDWR | constants.O_CREAT);
const other = open('other', constants.O_RDWR | constants.O_CREAT);
call('pwrite', fd, Buffer.from('0123456789'), 10, 0);

const statx = new DataView(new ArrayBuffer(256));
const statxBytes = new Uint8Array(statx.buffer);
const ready = new DataView(new ArrayBuffer(8));
const readyBytes = new Uint8Array(ready.buffer);
ready.setInt32(0, fd, true);
ready.setInt16(4, 1 | 4, true);

console.log(
  JSON.stringify({
    fallocate: outcome(() => call('fallocate', fd, 0, 0, 10)),
    seekHole: outcome(() => call('lseek', fd, 3, C.SEEK_HOLE)),
    seekData: outcome(() => call('lseek', fd, 3, C.SEEK_DATA)),
    copyFileRange: outcome(() => {
      call('lseek', fd, 0, C.SEEK_SET);
      return call('copy_file_range', fd, null, other, null, 10, 0);
    }),
    temporary: outcome(() =>
      call('close', call('open', pathBytes(directory), C.O_TMPFILE | 2, 0o600)),
    ),
    getxattr: outcome(() => call('getxattr', path, attribute, Buffer.alloc(10), 10)),
    setxattr: outcome(() => call('setxattr', path, attribute, Buffer.from('y'), 1, 0)),
    listxattr: outcome(() => call('listxattr', path, Buffer.alloc(10), 10)),
    removexattr: outcome(() => call('removexattr', path, attribute)),
    ioctl: outcome(() => call('ioctl', fd, FS_IOC_GETFLAGS, Buffer.alloc(8))),
    poll: outcome(() => call('poll', readyBytes, 1, 0)),
    flock: outcome(() => call('flock', fd, LOCK_EX)),
    syncfs: outcome(() => call('syncfs', fd)),
    fsync: outcome(() => call('fsync', fd)),
    fdatasync: outcome(() => call('fdatasync', fd)),
    statx: outcome(() =>
      call(
        'statx',
        C.AT_FDCWD,
        pathBytes(path),
        0,
        C.STATX_BASIC_STATS | C.STATX_BTIME,
        statxBytes,
      ),
    ),
    birth: statx.getUint32(0, true) & C.STATX_BTIME,
    hugeOffset: outcome(() => call('pwrite', fd, Buffer.from('x'), 1, 2 ** 60)),
  }),
);
