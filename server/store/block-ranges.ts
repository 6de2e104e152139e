/** Blocks from `first` to `last`, both included. */
export type BlockRange = readonly [first: number, last: number];

/** Of sets of blocks, as ranges in order with gaps between them. */
type Ranges = readonly BlockRange[];

/** How many blocks the ranges hold. */
export const blocksIn = (ranges: Ranges): number =>
  ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);

/** What is both in the ranges and among first to last. */
export function within(ranges: Ranges, first: number, last: number): BlockRange[] {
  return ranges
    .filter(([from, to]) => from <= last && to >= first)
    .map(([from, to]) => [Math.max(from, first), Math.min(to, last)]);
}

/** What is among first to last and not in the ranges. */
export function missing(ranges: Ranges, first: number, last: number): BlockRange[] {
  const gaps: BlockRange[] = [];
  let next = first;
  for (const [from, to] of within(ranges, first, last)) {
    if (from > next) {
      gaps.push([next, from - 1]);
    }
    next = to + 1;
  }
  return next <= last ? [...gaps, [next, last]] : gaps;
}

/** The ranges with first to last added; neighbours become one. */
export function added(ranges: Ranges, first: number, last: number): BlockRange[] {
  const touched = ranges.filter(([from, to]) => from <= last + 1 && to >= first - 1);
  const from = Math.min(first, touched[0]?.[0] ?? first);
  const to = Math.max(last, touched.at(-1)?.[1] ?? last);
  return [
    ...ranges.filter((range) => range[1] < from - 1),
    [from, to],
    ...ranges.filter((range) => range[0] > to + 1),
  ];
}

/** The ranges without first to last. */
export function removed(ranges: Ranges, first: number, last: number): BlockRange[] {
  return ranges.flatMap(([from, to]): BlockRange[] => {
    const before: BlockRange = [from, Math.min(to, first - 1)];
    const behind: BlockRange = [Math.max(from, last + 1), to];
    return [before, behind].filter(([start, end]) => start <= end);
  });
}
