import { describe, expect, it } from 'vitest';
import { formatBytes, parseBytes } from '../../../mount/byte-sizes.ts';

describe('sizes', () => {
  it.each([
    ['0', 0],
    ['4096', 4096],
    ['64K', 65_536],
    ['64k', 65_536],
    ['1.5M', 1_572_864],
    ['2GiB', 2_147_483_648],
    ['1T', 1_099_511_627_776],
  ])('%s is read as %i bytes', (text, bytes) => {
    expect(parseBytes('--cache', text)).toBe(bytes);
  });

  it.each(['', 'M', '-1', '1X', '1 M', '99999999T'])('"%s" is refused', (text) => {
    expect(() => parseBytes('--cache', text)).toThrow(
      expect.objectContaining({
        code: 'INVALID_OPTION',
        message: `--cache needs a size such as 256M, not "${text}"`,
      }),
    );
  });

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '0.977 KiB'],
    [65_536, '64.0 KiB'],
    [268_435_456, '256 MiB'],
    [5_000_000_000, '4.66 GiB'],
  ])('%i bytes are shown as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});
