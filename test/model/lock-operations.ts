/**
 * Locks that several processes set, test and give up, none of which waits. The process that compares
 * sets none itself: it opens and closes every file after each step, and would lose them by that.
 */
import fc from 'fast-check';
import { O } from '../conformance/case.ts';
import type { RecordLock } from '../conformance/target-locks.ts';
import { kind } from './kind.ts';
import type { Locker, World } from './world.ts';

/** How many processes there are to set locks. */
export const LOCKERS = 3;

/** So few bytes that the locks meet; a length of 0 reaches to the end, a negative one backwards. */
const start = fc.nat({ max: 7 });
const length = fc.integer({ min: -3, max: 4 });
/** Every byte at which a lock can begin or end, and one far behind them. */
const PLACES = [...Array(12).keys(), 1_000_000];
const slot = fc.nat({ max: 1 });

/** A descriptor of one of the processes, and what it is opened for where the slot holds none. */
interface Descriptor {
  readonly locker: number;
  readonly slot: number;
  readonly path: string;
  readonly access: number;
}

const descriptor = {
  locker: fc.nat({ max: LOCKERS - 1 }),
  slot,
  /** So few files that the processes meet. */
  path: fc.constantFrom('a', 'a', 'a', 'b'),
  access: fc.constantFrom(O.RDONLY, O.WRONLY, O.RDWR, O.RDWR, O.RDWR),
};

type Others<Values> = Omit<Values, keyof Descriptor>;

/** An operation on a descriptor of a regular file. */
function lockKind<Values extends Descriptor>(
  weight: number,
  others: Readonly<{ [Key in keyof Others<Values>]: fc.Arbitrary<Others<Values>[Key]> }>,
  apply: (who: Locker, fd: number, values: Values, world: World) => unknown,
) {
  return kind<Values>(weight, { ...descriptor, ...others } as never, (world, values) => {
    const who = world.lockers[values.locker] as Locker;
    const fd = who.slots[values.slot] ?? openFile(who, values);
    return fd === undefined ? 'no file' : apply(who, fd, values, world);
  });
}

function openFile(who: Locker, { slot: into, path, access }: Descriptor): number | undefined {
  const fd = who.target.open(who.at(path), access | O.CREAT | O.NONBLOCK, 0o666);
  if (who.target.statOpen(fd).kind !== 'file') {
    who.target.close(fd);
    return undefined;
  }
  who.put(into, fd);
  return fd;
}

/** Which lock of another one lies at each place: of whom does not matter, and of how many. */
function lockedPlaces(who: Locker, fd: number, ofOpenFile: boolean): string {
  return PLACES.map((place) => {
    const wanted = { type: 'write', start: place, length: 1, ofOpenFile } as const;
    return who.target.testLock(fd, wanted)?.type[0] ?? '-';
  }).join('');
}

/** The locks of `owner`, and of others, as the next process sees them by each of its descriptors. */
function seenBeside(world: World, owner: number): string {
  const other = world.lockers[(owner + 1) % LOCKERS] as Locker;
  const open = other.slots.filter((fd) => fd !== undefined);
  return open.map((fd) => lockedPlaces(other, fd, true)).join('');
}

export const lockKinds = {
  lockerDuplicate: lockKind<Descriptor & { to: number }>(1, { to: slot }, (who, fd, { to }) => {
    who.put(to, who.target.duplicate(fd));
  }),
  lockerClose: lockKind<Descriptor>(3, {}, (who, _, { slot: closed }) => {
    who.put(closed, undefined);
  }),
  lockRecord: lockKind<
    Descriptor & Pick<Required<RecordLock>, 'type' | 'start' | 'length' | 'ofOpenFile'>
  >(
    8,
    {
      type: fc.constantFrom('read', 'write', 'unlock'),
      start,
      length,
      ofOpenFile: fc.boolean(),
    },
    (who, fd, { locker, type, start: from, length: bytes, ofOpenFile }, world) => {
      who.target.setLock(fd, { type, start: from, length: bytes, ofOpenFile });
      return seenBeside(world, locker);
    },
  ),
  testRecord: lockKind<Descriptor & { ofOpenFile: boolean }>(
    3,
    { ofOpenFile: fc.boolean() },
    (who, fd, { ofOpenFile }) => lockedPlaces(who, fd, ofOpenFile),
  ),
  lockWhole: lockKind<Descriptor & { operation: 'shared' | 'exclusive' | 'unlock' }>(
    4,
    { operation: fc.constantFrom('shared', 'exclusive', 'unlock') },
    (who, fd, { operation }) => who.target.flock(fd, operation),
  ),
} as const;

/** The names of these operations. */
export const lockOperations = Object.keys(lockKinds) as (keyof typeof lockKinds)[];

const STRENGTHS = '-rw';

/** Whether a lock operation found more locked than was expected, and otherwise the same. */
export function isMoreLocked(found: string, expected: string): boolean {
  const isAtLeast = (place: string, at: number) =>
    STRENGTHS.indexOf(place) >= STRENGTHS.indexOf(expected.charAt(at));
  const isMore = found.length === expected.length && [...found].every(isAtLeast);
  return found === 'EAGAIN' || isMore;
}
