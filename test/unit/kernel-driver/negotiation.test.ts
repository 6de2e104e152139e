import { expect, test } from 'vitest';
import {
  acceptedFlags,
  type NegotiationChoices,
  negotiate,
} from '../../../mount/drivers/kernel/negotiation.ts';
import { InitFlag, type InitFlagName } from '../../../mount/kernel-abi/constants.ts';

const choices: NegotiationChoices = {
  transferBytes: 1 << 20,
  readAheadBytes: 1 << 20,
  maxBackground: 128,
  tellsChanges: false,
  locks: false,
  extendedAttributes: false,
};

const everything = Object.values(InitFlag).reduce<bigint>((all, flag) => all | flag, 0n);

function namesOf(flags: bigint): InitFlagName[] {
  const names = Object.keys(InitFlag) as InitFlagName[];
  return names.filter((name) => (flags & InitFlag[name]) !== 0n);
}

const offer = { major: 7, minor: 45, maxReadahead: 131_072, flags: everything };

test('of a kernel that offers everything, this is taken', () => {
  expect(namesOf(acceptedFlags(everything, choices))).toEqual([
    'ASYNC_READ',
    'ATOMIC_O_TRUNC',
    'BIG_WRITES',
    'AUTO_INVAL_DATA',
    'DO_READDIRPLUS',
    'READDIRPLUS_AUTO',
    'ASYNC_DIO',
    'PARALLEL_DIROPS',
    'ABORT_ERROR',
    'MAX_PAGES',
    'CACHE_SYMLINKS',
    'SETXATTR_EXT',
    'INIT_EXT',
    'DIRECT_IO_ALLOW_MMAP',
    'NO_EXPORT_SUPPORT',
  ]);
});

test('a file system with extended attributes decides about umasks, lists and privileges itself', () => {
  const [with_, without] = [true, false].map((extendedAttributes) =>
    namesOf(acceptedFlags(everything, { ...choices, extendedAttributes })),
  );
  expect(with_?.filter((name) => !without?.includes(name))).toEqual([
    'DONT_MASK',
    'POSIX_ACL',
    'HANDLE_KILLPRIV_V2',
  ]);
});

test('nothing is taken that is not offered', () => {
  expect(acceptedFlags(0n, choices)).toBe(0n);
  expect(namesOf(acceptedFlags(InitFlag.BIG_WRITES, choices))).toEqual(['BIG_WRITES']);
});

test('who tells the kernel of changes needs no guessing from mtime', () => {
  const flags = namesOf(acceptedFlags(everything, { ...choices, tellsChanges: true }));
  expect(flags).not.toContain('AUTO_INVAL_DATA');
  // Data has to go with a size that others changed, before we have told of it.
  expect(flags).not.toContain('EXPLICIT_INVAL_DATA');
});

test('locks are the file system’s when it keeps them', () => {
  const flags = namesOf(acceptedFlags(everything, { ...choices, locks: true }));
  expect(flags).toEqual(expect.arrayContaining(['POSIX_LOCKS', 'FLOCK_LOCKS']));
});

test('the smaller minor version is agreed on', () => {
  expect(negotiate({ ...offer, minor: 31 }, choices)?.minor).toBe(31);
  expect(negotiate({ ...offer, minor: 99 }, choices)?.minor).toBe(45);
});

test('transfers of a megabyte are asked for in bytes and in pages', () => {
  const answer = negotiate(offer, choices);
  expect(answer).toMatchObject({ maxWrite: 1 << 20, maxPages: 256, maxReadahead: 1 << 20 });
});

test('a kernel with a newer major version is told ours and sends another INIT', () => {
  expect(negotiate({ ...offer, major: 8 }, choices)).toBeUndefined();
});

test('a kernel that is too old is refused with what is needed', () => {
  expect(() => negotiate({ ...offer, minor: 30 }, choices)).toThrow('7.31 (Linux 5.4) or newer');
  expect(() => negotiate({ ...offer, major: 6 }, choices)).toThrow('FUSE 6.45');
});
