/** Figures as people read them, in the terminal and on the page. */
import type { GroupName } from './result.ts';
import { type Comparison, type Figure, spreadOf } from './statistics.ts';

const SIGNIFICANT_DIGITS = 3;

export const groupTitles: Readonly<Record<GroupName, string>> = {
  random: 'Random reads and writes',
  sequential: 'Sequential reads and writes',
  sync: 'Synchronous writes',
  sizes: 'Reads by block size',
  metadata: 'Metadata and small files',
  tree: 'Trees',
};

/** Three digits; whole numbers beyond. */
export function formatNumber(value: number): string {
  return Math.abs(value) >= 100
    ? Math.round(value).toLocaleString('en')
    : value.toPrecision(SIGNIFICANT_DIGITS);
}

/** The median with how far the rounds lie from it at most: `53.1 ± 4 %`. */
export function formatFigure(figure: Figure): string {
  const median = formatNumber(figure.median);
  // A single round has no spread.
  if (figure.low === figure.high) return median;
  return `${median} ± ${Math.round(100 * spreadOf(figure))} %`;
}

export const formatRatio = (ratio: number): string => `${formatNumber(ratio)} ×`;

/** Who wins, in words. @param own @param other what they are called */
export function winnerOf({ winner }: Comparison, own: string, other: string): string {
  return { own, other, even: 'even' }[winner];
}

const TIME_UNITS: readonly (readonly [nanoseconds: number, name: string])[] = [
  [1e9, 's'],
  [1e6, 'ms'],
  [1e3, 'µs'],
  [1, 'ns'],
];

export function formatNanoseconds(nanoseconds: number): string {
  const [divisor, name] =
    TIME_UNITS.find(([unit]) => nanoseconds >= unit) ?? (TIME_UNITS.at(-1) as [number, string]);
  return `${Number((nanoseconds / divisor).toPrecision(SIGNIFICANT_DIGITS))} ${name}`;
}

export function formatBlock(bytes: number): string {
  return bytes < 1 << 20 ? `${bytes / 1024} KiB` : `${bytes / (1 << 20)} MiB`;
}
