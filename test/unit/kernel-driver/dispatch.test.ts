import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { ErrnoError } from '../../../mount/errno.ts';
import type { FileLocks, Nodeid } from '../../../mount/file-system.ts';
import { COMPAT_SETXATTR_IN_BYTES } from '../../../mount/kernel-abi/constants.ts';
import { SetxattrIn, WriteOut } from '../../../mount/kernel-abi/structures.ts';
import { bytesOfBlock, readGolden } from '../kernel-abi/support/golden.ts';
import { answers, bench, type Call, FH } from './support/dispatch-bench.ts';

const WHO = '1000/100/4711';

/** What the file system must be asked for each golden request. */
const expectedCalls: Record<string, Call | undefined> = {
  'LOOKUP of "file"': ['lookup', WHO, 1, 'file'],
  'LOOKUP of "none"': ['lookup', WHO, 1, 'none'],
  GETATTR: ['getattr', WHO, 42],
  'SETATTR of size and times': [
    'setattr',
    WHO,
    42,
    { sizeBytes: 5, atime: { seconds: -7, nseconds: 123456789 }, mtime: 'now' },
    FH,
  ],
  'SETATTR of nothing': ['setattr', WHO, 42, { killSuidgid: true }, undefined],
  'SETATTR of mode and owner': ['setattr', WHO, 42, { mode: 0o4755, uid: 7, gid: 8 }, undefined],
  READLINK: ['readlink', WHO, 42],
  SYMLINK: ['symlink', WHO, 1, 'link', 'x/y'],
  'MKNOD of a device': ['mknod', `${WHO} umask 22`, 1, 'dev', 0o060640, 0x5a, 0x1b7],
  MKDIR: ['mkdir', `${WHO} umask 22`, 1, 'dir', 0o40755],
  UNLINK: ['unlink', WHO, 1, 'file'],
  RMDIR: ['rmdir', WHO, 1, 'dir'],
  RENAME: ['rename', WHO, 1, 'old', 7, 'new', 0],
  'RENAME2 with EXCHANGE': ['rename', WHO, 1, 'old', 7, 'new', 2],
  LINK: ['link', WHO, 42, 7, 'hard'],
  OPEN: ['open', WHO, 42, 0o1002],
  READ: ['read', WHO, 42, FH, 4096, 8192],
  'WRITE at the end': ['write', 42, FH, 10, 'world', true, undefined],
  'WRITE that takes set-ID bits': ['write', 42, FH, 10, 'world', false, WHO],
  'IOCTL to read flags': ['getattr', WHO, 42],
  'IOCTL to set flags': ['setattr', WHO, 42, { flags: 0x30 }, undefined],
  'IOCTL to read attributes as XFS has them': ['getattr', WHO, 42],
  'IOCTL to set attributes as XFS has them': ['setattr', WHO, 42, { flags: 0x70 }, undefined],
  SETXATTR: ['xattr.set', WHO, 42, 'user.x', 'value', 1],
  'GETXATTR of the length': ['xattr.get', WHO, 42, 'user.x'],
  GETXATTR: ['xattr.get', WHO, 42, 'user.x'],
  'GETXATTR without enough room': ['xattr.get', WHO, 42, 'user.x'],
  'LISTXATTR of the length': ['xattr.list', WHO, 42],
  LISTXATTR: ['xattr.list', WHO, 42],
  REMOVEXATTR: ['xattr.remove', WHO, 42, 'user.x'],
  STATFS: ['statfs', WHO],
  RELEASE: ['release', 42, FH],
  RELEASEDIR: ['releasedir', 1, 0n],
  'FSYNC of data': ['beginFsync', 42, FH, true],
  OPENDIR: ['opendir', WHO, 1],
  READDIR: ['readdir', WHO, 1, 0, false, 4096, 'visitor'],
  'READDIR after the last': ['readdir', WHO, 1, 3, false, 4096, 'visitor'],
  READDIRPLUS: ['readdir', WHO, 1, 0, true, 4096, 'visitor'],
  FSYNCDIR: ['fsyncdir', 1, false],
  ACCESS: ['access', WHO, 42, 4],
  CREATE: ['create', `${WHO} umask 27`, 1, 'new', 0o100640, 0o102],
  FALLOCATE: ['fallocate', WHO, { nodeid: 42, fh: FH, offset: 65_536 }, 4096, 3],
  'LSEEK for a hole': ['lseek', 42, FH, 4096, 4],
  COPY_FILE_RANGE: [
    'copyFileRange',
    WHO,
    { nodeid: 42, fh: FH, offset: 4096 },
    { nodeid: 43, fh: FH, offset: 1_048_576 },
    0xffff_ffff,
  ],
  COPY_FILE_RANGE_64: [
    'copyFileRange',
    WHO,
    { nodeid: 42, fh: FH, offset: 4096 },
    { nodeid: 43, fh: FH, offset: 1_048_576 },
    2 ** 33,
  ],
  TMPFILE: ['tmpfile', `${WHO} umask 27`, 1, 0o100640, 0o20300002],
  STATX: ['getattr', WHO, 42],
};

const blocks = readGolden('exchanges.txt');
const requests = blocks.filter((block) => block.heading.startsWith('request '));

test.each(requests.map((block) => [block.heading.slice(8), block] as const))(
  '%s',
  (title, block) => {
    const reply = blocks.find((other) => other.heading === `reply ${title}`);
    const { ask, calls, wire, mistakes } = bench();
    ask(bytesOfBlock(block));
    const expected = expectedCalls[title];
    expect(calls).toEqual(expected === undefined ? [] : [expected]);
    expect(wire.replies).toEqual(reply === undefined ? [] : [Buffer.from(bytesOfBlock(reply))]);
    expect(mistakes).toEqual([]);
  },
);

function request(title: string): Uint8Array {
  const block = requests.find((candidate) => candidate.heading === `request ${title}`);
  if (block === undefined) throw new Error(`no golden request '${title}'`);
  return bytesOfBlock(block);
}

test('who closes a descriptor gives up his locks, where the file system keeps them', () => {
  const closed: unknown[] = [];
  const locks = { closed: (...values: unknown[]) => closed.push(...values) };
  const { ask, wire } = bench({ locks: locks as unknown as FileLocks });
  ask(request('FLUSH'));
  expect(closed).toEqual([42, FH, 0xfedcba9876543210n]);
  expect(wire.replies[0]?.readInt32LE(4)).toBe(0);
});

test('a name that leads nowhere is remembered when the mount says so', () => {
  const { ask, wire } = bench(answers, 3);
  ask(request('LOOKUP of "none"'));
  const [reply] = wire.replies as [Buffer];
  expect(reply.byteLength).toBe(16 + 128);
  expect(reply.readInt32LE(4)).toBe(0);
  expect(reply.readBigUInt64LE(16)).toBe(0n);
  expect(reply.readBigUInt64LE(16 + 16)).toBe(3n);
  expect(reply.subarray(16 + 24).every((byte) => byte === 0)).toBe(true);
});

test('a directory that does not fit is cut at an entry, and its end is not told', () => {
  const name = Buffer.from('n'.repeat(100));
  const { ask, wire } = bench({
    readdir(_caller, _nodeid, cookie, _withAttributes, _bytesHint, visit) {
      for (let own = cookie + 1; own <= 1000; own++) {
        const entry = { nodeid: own as Nodeid, type: 0o100000, attributes: undefined };
        if (!visit({ ...entry, name, cookie: own })) return false;
      }
      return true;
    },
  });
  ask(request('READDIR'));
  const [reply] = wire.replies as [Buffer];
  const entries = Math.floor(4096 / 128);
  expect(reply.byteLength).toBe(16 + entries * 128);
  expect(reply.readBigUInt64LE(16 + (entries - 1) * 128 + 8)).toBe(BigInt(entries));
});

test('who may read a directory and not search it gets the names', () => {
  const { ask, wire } = bench({
    readdir(_caller, _nodeid, _cookie, withAttributes, _bytesHint, visit) {
      if (withAttributes) throw new ErrnoError('EACCES');
      const entry = { nodeid: 42 as Nodeid, type: 0o100000, cookie: 3, attributes: undefined };
      return visit({ ...entry, name: Buffer.from('file') });
    },
  });
  ask(request('READDIRPLUS'));
  const [reply] = wire.replies as [Buffer];
  expect(reply.byteLength).toBe(16 + 160);
  expect(reply.readBigUInt64LE(16)).toBe(0n);
  expect(reply.toString('latin1', 16 + 152, 16 + 156)).toBe('file');
});

test('an error without an errno is a mistake: reported, and EIO to the caller', () => {
  const mistake = new TypeError('oops');
  const { ask, wire, mistakes } = bench({
    getattr() {
      throw mistake;
    },
  });
  ask(request('GETATTR'));
  expect(mistakes).toEqual([mistake]);
  expect(wire.replies[0]?.readInt32LE(4)).toBe(-5);
});

test('an older kernel sends a shorter SETXATTR', () => {
  const { ask, calls } = bench(answers, 0, COMPAT_SETXATTR_IN_BYTES);
  const long = Buffer.from(request('SETXATTR'));
  const short = Buffer.concat([long.subarray(0, 48), long.subarray(56)]);
  short.writeUInt32LE(short.byteLength, 0);
  ask(short);
  expect(calls).toEqual([expectedCalls.SETXATTR]);
});

test('a file system without extended attributes has the kernel say so itself', () => {
  const { ask, wire } = bench({});
  for (const title of ['SETXATTR', 'GETXATTR', 'LISTXATTR', 'REMOVEXATTR']) {
    ask(request(title));
    expect(wire.replies.at(-1)?.readInt32LE(4)).toBe(-38);
  }
});

test('READ and WRITE use the same view and the same fh each time', () => {
  const seen: unknown[] = [];
  const { ask } = bench({
    read(_caller, _nodeid, fh, _offset, into) {
      seen.push(fh, into);
      return 0;
    },
  });
  ask(request('READ'));
  ask(request('READ'));
  expect(seen[0]).toBe(seen[2]);
  expect(seen[1]).toBe(seen[3]);
});

test('the data of a WRITE begins on a page, where the data of a READ goes too', () => {
  const offsets: number[] = [];
  const { ask } = bench({
    read(_caller, _nodeid, _fh, _offset, into) {
      offsets.push(into.byteOffset % 4096);
      return 0;
    },
    write(_nodeid, _fh, _offset, data) {
      offsets.push(data.byteOffset % 4096);
      return data.byteLength;
    },
  });
  ask(request('READ'));
  ask(request('WRITE at the end'));
  expect(offsets).toEqual([0, 0]);
});

/** Writes that are expected to be synced, and what the driver tells of them. */
function expectedSyncs() {
  const told: string[] = [];
  return {
    told,
    beginWrite: () => 7,
    endWrite: () => void told.push('unstable'),
    becameStable: (_nodeid: Nodeid, change: number) => void told.push(`stable ${change}`),
    sync: () => told.includes('stable 7'),
  };
}

const stableWrite = (settle: () => number) => ({
  beginStableWrite: () => ({ hasEnded: true, look: () => {}, settle }),
});

test('a write that is expected to be synced is written stably, and its fsync asks nobody', () => {
  const syncs = expectedSyncs();
  const given = { ...answers, ...stableWrite(() => 5) };
  const { ask, calls, wire } = bench(given, 0, SetxattrIn.bytes, syncs);
  ask(request('WRITE at the end'));
  ask(request('FSYNC of data'));
  expect(calls).toEqual([['beginStableWrite', { nodeid: 42, fh: FH, offset: 10 }, 'world', true]]);
  expect(syncs.told).toEqual(['stable 7']);
  expect(wire.replies.map((reply) => reply.readInt32LE(4))).toEqual([0, 0]);
  expect(wire.replies.map((reply) => reply.byteLength)).toEqual([16 + WriteOut.bytes, 16]);
  expect(wire.replies[0]?.readUInt32LE(16)).toBe(5);
});

test('a stable write that fails is no stable write', () => {
  const syncs = expectedSyncs();
  const fail = (): number => {
    throw new ErrnoError('ENOSPC', 'the disk is full');
  };
  const { ask, calls, wire } = bench(
    { ...answers, ...stableWrite(fail) },
    0,
    SetxattrIn.bytes,
    syncs,
  );
  ask(request('WRITE at the end'));
  ask(request('FSYNC of data'));
  expect(calls.map(([name]) => name)).toEqual(['beginStableWrite', 'beginFsync']);
  expect(wire.replies.map((reply) => reply.readInt32LE(4))).toEqual([-constants.errno.ENOSPC, 0]);
});

test.each([
  ['the file system does not offer it', {}, 'WRITE at the end'],
  ['it cannot be done so', { beginStableWrite: () => undefined }, 'WRITE at the end'],
  ['set-ID bits depend on who writes', stableWrite(() => 5), 'WRITE that takes set-ID bits'],
])('a write is written as any other when %s', (_reason, given, heading) => {
  const syncs = expectedSyncs();
  const { ask, calls } = bench({ ...answers, ...given }, 0, SetxattrIn.bytes, syncs);
  ask(request(heading));
  expect(calls.at(-1)?.[0]).toBe('write');
  expect(syncs.told).toEqual(['unstable']);
});
