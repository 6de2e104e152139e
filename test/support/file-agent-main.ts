/** The process of file-agent.ts: makes the file calls that come as lines of JSON. */
import * as fs from 'node:fs';
import { createInterface } from 'node:readline';
import { flock, setLock, waitForLock } from '../conformance/posix-locks.ts';
import type { RecordLock } from '../conformance/target-locks.ts';
import { C, mapMemory } from './libc.ts';

const maps: Uint8Array[] = [];

function decode(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

function status(found: fs.Stats) {
  const { size, mode, nlink, ino, mtimeMs } = found;
  return { size, mode: mode & 0o7777, nlink, ino, mtimeMs };
}

export const calls = {
  open: (path: string, flags: string) => fs.openSync(path, flags),
  close: (fd: number) => fs.closeSync(fd),
  read(fd: number, offset: number, length: number) {
    const buffer = Buffer.alloc(length);
    return decode(buffer.subarray(0, fs.readSync(fd, buffer, 0, length, offset)));
  },
  write: (fd: number, offset: number, text: string) => fs.writeSync(fd, text, offset, 'latin1'),
  readFile: (path: string) => decode(fs.readFileSync(path)),
  writeFile: (path: string, text: string) => fs.writeFileSync(path, text, 'latin1'),
  makeFiles(directory: string, count: number) {
    for (let index = 0; index < count; index += 1) {
      fs.closeSync(fs.openSync(`${directory}/made ${index}`, 'w'));
    }
  },
  stat(path: string) {
    const found = fs.statSync(path, { throwIfNoEntry: false });
    return found === undefined ? null : status(found);
  },
  fstat: (fd: number) => status(fs.fstatSync(fd)),
  list: (path: string) => fs.readdirSync(path).toSorted(),
  mkdir: (path: string) => fs.mkdirSync(path),
  unlink: (path: string) => fs.unlinkSync(path),
  rmdir: (path: string) => fs.rmdirSync(path),
  rename: (from: string, to: string) => fs.renameSync(from, to),
  link: (from: string, to: string) => fs.linkSync(from, to),
  chmod: (path: string, mode: number) => fs.chmodSync(path, mode),
  truncate: (path: string, size: number) => fs.truncateSync(path, size),
  ftruncate: (fd: number, size: number) => fs.ftruncateSync(fd, size),
  /** Maps a file shared, to read and write. */
  map: (fd: number, length: number) =>
    maps.push(mapMemory(fd, length, C.PROT_READ | C.PROT_WRITE, C.MAP_SHARED).bytes) - 1,
  peek: (map: number, offset: number, length: number) =>
    decode(maps[map]?.subarray(offset, offset + length) ?? new Uint8Array()),
  poke: (map: number, offset: number, text: string) =>
    maps[map]?.set(Buffer.from(text, 'latin1'), offset),
  fsync: (fd: number) => fs.fsyncSync(fd),
  pid: () => process.pid,
  /** Locks with fcntl(2), for this process or for the open file. */
  lock: (fd: number, lock: RecordLock) => setLock(fd, lock),
  waitForLock: (fd: number, lock: RecordLock) => waitForLock(fd, lock),
  /** Locks with flock(2), exclusively. */
  flock: (fd: number, waits: boolean) => flock(fd, 'exclusive', waits),
};

export type Calls = typeof calls;

const table = calls as unknown as Record<string, (...values: unknown[]) => unknown>;

function answer(line: string): unknown {
  const { method, values } = JSON.parse(line) as { method: string; values: unknown[] };
  try {
    return { result: table[method]?.(...values) ?? null };
  } catch (error) {
    return { code: (error as NodeJS.ErrnoException).code ?? String(error) };
  }
}

if (process.argv[1] === import.meta.filename) {
  createInterface({ input: process.stdin }).on('line', (line) => {
    process.stdout.write(`${JSON.stringify(answer(line))}\n`);
  });
}
