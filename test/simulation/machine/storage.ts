/**
 * The way of this process to the files of a database: what Node's fs and SQLite do to files in one
 * directory is told to the simulated disk, and done to the real files as well, which are what a process
 * sees as long as the power is not cut.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename, dirname } from 'node:path';
import type { Disk, DiskError } from './disk.ts';
import type { DiskFile } from './disk-file.ts';
import { observeSqlite, SqliteStatus } from './sqlite-files.ts';

/** What the calls below look at: one machine at a time. */
export const storage = {
  /** Where the files lie that the disk has. */
  directory: '/nowhere',
  disk: undefined as Disk | undefined,
  /** Syncs that were begun and have not ended, while `isDeferring`. */
  deferred: [] as (() => void)[],
  isDeferring: false,
  /** The process is dead: nothing that it still does has any effect. */
  isDead: false as boolean,
  /** Told of each path that is removed. */
  removed: (_path: string): void => {},
  /** Files that do not exist, by path, with what they hold. */
  virtualFiles: new Map<string, string>(),
  /** What the file system says of its room. */
  room: { freeBytes: 1 << 30, totalBytes: 1 << 30 },
  /** Random bytes for SQLite. */
  random: (bytes: Uint8Array): void => void bytes.fill(1),
};

const real = { ...fs };
const files = new Map<number, DiskFile | 'directory'>();
/** Descriptors whose writes are on the disk when they return. */
const synchronous = new Set<number>();

/** The name on the disk of a path, if that is where it lies. */
function nameOf(path: unknown): string | undefined {
  const isOnDisk = typeof path === 'string' && dirname(path) === storage.directory;
  return isOnDisk && storage.disk !== undefined ? basename(path) : undefined;
}

/** Names that no disk has to keep: locks, and SQLite's memory shared between processes. */
export const isVolatile = (name: string): boolean => /-(shm|lock|lock-journal)$/.test(name);

function fail(code: DiskError | undefined, call: string, path: string): void {
  if (code !== undefined) {
    const error: NodeJS.ErrnoException = new Error(`${code}: simulated, ${call} '${path}'`);
    error.code = code;
    error.errno = code === 'EIO' ? -5 : -28;
    error.syscall = call;
    throw error;
  }
}

/** Ends a sync, or leaves that to who has asked for it. */
function endSync(file: DiskFile | undefined): DiskError | undefined {
  const begun = (storage.disk as Disk).beginSync(file);
  if (typeof begun === 'string') {
    return begun;
  }
  if (storage.isDeferring) {
    storage.deferred.push(begun);
  } else {
    begun();
  }
  return undefined;
}

function sync(descriptor: number): void {
  const file = files.get(descriptor);
  if (file !== undefined) {
    fail(endSync(file === 'directory' ? undefined : file), 'fsync', String(descriptor));
  }
}

const replacements: Partial<Record<keyof typeof fs, (...values: never[]) => unknown>> = {
  openSync(path: string, flags: string | number = 'r', mode?: number) {
    const descriptor = real.openSync(path, flags, mode);
    const name = nameOf(path);
    const { disk } = storage;
    if (path === storage.directory) {
      files.set(descriptor, 'directory');
    } else if (name !== undefined && disk !== undefined && !isVolatile(name)) {
      const file = disk.open(name);
      files.set(descriptor, file);
      if (typeof flags === 'number' && (flags & fs.constants.O_DSYNC) !== 0) {
        synchronous.add(descriptor);
      }
      const truncates =
        typeof flags === 'string' ? flags.startsWith('w') : (flags & fs.constants.O_TRUNC) !== 0;
      if (truncates) {
        fail(disk.truncate(file, 0), 'open', path);
      }
    }
    return descriptor;
  },
  closeSync(descriptor: number) {
    files.delete(descriptor);
    synchronous.delete(descriptor);
    real.closeSync(descriptor);
  },
  writeSync(descriptor: number, data: Uint8Array, ...rest: number[]) {
    const file = files.get(descriptor);
    if (file instanceof Object && storage.disk !== undefined) {
      const [offset = 0, length = data.length - offset, position] = rest;
      if (typeof position !== 'number') throw new Error('a write without a position');
      const written = Uint8Array.prototype.slice.call(data, offset, offset + length);
      fail(storage.disk.write(file, position, written), 'write', file.name);
      if (synchronous.has(descriptor)) fail(endSync(file), 'write', file.name);
    }
    return real.writeSync(descriptor, data, ...(rest as [number, number, number]));
  },
  ftruncateSync(descriptor: number, bytes = 0) {
    const file = files.get(descriptor);
    if (file instanceof Object && storage.disk !== undefined) {
      fail(storage.disk.truncate(file, bytes), 'ftruncate', file.name);
    }
    real.ftruncateSync(descriptor, bytes);
  },
  fsyncSync: sync,
  fdatasyncSync: sync,
  rmSync(path: string, options?: fs.RmOptions) {
    storage.removed(path);
    removeName(path, 'unlink');
    real.rmSync(path, options);
  },
  unlinkSync(path: string) {
    removeName(path, 'unlink');
    real.unlinkSync(path);
  },
  renameSync(path: string, newPath: string) {
    const [name, newName] = [nameOf(path), nameOf(newPath)];
    if (name !== undefined && newName !== undefined) {
      fail(storage.disk?.rename(name, newName), 'rename', path);
    }
    real.renameSync(path, newPath);
  },
  readFileSync(path: string, options?: BufferEncoding) {
    const text = storage.virtualFiles.get(path);
    return text ?? real.readFileSync(path, options as BufferEncoding);
  },
  statfsSync(path: string) {
    const { freeBytes, totalBytes } = storage.room;
    const status = real.statfsSync(path);
    const [bavail, blocks] = [Math.floor(freeBytes / 4096), Math.floor(totalBytes / 4096)];
    return Object.assign(status, { bavail, bfree: bavail, blocks, bsize: 4096 });
  },
};

function removeName(path: string, call: string): void {
  const name = nameOf(path);
  if (name !== undefined && !isVolatile(name)) {
    fail(storage.disk?.remove(name), call, path);
  }
}

/** What SQLite says of an error, by what it was doing. */
const statusOf = (error: DiskError | undefined, inputOutputStatus: number): number =>
  error === undefined
    ? SqliteStatus.OK
    : error === 'ENOSPC'
      ? SqliteStatus.FULL
      : inputOutputStatus;

/** The disk's file at a path of SQLite's. */
function fileAt(path: string): DiskFile | undefined {
  const name = nameOf(path);
  return name === undefined || isVolatile(name) ? undefined : storage.disk?.open(name);
}

/** Takes over the file calls of this process. */
export function ownStorage(): void {
  Object.assign(fs, replacements);
  syncBuiltinESMExports();
  observeSqlite({
    opened: (path) => void fileAt(path),
    write(path, offset, data) {
      if (storage.isDead) return SqliteStatus.IOERR_WRITE;
      const file = fileAt(path);
      const error = file && storage.disk?.write(file, offset, data);
      return statusOf(error, SqliteStatus.IOERR_WRITE);
    },
    truncate(path, bytes) {
      const file = fileAt(path);
      return statusOf(file && storage.disk?.truncate(file, bytes), SqliteStatus.IOERR_TRUNCATE);
    },
    sync(path) {
      const file = fileAt(path);
      return statusOf(file && endSync(file), SqliteStatus.IOERR_FSYNC);
    },
    remove(path) {
      const name = nameOf(path);
      const error = name === undefined || isVolatile(name) ? undefined : storage.disk?.remove(name);
      return statusOf(error, SqliteStatus.IOERR_DELETE);
    },
    random: (bytes) => storage.random(bytes),
  });
}

/** Node's own calls, which no disk hears of. */
export const realFiles = real;

/** Closes what a dead process had open. */
export function closeDescriptors(): void {
  for (const descriptor of [...files.keys()]) {
    files.delete(descriptor);
    synchronous.delete(descriptor);
    real.closeSync(descriptor);
  }
}
