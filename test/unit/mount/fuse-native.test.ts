/** The parts of the fuse-native driver that need no mount. */

import { describe, expect, it } from 'vitest';
import { findBinding } from '../../../mount/drivers/fuse-native/binding.ts';
import { libfuseOptions } from '../../../mount/drivers/fuse-native/libfuse-options.ts';
import { OpenFiles } from '../../../mount/drivers/fuse-native/open-files.ts';
import {
  decodeDevice,
  encodeDevice,
  encodeEntryStat,
  encodeStat,
  encodeStatvfs,
} from '../../../mount/drivers/fuse-native/structures.ts';
import type { Fh, Nodeid } from '../../../mount/file-system.ts';
import { parseMountOptions } from '../../../mount/mount-options.ts';

describe('struct stat', () => {
  it('has every field where x86-64 Linux has it', () => {
    const bytes = encodeStat({
      nodeid: 0x1_2345_6789 as Nodeid,
      mode: 0o100640,
      nlink: 3,
      uid: 1000,
      gid: 4_294_967_294,
      rdevMajor: 0,
      rdevMinor: 0,
      sizeBytes: 5_000_000_000,
      blocks: 9_765_625,
      blockBytes: 131_072,
      atime: { seconds: -1, nseconds: 999_999_999 },
      mtime: { seconds: 1_700_000_000, nseconds: 123_456_789 },
      ctime: { seconds: 4_000_000_000, nseconds: 1 },
      btime: { seconds: 0, nseconds: 0 },
      change: 0n,
      flags: 0,
    });
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    expect(bytes.length).toBe(144);
    expect(view.getBigUint64(8, true)).toBe(0x1_2345_6789n);
    expect(view.getBigUint64(16, true)).toBe(3n);
    expect(view.getUint32(24, true)).toBe(0o100640);
    expect(view.getUint32(28, true)).toBe(1000);
    expect(view.getUint32(32, true)).toBe(4_294_967_294);
    expect(view.getBigInt64(48, true)).toBe(5_000_000_000n);
    expect(view.getBigInt64(56, true)).toBe(131_072n);
    expect(view.getBigInt64(64, true)).toBe(9_765_625n);
    expect([view.getBigInt64(72, true), view.getBigInt64(80, true)]).toEqual([-1n, 999_999_999n]);
    expect([view.getBigInt64(88, true), view.getBigInt64(96, true)]).toEqual([
      1_700_000_000n,
      123_456_789n,
    ]);
    expect([view.getBigInt64(104, true), view.getBigInt64(112, true)]).toEqual([
      4_000_000_000n,
      1n,
    ]);
  });

  it('of a directory entry has number and type', () => {
    const bytes = encodeEntryStat(77, 0o040000);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    expect(view.getBigUint64(8, true)).toBe(77n);
    expect(view.getUint32(24, true)).toBe(0o040000);
  });
});

describe('struct statvfs', () => {
  it('has its eleven counts in order', () => {
    const bytes = encodeStatvfs({
      blockBytes: 4096,
      blocks: 1000,
      blocksFree: 900,
      blocksAvailable: 800,
      files: 70,
      filesFree: 60,
      nameBytes: 255,
    });
    const words = [...new BigUint64Array(bytes.buffer, bytes.byteOffset, 11)].map(Number);
    expect(words).toEqual([4096, 4096, 1000, 900, 800, 70, 60, 60, 0, 0, 255]);
  });
});

describe('a device number', () => {
  it.each([
    [1, 3, 0x103],
    [8, 17, 0x811],
    [253, 0x12345, 0x1230_fd45],
  ])('%i:%i is %i for the kernel', (major, minor, device) => {
    expect(encodeDevice(major, minor)).toBe(device);
    expect(decodeDevice(device)).toEqual({ major, minor });
  });
});

describe('open files', () => {
  const file = (number: number) => ({
    nodeid: number as Nodeid,
    fh: BigInt(number) as Fh,
    append: false,
    reader: { uid: 0, gid: 0, pid: 0, umask: 0, keepsAccessTimes: false },
  });

  it('have numbers from 1 on, which are used again', () => {
    const files = new OpenFiles();
    expect([files.add(file(10)), files.add(file(11))]).toEqual([1, 2]);
    expect(files.remove(1)).toEqual(file(10));
    expect(files.add(file(12))).toBe(1);
    expect(files.get(1)).toEqual(file(12));
  });

  it('that are closed are EBADF', () => {
    const files = new OpenFiles();
    files.remove(files.add(file(1)));
    expect(() => files.get(1)).toThrow(expect.objectContaining({ code: 'EBADF' }));
    expect(() => files.remove(1)).toThrow(expect.objectContaining({ code: 'EBADF' }));
    expect(() => files.get(0)).toThrow(expect.objectContaining({ code: 'EBADF' }));
  });
});

describe("libfuse's options", () => {
  const optionsFor = (list: string, exclusive = true, source = '/data/a.sqlite') =>
    libfuseOptions({
      directory: '/mnt',
      source,
      serverName: 'a',
      exclusive,
      options: parseMountOptions([list]),
    });

  it('begin with -o and say what is mounted', () => {
    expect(optionsFor('')).toMatch(/^-ofsname=\/data\/a\.sqlite,subtype=dafs,/);
  });

  it.each([
    ['', false],
    ['allow_other', true],
    ['default_permissions', true],
  ])('of "%s" leave permissions to the kernel: %s', (list, isKernels) => {
    expect(optionsFor(list).split(',').includes('default_permissions')).toBe(isKernels);
  });

  it('escape what libfuse would split', () => {
    expect(optionsFor('', true, 'a,b\\c')).toContain(String.raw`fsname=a\,b\\c,`);
  });

  it('let nothing be taken as current when others use the server too', () => {
    expect(optionsFor('', true)).toContain('attr_timeout=0,entry_timeout=1');
    expect(optionsFor('', false)).toContain('attr_timeout=0,entry_timeout=0');
    expect(optionsFor('attr_timeout=5', false)).toContain('attr_timeout=5,entry_timeout=0');
  });

  it('pass on flags', () => {
    const options = optionsFor('ro,noexec,allow_other,nonempty,suid').split(',');
    expect(options).toEqual(expect.arrayContaining(['ro', 'noexec', 'allow_other', 'nonempty']));
    expect(options).toContain('suid');
    expect(options).not.toContain('nosuid');
    expect(options).toContain('nodev');
  });

  it('never ask for larger reads than libfuse 2 can carry', () => {
    expect(optionsFor('max_read=1048576')).toContain('max_read=131072');
    expect(optionsFor('max_read=65536')).toContain('max_read=65536');
  });
});

describe('the binding', () => {
  it('is found with the libfuse that it was built for', () => {
    const { binary, library } = findBinding();
    expect(binary).toMatch(/node\.napi\.node$/);
    expect(library).toMatch(/libfuse\.so$/);
  });
});
