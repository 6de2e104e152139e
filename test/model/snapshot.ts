/** What a world looks like: every name below its root, and what is open, as lines to compare. */
import { createHash } from 'node:crypto';
import { O } from '../conformance/case.ts';
import type { FileStatus } from '../conformance/target.ts';
import type { World } from './world.ts';

/** Files up to this size are compared by content after each step; larger ones are sparse. */
const COMPARED_BYTES = 1 << 20;

function describeStatus(status: FileStatus): string {
  const size = status.kind === 'directory' ? '' : ` ${status.size}`;
  const mode = status.mode.toString(8);
  return `${status.kind} ${mode} ${status.uid}:${status.gid} x${status.nlink}${size}`;
}

function hash(world: World, fd: number, bytes: number): string {
  const data = world.target.readAt(fd, Math.min(bytes, COMPARED_BYTES), 0);
  return `${data.length}:${createHash('sha1').update(data).digest('hex').slice(0, 12)}`;
}

function contentOf(world: World, path: string, status: FileStatus): string {
  if (status.kind === 'symlink') {
    return ` -> ${Buffer.from(world.target.readlink(world.at(path))).toString()}`;
  }
  if (status.kind !== 'file') {
    return '';
  }
  const fd = world.target.open(world.at(path), O.RDONLY);
  const line = ` ${hash(world, fd, status.size)}`;
  world.target.close(fd);
  return line;
}

function namesIn(world: World, path: string): string[] {
  const fd = world.target.open(world.at(path), O.RDONLY | O.DIRECTORY);
  const found: string[] = [];
  for (let some = world.target.readEntries(fd); some.length > 0; ) {
    found.push(...some.map(({ name }) => Buffer.from(name).toString()));
    some = world.target.readEntries(fd);
  }
  world.target.close(fd);
  return found.filter((name) => name !== '.' && name !== '..').sort();
}

/** Every file of a world, in one line each. */
export function snapshot(world: World): string[] {
  const lines: string[] = [];
  const numbers = new Map<bigint, string>();
  const visit = (path: string) => {
    const status = world.target.statLink(world.at(path));
    const first = numbers.get(status.ino) ?? path;
    numbers.set(status.ino, first);
    const alias = first === path ? '' : ` = ${first}`;
    lines.push(`${path}: ${describeStatus(status)}${contentOf(world, path, status)}${alias}`);
    if (status.kind === 'directory') {
      for (const name of namesIn(world, path)) {
        visit(`${path}/${name}`);
      }
    }
  };
  visit('.');
  world.slots.forEach((fd, slot) => {
    if (fd !== undefined) {
      lines.push(`open ${slot}: ${describeStatus(world.target.statOpen(fd))}`);
    }
  });
  return lines;
}

/** The first line in which two snapshots differ. */
export function firstDifference(
  expected: readonly string[],
  actual: readonly string[],
): string | undefined {
  const lines = Math.max(expected.length, actual.length);
  for (let index = 0; index < lines; index += 1) {
    if (expected[index] !== actual[index]) {
      return `local: ${expected[index] ?? '(nothing)'}\n  mount: ${actual[index] ?? '(nothing)'}`;
    }
  }
  return undefined;
}
