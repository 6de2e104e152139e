/**
 * SQLite's way to its files, from the inside of this process: which writes it makes, when it syncs, and
 * what it is told of them. The functions of its default VFS for opening and removing files are replaced,
 * and those of each opened file for writing, cutting and syncing; all others stay SQLite's own.
 *
 * The library does not export its functions, so the VFS is found by its symbol.
 */
import { readFileSync } from 'node:fs';
import { endianness } from 'node:os';
import Database from 'better-sqlite3';
import koffi from 'koffi';

/** What SQLite is answered (sqlite3.h). */
export const SqliteStatus = {
  OK: 0,
  FULL: 13,
  IOERR_WRITE: 778,
  IOERR_FSYNC: 1034,
  IOERR_TRUNCATE: 1546,
  IOERR_DELETE: 2570,
} as const;

/** Told of what SQLite does to files, before it does so; any answer but OK is what it is told instead. */
export interface SqliteObserver {
  opened(path: string): void;
  write(path: string, offset: number, data: Uint8Array): number;
  truncate(path: string, bytes: number): number;
  sync(path: string): number;
  remove(path: string): number;
  /** Random bytes, in place of the system's. */
  random(bytes: Uint8Array): void;
}

/** Where the functions stand in struct sqlite3_vfs and struct sqlite3_io_methods, in words of 8 bytes. */
const Vfs = { OPEN: 5, DELETE: 6, RANDOMNESS: 13, WORDS: 21 } as const;
const Methods = { CLOSE: 1, WRITE: 3, TRUNCATE: 4, SYNC: 5, WORDS: 19 } as const;
const wordBytes = 8;

const types = {
  open: koffi.proto('int simulation_open(intptr_t, intptr_t, intptr_t, int, intptr_t)'),
  remove: koffi.proto('int simulation_remove(intptr_t, intptr_t, int)'),
  randomness: koffi.proto('int simulation_randomness(intptr_t, int, intptr_t)'),
  close: koffi.proto('int simulation_close(intptr_t)'),
  write: koffi.proto('int simulation_write(intptr_t, intptr_t, int, int64_t)'),
  truncate: koffi.proto('int simulation_truncate(intptr_t, int64_t)'),
  sync: koffi.proto('int simulation_sync(intptr_t, int)'),
};
const libc = koffi.load('libc.so.6');
const stringLength = libc.func('size_t strlen(intptr_t)');
const copyFrom = libc.func('void *memcpy(_Out_ uint8_t *, intptr_t, size_t)');
const copyTo = libc.func('void *memcpy(intptr_t, const uint8_t *, size_t)');

type Native = (...values: (number | bigint)[]) => number;

/** Has the observer told of all that SQLite does from now on in this process. */
export function observeSqlite(observer: SqliteObserver): void {
  const vfs = words(vfsAddress(), Vfs.WORDS);
  const original = {
    open: native(vfs[Vfs.OPEN], types.open),
    remove: native(vfs[Vfs.DELETE], types.remove),
  };
  const files = new Map<bigint, string>();
  /** Tables of functions, by the one that they are in place of. */
  const replaced = new Map<bigint, bigint>();

  const replace = (address: bigint): bigint => {
    const methods = words(address, Methods.WORDS).slice();
    const own = {
      close: native(methods[Methods.CLOSE], types.close),
      write: native(methods[Methods.WRITE], types.write),
      truncate: native(methods[Methods.TRUNCATE], types.truncate),
      sync: native(methods[Methods.SYNC], types.sync),
    };
    const pathOf = (file: number | bigint): string => files.get(BigInt(file)) as string;
    methods[Methods.CLOSE] = koffi.register((file: bigint) => {
      files.delete(BigInt(file));
      return own.close(file);
    }, koffi.pointer(types.close));
    methods[Methods.WRITE] = koffi.register(
      (file: bigint, data: bigint, length: number, offset: number) => {
        const status = observer.write(pathOf(file), Number(offset), bytesAt(data, length));
        return status === SqliteStatus.OK ? own.write(file, data, length, offset) : status;
      },
      koffi.pointer(types.write),
    );
    methods[Methods.TRUNCATE] = koffi.register((file: bigint, bytes: number) => {
      const status = observer.truncate(pathOf(file), Number(bytes));
      return status === SqliteStatus.OK ? own.truncate(file, bytes) : status;
    }, koffi.pointer(types.truncate));
    // Nothing is gained by really syncing what lies in memory.
    methods[Methods.SYNC] = koffi.register(
      (file: bigint) => observer.sync(pathOf(file)),
      koffi.pointer(types.sync),
    );
    return keep(methods);
  };

  vfs[Vfs.OPEN] = koffi.register(
    (self: bigint, name: bigint, file: bigint, flags: number, outFlags: bigint) => {
      const status = original.open(self, name, file, flags, outFlags);
      const [methods = 0n] = words(BigInt(file), 1);
      if (status === SqliteStatus.OK && BigInt(name) !== 0n && methods !== 0n) {
        const path = stringAt(name);
        files.set(BigInt(file), path);
        let mine = replaced.get(methods);
        if (mine === undefined) {
          mine = replace(methods);
          replaced.set(methods, mine);
        }
        words(BigInt(file), 1)[0] = mine;
        observer.opened(path);
      }
      return status;
    },
    koffi.pointer(types.open),
  );
  vfs[Vfs.DELETE] = koffi.register((self: bigint, name: bigint, syncsDirectory: number) => {
    const status = observer.remove(stringAt(name));
    return status === SqliteStatus.OK ? original.remove(self, name, syncsDirectory) : status;
  }, koffi.pointer(types.remove));
  vfs[Vfs.RANDOMNESS] = koffi.register((_self: bigint, length: number, to: bigint) => {
    const random = new Uint8Array(length);
    observer.random(random);
    copyTo(to, random, length);
    return length;
  }, koffi.pointer(types.randomness));
}

/** Memory that native code refers to for as long as the process lives. */
const kept: BigInt64Array[] = [];

function keep(values: BigInt64Array): bigint {
  kept.push(values);
  return koffi.address(values);
}

/** Native memory as it is now and as it becomes. */
const words = (address: bigint | number, count: number): BigInt64Array =>
  new BigInt64Array(koffi.view(BigInt(address), count * wordBytes));

const native = (address: bigint | undefined, type: (typeof types)[keyof typeof types]): Native =>
  koffi.decode(address as bigint, type) as Native;

function bytesAt(address: bigint | number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  copyFrom(bytes, address, length);
  return bytes;
}

const stringAt = (address: bigint | number): string =>
  Buffer.from(bytesAt(address, Number(stringLength(address)))).toString();

/** Where SQLite's default VFS lies: the first of its table. */
function vfsAddress(): bigint {
  // Loads the library.
  new Database(':memory:').close();
  const maps = readFileSync('/proc/self/maps', 'latin1').split('\n');
  const first = maps.find((line) => /better-sqlite3.*\.node$/.test(line)) as string;
  const path = first.slice(first.indexOf('/'));
  return BigInt(`0x${first.split('-')[0]}`) + symbolValue(readFileSync(path), /^aVfs(\.\d+)?$/);
}

/** Places in the headers of an ELF file with 64-bit words (elf(5)). */
const Elf = { SECTIONS: 40, SECTION_BYTES: 58, SECTION_COUNT: 60 } as const;
const Section = { TYPE: 4, OFFSET: 24, SIZE: 32, LINK: 40 } as const;
const SHT_SYMTAB = 2;
const SymbolEntry = { NAME: 0, VALUE: 8, BYTES: 24 } as const;

/** The address that a library's symbol has, from where it is loaded on. */
function symbolValue(library: Buffer, pattern: RegExp): bigint {
  const sections = Number(library.readBigUInt64LE(Elf.SECTIONS));
  const sectionBytes = library.readUInt16LE(Elf.SECTION_BYTES);
  const field = (section: number, place: number): number =>
    Number(library.readBigUInt64LE(sections + section * sectionBytes + place));
  for (let section = 0; section < library.readUInt16LE(Elf.SECTION_COUNT); section += 1) {
    const at = sections + section * sectionBytes;
    if (library.readUInt32LE(at + Section.TYPE) !== SHT_SYMTAB) continue;
    const names = field(library.readUInt32LE(at + Section.LINK), Section.OFFSET);
    const end = field(section, Section.OFFSET) + field(section, Section.SIZE);
    for (let symbol = field(section, Section.OFFSET); symbol < end; symbol += SymbolEntry.BYTES) {
      const name = names + library.readUInt32LE(symbol + SymbolEntry.NAME);
      if (
        library[name] === 0x61 &&
        pattern.test(library.toString('latin1', name, library.indexOf(0, name)))
      ) {
        return library.readBigUInt64LE(symbol + SymbolEntry.VALUE);
      }
    }
  }
  throw new Error(`better-sqlite3 has no symbol ${pattern}: its binary is another one`);
}

if (endianness() !== 'LE') throw new Error('only for little-endian machines');
