/**
 * The ranges of a file that one owner has locked, as fcntl(2) has them: disjoint, in order, and no
 * two of the same mode touch. Setting a range replaces what the owner had there, whatever its mode;
 * what lies around it stays.
 */

export type LockMode = 'read' | 'write';

/** Bytes of a file, both ends included; an end of 2^64 - 1 lies behind the end of every file. */
export interface ByteRange {
  readonly first: bigint;
  readonly last: bigint;
}

export interface LockedRange extends ByteRange {
  readonly mode: LockMode;
  /** The process that locked it, for those who ask. */
  readonly pid: number;
}

/** What is to be done to a list of ranges: `removed` of them, from `at` on, give way to `added`. */
export interface RangeEdit {
  readonly at: number;
  readonly removed: number;
  readonly added: readonly LockedRange[];
}

/** The index of the first range that ends at `position` or behind it. */
export function firstEndingFrom(ranges: readonly LockedRange[], position: bigint): number {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ranges[middle] as LockedRange).last < position) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** How `wanted` becomes a part of `ranges`. */
export function editToLock(ranges: readonly LockedRange[], wanted: LockedRange): RangeEdit {
  let { first, last } = wanted;
  // Neighbours that only touch count too: of the same mode they become one with it.
  const at = firstEndingFrom(ranges, first === 0n ? 0n : first - 1n);
  const added: LockedRange[] = [];
  let next = at;
  let tail: LockedRange | undefined;
  for (; next < ranges.length; next += 1) {
    const held = ranges[next] as LockedRange;
    if (held.first > last + 1n) {
      break;
    }
    if (held.mode === wanted.mode) {
      if (held.first < first) {
        first = held.first;
      }
      if (held.last > last) {
        last = held.last;
      }
      continue;
    }
    if (held.first < wanted.first) {
      const end = held.last < wanted.first ? held.last : wanted.first - 1n;
      added.push({ ...held, last: end });
    }
    if (held.last > wanted.last) {
      tail = held.first > wanted.last ? held : { ...held, first: wanted.last + 1n };
    }
  }
  added.push({ ...wanted, first, last });
  if (tail !== undefined) {
    added.push(tail);
  }
  return { at, removed: next - at, added };
}

/** How `range` ceases to be a part of `ranges`. */
export function editToUnlock(ranges: readonly LockedRange[], range: ByteRange): RangeEdit {
  const at = firstEndingFrom(ranges, range.first);
  const added: LockedRange[] = [];
  let next = at;
  for (; next < ranges.length; next += 1) {
    const held = ranges[next] as LockedRange;
    if (held.first > range.last) {
      break;
    }
    if (held.first < range.first) {
      added.push({ ...held, last: range.first - 1n });
    }
    if (held.last > range.last) {
      added.push({ ...held, first: range.last + 1n });
    }
  }
  return { at, removed: next - at, added };
}

/** By how many ranges an edit makes a list longer; negative when it becomes shorter. */
export function growthOf({ removed, added }: RangeEdit): number {
  return added.length - removed;
}

export function applyEdit(ranges: LockedRange[], { at, removed, added }: RangeEdit): void {
  ranges.splice(at, removed, ...added);
}

/** The first of `ranges` that a lock of `mode` on `range` by somebody else would conflict with. */
export function conflictWith(
  ranges: readonly LockedRange[],
  range: ByteRange,
  mode: LockMode,
): LockedRange | undefined {
  for (let index = firstEndingFrom(ranges, range.first); index < ranges.length; index += 1) {
    const held = ranges[index] as LockedRange;
    if (held.first > range.last) {
      return undefined;
    }
    if (mode === 'write' || held.mode === 'write') {
      return held;
    }
  }
  return undefined;
}
