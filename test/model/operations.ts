/** What a random run may do: each operation with the values it takes and what it does to a world. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { O } from '../conformance/case.ts';
import { pattern } from '../conformance/expect.ts';
import type { FileKind } from '../conformance/target.ts';
import { C } from '../support/libc.ts';
import { type Kind, kind } from './kind.ts';
import { lockKinds, lockOperations } from './lock-operations.ts';
import type { World } from './world.ts';

const isSpecial = (kind: FileKind): boolean => kind !== 'file' && kind !== 'directory';

const KIB = 1024;

const name = fc.constantFrom('a', 'b', 'c', 'd', 'long-name-'.repeat(20));
/** Few names and little depth, so that operations meet each other's files. */
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
const attribute = fc.constantFrom(
  'user.a',
  'user.b',
  `user.${'long'.repeat(50)}`,
  'trusted.c',
  'd',
);
const slot = fc.nat({ max: 2 });
const seed = fc.integer({ min: 1, max: 1000 });
/** Around the limits of pages, requests and blocks, and anywhere. */
const place = fc.oneof(
  fc.nat({ max: 300 * KIB }),
  fc
    .tuple(
      fc.constantFrom(4 * KIB, 16 * KIB, 64 * KIB, 128 * KIB, 256 * KIB),
      fc.integer({ min: -2, max: 2 }),
    )
    .map(([limit, distance]) => limit + distance),
);
const length = fc.oneof(
  fc.nat({ max: 300 }),
  fc.nat({ max: 20 * KIB }),
  fc.nat({ max: 200 * KIB }),
);
const size = fc.oneof(fc.constant(0), place, fc.constant(5 * 1024 * KIB * KIB + 17));
/** Mappings and copies beyond this would take memory and time that other operations need. */
const MAPPED_LIMIT = 1 << 20;
const allocationMode = fc.constantFrom(
  0,
  C.FALLOC_FL_KEEP_SIZE,
  C.FALLOC_FL_PUNCH_HOLE | C.FALLOC_FL_KEEP_SIZE,
  C.FALLOC_FL_ZERO_RANGE,
  C.FALLOC_FL_ZERO_RANGE | C.FALLOC_FL_KEEP_SIZE,
);
const mode = fc.constantFrom(0, 0o400, 0o600, 0o644, 0o755, 0o777, 0o1777, 0o2755, 0o4755);
/** Whole milliseconds, and one moment for both times: what every driver can carry. */
const moment = fc.integer({ min: 0, max: 4_000_000_000_000 });
const identity = fc.constantFrom(-1, 0, 1000, 65_534);
const openFlags = fc
  .record({
    access: fc.constantFrom(O.RDONLY, O.WRONLY, O.RDWR, O.RDWR),
    further: fc.subarray([O.CREAT, O.CREAT, O.EXCL, O.TRUNC, O.APPEND, O.NOFOLLOW]),
  })
  .map(({ access, further }) => further.reduce((flags, flag) => flags | flag, access));

function digest(bytes: Uint8Array): string {
  return `${bytes.length} bytes, ${createHash('sha1').update(bytes).digest('hex').slice(0, 12)}`;
}

/** The operations, by the names under which a failing run prints them. */
export const operationKinds = {
  mkdir: kind<{ path: string; mode: number }>(4, { path, mode }, (world, v) =>
    world.target.mkdir(world.at(v.path), v.mode),
  ),
  rmdir: kind<{ path: string }>(2, { path }, (world, v) => world.target.rmdir(world.at(v.path))),
  unlink: kind<{ path: string }>(2, { path }, (world, v) => world.target.unlink(world.at(v.path))),
  rename: kind<{ source: string; target: string }>(4, { source: path, target: path }, (world, v) =>
    world.target.rename(world.at(v.source), world.at(v.target)),
  ),
  renameWith: kind<{ source: string; target: string; flags: number }>(
    2,
    { source: path, target: path, flags: fc.constantFrom(C.RENAME_NOREPLACE, C.RENAME_EXCHANGE) },
    (world, v) => world.target.renameWith(world.at(v.source), world.at(v.target), v.flags),
  ),
  makeNode: kind<{ path: string; kind: 'fifo' | 'socket' | 'file'; mode: number }>(
    1,
    { path, kind: fc.constantFrom('fifo', 'socket', 'file'), mode },
    (world, v) => world.target.makeNode(world.at(v.path), v.kind, v.mode & 0o777),
  ),
  link: kind<{ source: string; target: string }>(3, { source: path, target: path }, (world, v) =>
    world.target.link(world.at(v.source), world.at(v.target)),
  ),
  symlink: kind<{ content: string; path: string }>(2, { content: path, path }, (world, v) =>
    world.target.symlink(v.content, world.at(v.path)),
  ),
  readlink: kind<{ path: string }>(1, { path }, (world, v) =>
    Buffer.from(world.target.readlink(world.at(v.path))).toString(),
  ),
  open: kind<{ slot: number; path: string; flags: number; mode: number }>(
    6,
    { slot, path, flags: openFlags, mode },
    (world, v) => {
      // Without NONBLOCK a FIFO would wait for its other end.
      const opened = world.target.open(world.at(v.path), v.flags | O.NONBLOCK, v.mode);
      // Of a FIFO that is open its file system is never told: removed, it is gone there (ESTALE).
      if (isSpecial(world.target.statOpen(opened).kind)) {
        world.target.close(opened);
        return 'special';
      }
      const before = world.slots[v.slot];
      world.slots[v.slot] = opened;
      if (before !== undefined) {
        world.target.close(before);
      }
      return 'open';
    },
  ),
  close: kind<{ slot: number }>(1, { slot }, (world, v) => {
    const fd = world.fd(v.slot);
    world.slots[v.slot] = undefined;
    world.target.close(fd);
  }),
  write: kind<{ slot: number; offset: number; length: number; seed: number }>(
    8,
    { slot, offset: place, length, seed },
    (world, v) => world.target.writeAt(world.fd(v.slot), pattern(v.length, v.seed), v.offset),
  ),
  append: kind<{ slot: number; length: number; seed: number }>(
    3,
    { slot, length, seed },
    (world, v) => {
      const { size: end } = world.target.statOpen(world.fd(v.slot));
      return world.target.writeAt(world.fd(v.slot), pattern(v.length, v.seed), end);
    },
  ),
  read: kind<{ slot: number; offset: number; length: number }>(
    6,
    { slot, offset: place, length },
    (world, v) => digest(world.target.readAt(world.fd(v.slot), v.length, v.offset)),
  ),
  truncate: kind<{ path: string; size: number }>(3, { path, size }, (world, v) =>
    world.target.truncate(world.at(v.path), v.size),
  ),
  truncateOpen: kind<{ slot: number; size: number }>(3, { slot, size }, (world, v) =>
    world.target.truncateOpen(world.fd(v.slot), v.size),
  ),
  writeMapped: kind<{ slot: number; offset: number; length: number; seed: number }>(
    3,
    { slot, offset: place, length, seed },
    (world, v) => {
      const { size: end, kind } = world.target.statOpen(world.fd(v.slot));
      if (kind !== 'file') return 'no file';
      // Bytes behind the end of a file belong to nobody: touching them is the death of a process.
      if (end <= v.offset || end > MAPPED_LIMIT) return 'outside';
      const mapping = world.target.map(world.fd(v.slot), Number(end), {
        write: true,
        shared: true,
      });
      mapping.bytes.set(pattern(v.length, v.seed).subarray(0, Number(end) - v.offset), v.offset);
      mapping.close();
      return 'written';
    },
  ),
  readMapped: kind<{ slot: number }>(2, { slot }, (world, v) => {
    const { size: end, kind } = world.target.statOpen(world.fd(v.slot));
    // How long a directory is, is its file system's own affair.
    if (kind !== 'file') return 'no file';
    if (end === 0 || end > MAPPED_LIMIT) return 'outside';
    const mapping = world.target.map(world.fd(v.slot), Number(end), { write: false, shared: true });
    const found = digest(mapping.bytes);
    mapping.close();
    return found;
  }),
  allocate: kind<{ slot: number; mode: number; offset: number; length: number }>(
    2,
    { slot, mode: allocationMode, offset: place, length },
    (world, v) => world.target.allocate(world.fd(v.slot), v.mode, v.offset, v.length),
  ),
  copyRange: kind<{ from: number; offset: number; to: number; target: number; length: number }>(
    2,
    { from: slot, offset: place, to: slot, target: place, length },
    (world, v) =>
      world.target.copyRange(world.fd(v.from), v.offset, world.fd(v.to), v.target, v.length),
  ),
  sync: kind<{ slot: number }>(1, { slot }, (world, v) => world.target.sync(world.fd(v.slot))),
  setXattr: kind<{ path: string; name: string; length: number; flags: number }>(
    2,
    { path, name: attribute, length: fc.nat({ max: 600 }), flags: fc.constantFrom(0, 1, 2) },
    (world, v) =>
      world.target.setXattr(world.at(v.path), v.name, pattern(v.length, v.length + 1), v.flags),
  ),
  getXattr: kind<{ path: string; name: string; bytes: number }>(
    1,
    { path, name: attribute, bytes: fc.constantFrom(0, 10, 4096) },
    (world, v) => digest(world.target.getXattr(world.at(v.path), v.name, v.bytes)),
  ),
  listXattr: kind<{ path: string }>(1, { path }, (world, v) =>
    Buffer.from(world.target.listXattr(world.at(v.path)))
      .toString()
      .split('\0')
      .sort()
      .join(),
  ),
  removeXattr: kind<{ path: string; name: string }>(1, { path, name: attribute }, (world, v) =>
    world.target.removeXattr(world.at(v.path), v.name),
  ),
  chmod: kind<{ path: string; mode: number }>(2, { path, mode }, (world, v) =>
    world.target.chmod(world.at(v.path), v.mode),
  ),
  chmodOpen: kind<{ slot: number; mode: number }>(1, { slot, mode }, (world, v) =>
    world.target.chmodOpen(world.fd(v.slot), v.mode),
  ),
  chown: kind<{ path: string; uid: number; gid: number }>(
    1,
    { path, uid: identity, gid: identity },
    (world, v) => world.target.chownLink(world.at(v.path), v.uid, v.gid),
  ),
  setTimes: kind<{ path: string; moment: number }>(2, { path, moment }, (world, v) => {
    const time = BigInt(v.moment) * 1_000_000n;
    world.target.setTimes(world.at(v.path), time, time);
    return String(world.target.stat(world.at(v.path)).mtime);
  }),
  ...lockKinds,
} as const;

export type OperationName = keyof typeof operationKinds;

export interface Operation {
  readonly name: OperationName;
  readonly values: unknown;
}

const operationNames = Object.keys(operationKinds) as OperationName[];

/** What runs are about: some of locks alone, and what happens to names meanwhile. */
const subjects = [
  { weight: 2, names: operationNames },
  { weight: 1, names: [...lockOperations, 'unlink', 'rename', 'link'] },
] as const;

/** Operations of these names, with any values. */
function anyOperationOf(names: readonly OperationName[]): fc.Arbitrary<Operation> {
  return fc.oneof(
    ...names.map((name) => {
      const { weight, values } = operationKinds[name] as Kind<unknown>;
      return { weight, arbitrary: values.map((drawn): Operation => ({ name, values: drawn })) };
    }),
  );
}

/** Any run of up to so many operations, without those that a file system cannot carry. */
export function anyRun(
  maxLength: number,
  without: readonly OperationName[],
): fc.Arbitrary<readonly Operation[]> {
  const length = { minLength: 1, maxLength, size: 'max' } as const;
  return fc.oneof(
    ...subjects.map(({ weight, names }) => {
      const possible = names.filter((name) => !without.includes(name));
      return { weight, arbitrary: fc.array(anyOperationOf(possible), length) };
    }),
  );
}

/** Does it, and tells what came of it: a value, or the errno's name. */
export function apply(world: World, { name, values }: Operation): string {
  const one = operationKinds[name] as Kind<unknown>;
  world.prepare(name);
  try {
    return String(one.apply(world, values));
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === undefined) {
      throw error;
    }
    return code;
  }
}
