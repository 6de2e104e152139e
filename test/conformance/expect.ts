/** The small steps that many cases share, and what they expect. */
import assert from 'node:assert/strict';
import { O } from './case.ts';
import type { FileStatus, Identity, Path, Target } from './target.ts';

export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;
export const TIB = 1024 * GIB;

export const SECOND = 1_000_000_000n;
const MILLISECOND = 1_000_000n;

/** Two users who share no group, and a third who is in the second's. */
export const alice: Identity = { uid: 4001, gid: 4001, groups: [] };
export const bob: Identity = { uid: 4002, gid: 4002, groups: [] };
export const carol: Identity = { uid: 4003, gid: 4003, groups: [4002, 4010] };

const PAUSE_MS = 1;

/** Cases are synchronous: so is waiting. */
export function pauseUntil(condition: () => boolean): void {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  while (!condition()) {
    Atomics.wait(cell, 0, 0, PAUSE_MS);
  }
}

/** Expects `body` to fail with this errno's name. */
export function fails(code: string, body: () => unknown): void {
  let result: unknown;
  try {
    result = body();
  } catch (error) {
    const actual = (error as { code?: unknown }).code;
    if (actual === undefined) {
      throw error;
    }
    assert.equal(actual, code, `expected ${code}, met ${String(error)}`);
    return;
  }
  assert.fail(`expected ${code}, but it succeeded with ${String(result)}`);
}

/** Bytes whose value tells their place, so that a shifted or stale block shows. */
export function pattern(bytes: number, seed = 1): Uint8Array {
  const data = new Uint8Array(bytes);
  let state = (seed * 2654435761) >>> 0 || 1;
  for (let index = 0; index < bytes; index += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    data[index] = state;
  }
  return data;
}

export function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text));
}

/** Compares bytes, and names the first that differs rather than printing megabytes. */
export function sameBytes(actual: Uint8Array, expected: Uint8Array): void {
  if (Buffer.compare(actual, expected) === 0) {
    return;
  }
  const shared = Math.min(actual.length, expected.length);
  let first = 0;
  while (first < shared && actual[first] === expected[first]) {
    first += 1;
  }
  assert.fail(
    `expected ${expected.length} bytes, met ${actual.length}; byte ${first} is ${actual[first]}, not ${expected[first]}`,
  );
}

/** write(2) until all of it is written. */
export function writeAll(target: Target, fd: number, data: Uint8Array, offset?: number): void {
  for (let done = 0; done < data.length; ) {
    const rest = data.subarray(done);
    done += offset === undefined ? target.write(fd, rest) : target.writeAt(fd, rest, offset + done);
  }
}

/** pread(2) until `bytes` are read or the file ends. */
export function readAll(target: Target, fd: number, bytes: number, offset: number): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let done = 0; done < bytes; ) {
    const part = target.readAt(fd, bytes - done, offset + done);
    if (part.length === 0) {
      break;
    }
    parts.push(part);
    done += part.length;
  }
  return new Uint8Array(Buffer.concat(parts));
}

/** Makes or replaces a file. */
export function put(
  target: Target,
  path: Path,
  data: Uint8Array | string = '',
  mode = 0o644,
): void {
  const fd = target.open(path, O.WRONLY | O.CREAT | O.TRUNC, mode);
  writeAll(target, fd, typeof data === 'string' ? bytesOf(data) : data);
  target.close(fd);
}

/** The whole content of a file. */
export function content(target: Target, path: Path): Uint8Array {
  const fd = target.open(path, O.RDONLY);
  const data = readAll(target, fd, target.statOpen(fd).size, 0);
  target.close(fd);
  return data;
}

/** Expects a file to hold exactly this. */
export function holds(target: Target, path: Path, expected: Uint8Array | string): void {
  sameBytes(content(target, path), typeof expected === 'string' ? bytesOf(expected) : expected);
}

export function exists(target: Target, path: Path): boolean {
  try {
    target.statLink(path);
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') {
      return false;
    }
    throw error;
  }
}

/** The names in a directory, sorted, without `.` and `..`. */
export function names(target: Target, path: Path): string[] {
  return listing(target, path).filter((name) => name !== '.' && name !== '..');
}

/** The names in a directory, sorted, as the directory tells them (bytes as Latin-1). */
export function listing(target: Target, path: Path): string[] {
  const fd = target.open(path, O.RDONLY | O.DIRECTORY);
  const found: string[] = [];
  for (let some = target.readEntries(fd); some.length > 0; some = target.readEntries(fd)) {
    found.push(...some.map((entry) => Buffer.from(entry.name).toString('latin1')));
  }
  target.close(fd);
  return found.sort();
}

/** Opens a file, gives it to `body`, closes it. */
export function withOpen<Result>(
  target: Target,
  path: Path,
  flags: number,
  body: (fd: number) => Result,
): Result {
  const fd = target.open(path, flags, 0o644);
  const result = body(fd);
  target.close(fd);
  return result;
}

/** Which of the three times a step moved; the clock is let pass before it. */
export function movedTimes(
  target: Target,
  path: Path,
  step: () => void,
): { atime: boolean; mtime: boolean; ctime: boolean } {
  const before = target.statLink(path);
  letClockPass();
  step();
  const after = target.statLink(path);
  return {
    atime: after.atime !== before.atime,
    mtime: after.mtime > before.mtime,
    ctime: after.ctime > before.ctime,
  };
}

/** Waits longer than the kernel's coarse clock takes for a tick (10 ms at most). */
export function letClockPass(milliseconds = 15): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** Expects a time to be of this moment: within what a coarse clock and a slow machine take. */
export function isNow(time: bigint): void {
  const now = BigInt(Date.now()) * MILLISECOND;
  const distance = now > time ? now - time : time - now;
  assert.ok(distance < 10n * SECOND, `${time} is not within 10 s of ${now}`);
}

/** Expects these fields of a status. */
export function hasStatus(actual: FileStatus, expected: Partial<FileStatus>): void {
  const chosen = Object.fromEntries(
    Object.keys(expected).map((key) => [key, actual[key as keyof FileStatus]]),
  );
  assert.deepEqual(chosen, expected);
}

/** What may stand under a name, by what it is called in the titles of cases. */
export const objectMakers: Readonly<Record<string, (t: Target, path: string) => void>> = {
  'a file': (t, path) => put(t, path, path),
  'an empty directory': (t, path) => t.mkdir(path),
  'a full directory': (t, path) => {
    t.mkdir(path);
    put(t, `${path}/inside`);
  },
  'a symlink': (t, path) => t.symlink('nothing', path),
};
