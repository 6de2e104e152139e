/** What this machine's memory does: the reference of everything that moves bytes. */
import type { BenchmarkRow, BenchmarkSection } from './support/row.ts';

const sizes: Readonly<Record<string, number>> = { '4 KiB': 4096, '1 MiB': 1 << 20 };

/** More than the caches hold, so that copies come from memory as a file's blocks do. */
const POOL_BYTES = 256 << 20;

function measureCopy(bytes: number, seconds: number): number {
  const source = new Uint8Array(POOL_BYTES).fill(1);
  const target = new Uint8Array(POOL_BYTES).fill(2);
  const places = POOL_BYTES / bytes;
  const end = performance.now() + seconds * 1000;
  const begin = performance.now();
  let copied = 0;
  while (performance.now() < end) {
    // A clock reading costs as much as a small copy: many copies for one of them.
    for (let round = 0; round < 64; round += 1) {
      const offset = (copied % places) * bytes;
      target.set(source.subarray(offset, offset + bytes), offset);
      copied += 1;
    }
  }
  return (copied * bytes) / ((performance.now() - begin) * 1e6);
}

export const memoryBenchmark: BenchmarkSection = async ({ secondsPerMeasurement }) =>
  Object.entries(sizes).map(
    ([label, bytes]): BenchmarkRow => ({
      section: 'memory',
      name: `memcpy ${label}`,
      value: measureCopy(bytes, secondsPerMeasurement),
      unit: 'GB/s',
    }),
  );
