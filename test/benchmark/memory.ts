/** What this machine's memory does: the reference of everything that moves bytes. */
import type { BenchmarkRow, BenchmarkSection } from './support/row.ts';

const MIB = 1 << 20;
const sizes: Readonly<Record<string, number>> = { '4 KiB': 4096, '1 MiB': MIB };

/** How much memory the copies walk through: what the caches hold, and far more than that. */
const pools: Readonly<Record<string, number>> = { '': MIB, ', uncached': 256 * MIB };

const COPIES_PER_CLOCK_READING = 64;

function measureCopy(bytes: number, poolBytes: number, seconds: number): number {
  const source = new Uint8Array(poolBytes).fill(1);
  const target = new Uint8Array(poolBytes).fill(2);
  const places = poolBytes / bytes;
  const begin = performance.now();
  const end = begin + seconds * 1000;
  let copies = 0;
  while (performance.now() < end) {
    for (let round = 0; round < COPIES_PER_CLOCK_READING; round += 1) {
      const offset = (copies % places) * bytes;
      target.set(source.subarray(offset, offset + bytes), offset);
      copies += 1;
    }
  }
  return (copies * bytes) / ((performance.now() - begin) * 1e6);
}

export const memoryBenchmark: BenchmarkSection = async ({ secondsPerMeasurement }) =>
  Object.entries(pools).flatMap(([pool, poolBytes]) =>
    Object.entries(sizes).map(
      ([size, bytes]): BenchmarkRow => ({
        section: 'memory',
        name: `memcpy ${size}${pool}`,
        value: measureCopy(bytes, poolBytes, secondsPerMeasurement / 2),
        unit: 'GB/s',
      }),
    ),
  );
