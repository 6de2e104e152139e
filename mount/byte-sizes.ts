import { CommandError } from './command-error.ts';

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40,
};

/**
 * Reads a size as people write it: a number and, if they like, K, M, G or T (powers of 1024).
 *
 * @throws CommandError INVALID_OPTION, naming `option`
 */
export function parseBytes(option: string, text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?$/i.exec(text) ?? [];
  const bytes = Math.floor(Number(number) * (UNITS[(unit ?? '').toUpperCase()] ?? Number.NaN));
  if (!Number.isSafeInteger(bytes)) {
    throw new CommandError('INVALID_OPTION', `${option} needs a size such as 256M, not "${text}"`);
  }
  return bytes;
}

/**
 * Reads a whole number of things.
 *
 * @throws CommandError INVALID_OPTION, naming `option`
 */
export function parseCount(option: string, text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count)) {
    throw new CommandError('INVALID_OPTION', `${option} needs a whole number, not "${text}"`);
  }
  return count;
}

/** A size as people read it: three digits and a unit. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  while (value >= 1000 && unit < names.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toPrecision(3)} ${names[unit]}`;
}
