/**
 * What the checksums of blocks cost, in processor time and in bytes of SQLite's log:
 * `npx node test/benchmark/checksums.ts`. Each measurement is made with CRC-32 and with a function in its
 * place that always gives the same number, in turns; the median of the rounds counts. Prints a table.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import zlib from 'node:zlib';
import { median } from '../../mount/bench/statistics.ts';
import { BlockCache } from '../../server/block-cache.ts';
import { type FileId, FileType, rootId, Store } from '../../server/store/index.ts';

const MIB = 1 << 20;
const FILE_MIB = 64;
const PAGE = 4096;
const CHANGES = 300;
const ROUNDS = 9;
const OWNER = { mode: 0o644, uid: 0, gid: 0 };

const memory = new Uint8Array(2 * FILE_MIB * MIB);
const source = new Uint8Array(MIB).map((_, index) => (index * 31) >> 3);
const directory = mkdtempSync(join(tmpdir(), 'dafs-checksums-'));
const { crc32 } = zlib;
let files = 0;

const variants = { with: crc32, without: (() => 0) as typeof crc32 };

function setChecksums(checksum: typeof crc32): void {
  zlib.crc32 = checksum;
  // Modules that have imported the function see the other one from now on.
  syncBuiltinESMExports();
}

/** Microseconds of this process, all of its threads. */
function processorTime(action: () => void): number {
  const before = process.cpuUsage();
  action();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

function write(cache: BlockCache, file: FileId, offset: number, bytes: number, from: number): void {
  let at = from;
  cache.write(file, offset, bytes, (start, length) => {
    memory.set(source.subarray(at, at + length), start);
    at += length;
  });
}

/** One round: sequential data in and out, and small changes here and there. */
function measure(): Record<string, number> {
  files += 1;
  const path = join(directory, `${files}.sqlite`);
  let store = Store.open(path, { create: true });
  let cache = new BlockCache(store, memory);
  const file = store.create(rootId, Buffer.from('file'), { type: FileType.REGULAR, ...OWNER }).id;
  store.commit();
  const written = processorTime(() => {
    for (let mib = 0; mib < FILE_MIB; mib++) {
      write(cache, file, mib * MIB, MIB, 0);
      cache.flush();
      store.commit();
    }
  });
  store.close();
  store = Store.open(path, { create: false });
  cache = new BlockCache(store, memory);
  const read = processorTime(() => {
    for (let mib = 0; mib < FILE_MIB; mib++) {
      cache.read(file, mib * MIB, MIB, () => undefined);
    }
  });
  let place = 0;
  const changed = processorTime(() => {
    for (let change = 0; change < CHANGES; change++) {
      place = (place + 7919 * PAGE) % (FILE_MIB * MIB);
      write(cache, file, place, PAGE, 1 + change);
      cache.flush();
      store.commit();
    }
  });
  const logBytes = statSync(`${path}-wal`).size;
  store.close();
  rmSync(path);
  return {
    'write, us per MiB': written / FILE_MIB,
    'read, us per MiB': read / FILE_MIB,
    'change 4 KiB, us': changed / CHANGES,
    'change 4 KiB, KiB of log': logBytes / 1024 / CHANGES,
  };
}

const samples = new Map<string, number[]>();
try {
  for (let round = 0; round < ROUNDS; round++) {
    for (const [variant, checksum] of Object.entries(variants)) {
      setChecksums(checksum);
      for (const [name, value] of Object.entries(measure())) {
        const key = `${name}, ${variant}`;
        samples.set(key, [...(samples.get(key) ?? []), value]);
      }
    }
  }
} finally {
  rmSync(directory, { recursive: true });
}
for (const [key, values] of samples) {
  process.stdout.write(`${key.padEnd(36)} ${median(values).toFixed(1)}\n`);
}
