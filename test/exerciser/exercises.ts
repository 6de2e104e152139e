/** What the exerciser does to its file: each exercise as a row, with how often it is drawn. */
import { constants as O } from 'node:fs';
import { C, call, type MappedMemory, mapMemory, pathBytes } from '../support/libc.ts';
import type { Random } from '../support/random.ts';
import type { ExpectedFile } from './expected-file.ts';

/** Direct transfers begin and end on such a boundary, in the file and in memory. */
const DIRECT_UNIT = 4096;
/** What is taken out of a file, or put in, are whole blocks of its file system (fallocate(2)). */
const BLOCK_BYTES = 4096;

interface Range {
  readonly offset: number;
  readonly length: number;
}

/** The file under exercise: how it is opened, and what it must hold. */
export class Exercised {
  readonly random: Random;
  readonly expected: ExpectedFile;
  readonly #path: Uint8Array;
  readonly #buffer: MappedMemory;
  fd: number;
  directFd: number;
  /** Makes the bytes of each write its own. */
  #stamp = 0;

  constructor(path: string, random: Random, expected: ExpectedFile) {
    this.random = random;
    this.expected = expected;
    this.#path = pathBytes(path);
    this.#buffer = mapMemory(
      -1,
      expected.limitBytes,
      C.PROT_READ | C.PROT_WRITE,
      C.MAP_PRIVATE | C.MAP_ANONYMOUS,
    );
    this.fd = this.#open(O.O_RDWR | O.O_CREAT | O.O_TRUNC);
    this.directFd = this.#open(O.O_RDWR | O.O_DIRECT);
  }

  close(): void {
    call('close', this.fd);
    call('close', this.directFd);
  }

  reopen(): void {
    this.close();
    this.fd = this.#open(O.O_RDWR);
    this.directFd = this.#open(O.O_RDWR | O.O_DIRECT);
  }

  /** Compares a range with what it must be; through `fd`, in one call. */
  check(fd: number, offset: number, length: number): void {
    const room = this.#buffer.bytes.subarray(0, length);
    const count = call('pread', fd, room, length, offset);
    this.compare(room.subarray(0, count), offset, length);
  }

  /** @throws Error that names the first byte that differs */
  compare(actual: Uint8Array, offset: number, length: number): void {
    const wanted = this.expected.read(offset, length);
    if (Buffer.compare(actual, wanted) === 0) {
      return;
    }
    if (actual.length !== wanted.length) {
      throw new Error(`${actual.length} bytes at ${offset}, not ${wanted.length}`);
    }
    const first = wanted.findIndex((byte, index) => byte !== actual[index]);
    const differing = wanted.filter((byte, index) => byte !== actual[index]).length;
    throw new Error(
      `byte ${offset + first} is ${actual[first]}, not ${wanted[first]}; ${differing} of the ${length} bytes at ${offset} differ`,
    );
  }

  /** Bytes that nothing wrote before, in memory that direct transfers can use. */
  freshData(length: number): Uint8Array {
    const data = this.#buffer.bytes.subarray(0, length);
    this.#stamp += 1;
    const stamp = Math.imul(this.#stamp, 0x9e3779b1);
    for (let index = 0; index < length; index += 1) {
      data[index] = (stamp >>> (index & 15)) + index;
    }
    return data;
  }

  /** A range of the file's possible bytes; short ones and long ones. */
  range(unit = 1, limit = this.expected.limitBytes): Range {
    const { random } = this;
    const units = Math.floor(limit / unit);
    const first = random.below(units);
    const longest = Math.min(units - first, random.oneIn(3) ? units : Math.ceil(65_536 / unit));
    return { offset: first * unit, length: (1 + random.below(longest)) * unit };
  }

  /** A range within the file; undefined when it is empty. */
  rangeInside(): Range | undefined {
    const { size } = this.expected;
    return size === 0 ? undefined : this.range(1, size);
  }

  #open(flags: number): number {
    return call('open', this.#path, flags, 0o644);
  }
}

/** Does something and says with which numbers; undefined where the file has no place for it. */
type Exercise = (file: Exercised) => string | undefined;

interface Row {
  /** How often it is drawn, relative to the others. */
  readonly weight: number;
  readonly run: Exercise;
}

function written(file: Exercised, fd: number, unit: number): string {
  const { offset, length } = file.range(unit);
  const data = file.freshData(length);
  const count = call('pwrite', fd, data, length, offset);
  if (count !== length) {
    throw new Error(`${count} of ${length} bytes were written at ${offset}`);
  }
  file.expected.write(offset, data);
  return `${offset} ${length}`;
}

function readBack(file: Exercised, fd: number, unit: number): string {
  const { offset, length } = file.range(unit);
  file.check(fd, offset, length);
  return `${offset} ${length}`;
}

function mapped(file: Exercised, use: (bytes: Uint8Array) => void): void {
  const { size } = file.expected;
  const mapping = mapMemory(file.fd, size, C.PROT_READ | C.PROT_WRITE, C.MAP_SHARED);
  try {
    use(mapping.bytes);
  } finally {
    call('munmap', mapping.address, size);
  }
}

/** fallocate(2) of a range, which is returned. */
function allocate(file: Exercised, mode: number): Range {
  const range = file.range();
  call('fallocate', file.fd, mode, range.offset, range.length);
  return range;
}

/** The file is at least as long as a range that was allocated with its size. */
function lengthen({ expected }: Exercised, { offset, length }: Range): void {
  expected.size = Math.max(expected.size, offset + length);
}

const told = ({ offset, length }: Range): string => `${offset} ${length}`;

/** Fsx's exercises, and a few of ours. */
export const exercises = {
  write: { weight: 8, run: (file) => written(file, file.fd, 1) },
  read: { weight: 8, run: (file) => readBack(file, file.fd, 1) },
  writeDirect: { weight: 3, run: (file) => written(file, file.directFd, DIRECT_UNIT) },
  readDirect: { weight: 3, run: (file) => readBack(file, file.directFd, DIRECT_UNIT) },
  mappedWrite: {
    weight: 4,
    run: (file) => {
      const range = file.rangeInside();
      if (range === undefined) return undefined;
      const data = file.freshData(range.length);
      mapped(file, (bytes) => bytes.set(data, range.offset));
      file.expected.write(range.offset, data);
      return `${range.offset} ${range.length}`;
    },
  },
  mappedRead: {
    weight: 4,
    run: (file) => {
      const range = file.rangeInside();
      if (range === undefined) return undefined;
      const { offset, length } = range;
      mapped(file, (bytes) =>
        file.compare(bytes.subarray(offset, offset + length), offset, length),
      );
      return `${offset} ${length}`;
    },
  },
  truncate: {
    weight: 3,
    run: (file) => {
      const size = file.random.below(file.expected.limitBytes);
      call('ftruncate', file.fd, size);
      file.expected.truncate(size);
      return `${size}`;
    },
  },
  copyRange: {
    weight: 2,
    run: (file) => {
      const source = file.rangeInside();
      if (source === undefined) return undefined;
      const { offset, length } = source;
      const to = file.random.below(file.expected.limitBytes - length);
      if (to < offset + length && offset < to + length) return undefined;
      copyRange(file, offset, to, length);
      return `${offset} ${to} ${length}`;
    },
  },
  allocate: {
    weight: 1,
    run: (file) => {
      const range = allocate(file, 0);
      lengthen(file, range);
      return told(range);
    },
  },
  allocateKeepingSize: { weight: 1, run: (file) => told(allocate(file, C.FALLOC_FL_KEEP_SIZE)) },
  punchHole: {
    weight: 2,
    run: (file) => {
      const range = allocate(file, C.FALLOC_FL_PUNCH_HOLE | C.FALLOC_FL_KEEP_SIZE);
      file.expected.zero(range.offset, range.length);
      return told(range);
    },
  },
  zeroRange: {
    weight: 2,
    run: (file) => {
      const keepsSize = file.random.oneIn(2);
      const range = allocate(
        file,
        C.FALLOC_FL_ZERO_RANGE | (keepsSize ? C.FALLOC_FL_KEEP_SIZE : 0),
      );
      file.expected.zero(range.offset, range.length);
      if (!keepsSize) lengthen(file, range);
      return `${told(range)}${keepsSize ? ' keeping the size' : ''}`;
    },
  },
  collapseRange: {
    weight: 1,
    run: (file) => {
      const { size } = file.expected;
      // What is taken out ends before the file does (fallocate(2)).
      if (size <= BLOCK_BYTES) return undefined;
      const { offset, length } = file.range(BLOCK_BYTES, size - 1);
      call('fallocate', file.fd, C.FALLOC_FL_COLLAPSE_RANGE, offset, length);
      file.expected.collapse(offset, length);
      return `${offset} ${length}`;
    },
  },
  insertRange: {
    weight: 1,
    run: (file) => {
      const { size, limitBytes } = file.expected;
      const room = limitBytes - size;
      if (size <= BLOCK_BYTES || room < BLOCK_BYTES) return undefined;
      const offset = file.random.below(Math.floor((size - 1) / BLOCK_BYTES)) * BLOCK_BYTES;
      const length = (1 + file.random.below(Math.floor(room / BLOCK_BYTES))) * BLOCK_BYTES;
      call('fallocate', file.fd, C.FALLOC_FL_INSERT_RANGE, offset, length);
      file.expected.insert(offset, length);
      return `${offset} ${length}`;
    },
  },
  sync: {
    weight: 1,
    run: (file) => {
      call('fsync', file.fd);
      return '';
    },
  },
  reopen: {
    weight: 1,
    run: (file) => {
      file.reopen();
      return '';
    },
  },
  /** What the kernel has cached is written and dropped, so that the next read asks anew. */
  dropCache: {
    weight: 1,
    run: (file) => {
      call('fsync', file.fd);
      call('posix_fadvise', file.fd, 0, 0, C.POSIX_FADV_DONTNEED);
      return '';
    },
  },
} as const satisfies Readonly<Record<string, Row>>;

export type ExerciseName = keyof typeof exercises;

/** copy_file_range(2) until all is copied; it may do less at once. */
function copyRange(file: Exercised, from: number, to: number, length: number): void {
  const source = new BigInt64Array([BigInt(from)]);
  const target = new BigInt64Array([BigInt(to)]);
  const data = file.expected.read(from, length).slice();
  for (let done = 0; done < length; ) {
    const count = call(
      'copy_file_range',
      file.fd,
      new Uint8Array(source.buffer),
      file.fd,
      new Uint8Array(target.buffer),
      length - done,
      0,
    );
    if (count === 0) {
      throw new Error(`only ${done} of ${length} bytes were copied from ${from} to ${to}`);
    }
    done += count;
  }
  file.expected.write(to, data);
}
