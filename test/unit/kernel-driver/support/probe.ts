/**
 * Tries system calls on files of a mounted directory (the argument) and prints what each gave, as
 * one JSON object: a number, or the name of an errno.
 */

import { constants } from 'node:fs';
import { constants as osConstants } from 'node:os';
import koffi from 'koffi';
import { C, call, isPosixError, pathBytes } from '../../../support/libc.ts';

const directory = process.argv[2] ?? '.';
const libc = koffi.load('libc.so.6');
const getxattr = libc.func(
  'int64_t getxattr(const char *path, const char *name, void *value, size_t bytes)',
);
const setxattr = libc.func(
  'int setxattr(const char *path, const char *name, const void *value, size_t bytes, int flags)',
);
const listxattr = libc.func('int64_t listxattr(const char *path, void *list, size_t bytes)');
const removexattr = libc.func('int removexattr(const char *path, const char *name)');
const ioctl = libc.func('int ioctl(int fd, unsigned long request, void *argument)');
const poll = libc.func('int poll(void *descriptors, unsigned long count, int timeout)');
const flock = libc.func('int flock(int fd, int operation)');
const syncfs = libc.func('int syncfs(int fd)');

const errnoNames = new Map(
  Object.entries(osConstants.errno).map(([name, number]) => [number, name]),
);

/** What `action` returns, or the name of the errno that it failed with. */
function outcome(action: () => number): number | string {
  try {
    const result = action();
    return result === -1 ? (errnoNames.get(koffi.errno()) ?? 'unknown') : result;
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
const path = `${directory}/probed`;
const fd = open('probed', constants.O_RDWR | constants.O_CREAT);
const other = open('other', constants.O_RDWR | constants.O_CREAT);
call('pwrite', fd, Buffer.from('0123456789'), 10, 0);

const statx = new DataView(new ArrayBuffer(256));
const statxBytes = new Uint8Array(statx.buffer);
const ready = new DataView(new ArrayBuffer(8));
ready.setInt32(0, fd, true);
ready.setInt16(4, 1 | 4, true);

console.log(
  JSON.stringify({
    fallocate: outcome(() => call('fallocate', fd, 0, 0, 4096)),
    seekHole: outcome(() => call('lseek', fd, 3, C.SEEK_HOLE)),
    seekData: outcome(() => call('lseek', fd, 3, C.SEEK_DATA)),
    copyFileRange: outcome(() => {
      call('lseek', fd, 0, C.SEEK_SET);
      return call('copy_file_range', fd, null, other, null, 10, 0);
    }),
    temporary: outcome(() => call('open', pathBytes(directory), C.O_TMPFILE | 2, 0o600)),
    getxattr: outcome(() => Number(getxattr(path, 'user.x', Buffer.alloc(10), 10))),
    setxattr: outcome(() => setxattr(path, 'user.x', Buffer.from('y'), 1, 0)),
    listxattr: outcome(() => Number(listxattr(path, Buffer.alloc(10), 10))),
    removexattr: outcome(() => removexattr(path, 'user.x')),
    ioctl: outcome(() => ioctl(fd, FS_IOC_GETFLAGS, Buffer.alloc(8))),
    poll: outcome(() => poll(ready, 1, 0)),
    flock: outcome(() => flock(fd, LOCK_EX)),
    syncfs: outcome(() => syncfs(fd)),
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
