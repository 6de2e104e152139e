/**
 * The store and its block cache without anything around them, beside plain files and memory:
 * `npm run bench -- store`, or alone `npx node test/benchmark/store.ts`.
 */
import {
  closeSync,
  fdatasyncSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BlockCache } from '../../server/block-cache.ts';
import { type FileId, FileType, rootId, Store } from '../../server/store/index.ts';
import type { BenchmarkOptions, BenchmarkRow, BenchmarkSection } from './support/row.ts';

const section = 'store';
const MIB = 1 << 20;
const PAGE = 4096;
const FILE_BYTES = 256 * MIB;
const CACHE_BYTES = 512 * MIB;
const OWNER = { mode: 0o644, uid: 0, gid: 0 };

/** Repeats an action for the time given; microseconds per repetition. */
function microseconds(seconds: number, batch: number, action: (index: number) => void): number {
  const begin = performance.now();
  let count = 0;
  while (performance.now() - begin < seconds * 1000) {
    for (let round = 0; round < batch; round++) {
      action(count++);
    }
  }
  return ((performance.now() - begin) * 1000) / count;
}

/** GB/s of an action that moves so many bytes. */
function gigabytesPerSecond(bytes: number, action: () => void): number {
  const begin = performance.now();
  action();
  return bytes / ((performance.now() - begin) * 1e6);
}

/** A page of a file, by chance, the same sequence in every run. */
function randomPages(bytes: number): () => number {
  let state = 12345;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return ((state >>> 8) * PAGE) % bytes;
  };
}

/** What the measurements of data share. */
interface Bench {
  readonly directory: string;
  readonly seconds: number;
  readonly memory: Uint8Array;
  readonly source: Uint8Array;
  store: Store;
  cache: BlockCache;
  file: FileId;
}

function begin(directory: string, seconds: number): Bench {
  const store = Store.open(join(directory, 'bench.dafs'), { create: true });
  const memory = new Uint8Array(CACHE_BYTES).fill(1);
  const { id } = store.create(rootId, Buffer.from('file'), { type: FileType.REGULAR, ...OWNER });
  store.commit();
  const source = new Uint8Array(MIB).map((_, index) => (index * 31) >> 3);
  return {
    directory,
    seconds,
    memory,
    source,
    store,
    cache: new BlockCache(store, memory),
    file: id,
  };
}

function reopen(bench: Bench): void {
  bench.store.close();
  bench.store = Store.open(join(bench.directory, 'bench.dafs'), { create: false });
  bench.memory.fill(0);
  bench.cache = new BlockCache(bench.store, bench.memory);
}

function write(bench: Bench, offset: number, bytes: number): void {
  let from = 0;
  bench.cache.write(bench.file, offset, bytes, (start, length) => {
    bench.memory.set(bench.source.subarray(from, from + length), start);
    from += length;
  });
}

function readAll(bench: Bench): void {
  for (let offset = 0; offset < FILE_BYTES; offset += MIB) {
    bench.cache.read(bench.file, offset, MIB, () => undefined);
  }
}

/** Sequential data: into the store as the server does it in the background, and out of it again. */
function measureSequential(bench: Bench): BenchmarkRow[] {
  const written = gigabytesPerSecond(FILE_BYTES, () => {
    for (let offset = 0; offset < FILE_BYTES; offset += MIB) {
      write(bench, offset, MIB);
      if (bench.cache.dirtyBytes >= 64 * MIB) {
        bench.cache.flushSome(8 * MIB);
        bench.store.commit();
      }
    }
    bench.cache.flush();
    bench.store.commit();
  });
  reopen(bench);
  const read = gigabytesPerSecond(FILE_BYTES, () => readAll(bench));
  const warm = gigabytesPerSecond(FILE_BYTES, () => readAll(bench));
  return [
    {
      section,
      name: 'write 1 MiB and flush',
      value: written,
      unit: 'GB/s',
      ratioTo: 'plain file, write 1 MiB',
    },
    {
      section,
      name: 'read 1 MiB, cold',
      value: read,
      unit: 'GB/s',
      ratioTo: 'plain file, read 1 MiB',
    },
    { section, name: 'read 1 MiB, warm, lookup only', value: warm, unit: 'GB/s' },
  ];
}

/** Pages in the cache: what a request costs besides its transport. */
function measureWarm(bench: Bench): BenchmarkRow[] {
  const nextPage = randomPages(FILE_BYTES);
  const ignore = (): void => undefined;
  const lookup = microseconds(bench.seconds, 1000, () => {
    bench.cache.read(bench.file, nextPage(), PAGE, ignore);
  });
  const nextDirty = randomPages(FILE_BYTES / 2);
  const written = microseconds(bench.seconds, 100, () => write(bench, nextDirty(), PAGE));
  const pages = new Uint8Array(PAGE);
  const copied = microseconds(bench.seconds, 1000, () => {
    const offset = nextPage();
    pages.set(bench.memory.subarray(offset, offset + PAGE));
  });
  bench.cache.flush();
  bench.store.commit();
  return [
    { section, name: 'find 4 KiB, warm', value: lookup, unit: 'us' },
    { section, name: 'copy 4 KiB at random', value: copied, unit: 'us' },
    {
      section,
      name: 'write 4 KiB, warm',
      value: written,
      unit: 'us',
      ratioTo: 'copy 4 KiB at random',
    },
  ];
}

function measureDurable(bench: Bench): BenchmarkRow[] {
  // What was written before must not wait for these syncs.
  reopen(bench);
  readAll(bench);
  const nextPage = randomPages(FILE_BYTES / 2);
  const value = microseconds(bench.seconds, 1, () => {
    write(bench, nextPage(), PAGE);
    bench.cache.flush(bench.file);
    bench.store.sync();
  });
  const ratioTo = 'plain file, write 4 KiB and fdatasync';
  return [{ section, name: 'write 4 KiB and sync', value, unit: 'us', ratioTo }];
}

/** The same data in a file of the same directory. */
function measurePlainFile(bench: Bench): BenchmarkRow[] {
  const file = openSync(join(bench.directory, 'plain'), 'w+');
  const target = new Uint8Array(MIB);
  const written = gigabytesPerSecond(FILE_BYTES, () => {
    for (let offset = 0; offset < FILE_BYTES; offset += MIB) {
      writeSync(file, bench.source, 0, MIB, offset);
    }
  });
  const read = gigabytesPerSecond(FILE_BYTES, () => {
    for (let offset = 0; offset < FILE_BYTES; offset += MIB) {
      readSync(file, target, 0, MIB, offset);
    }
  });
  fdatasyncSync(file);
  const nextPage = randomPages(FILE_BYTES / 2);
  const durable = microseconds(bench.seconds, 1, () => {
    writeSync(file, bench.source, 0, PAGE, nextPage());
    fdatasyncSync(file);
  });
  closeSync(file);
  return [
    { section, name: 'plain file, write 1 MiB', value: written, unit: 'GB/s' },
    { section, name: 'plain file, read 1 MiB', value: read, unit: 'GB/s' },
    { section, name: 'plain file, write 4 KiB and fdatasync', value: durable, unit: 'us' },
  ];
}

/** Names: one by one, each committed, and many in one transaction. */
function measureNames({ store, seconds }: Bench): BenchmarkRow[] {
  const rows = [1, 100].flatMap((batch): BenchmarkRow[] => {
    const { id } = store.create(rootId, Buffer.from(`names ${batch}`), {
      type: FileType.DIRECTORY,
      ...OWNER,
    });
    let made = 0;
    const commitEvery = (index: number): void => {
      if (index % batch === batch - 1) {
        store.commit();
      }
    };
    const created = microseconds(seconds / 2, batch, (index) => {
      store.create(id, Buffer.from(`file ${index}`), { type: FileType.REGULAR, ...OWNER });
      made = index + 1;
      commitEvery(index);
    });
    const found = microseconds(seconds / 2, batch, (index) => {
      store.lookup(id, Buffer.from(`file ${index % made}`));
    });
    const begin = performance.now();
    for (let index = 0; index < made; index++) {
      store.reclaim(store.remove(id, Buffer.from(`file ${index}`)).id);
      commitEvery(index);
    }
    const removed = ((performance.now() - begin) * 1000) / made;
    store.commit();
    return [
      { section, name: `create, ${batch} per commit`, value: created, unit: 'us' },
      {
        section,
        name: `look up among ${batch === 1 ? 'fewer' : 'more'}`,
        value: found,
        unit: 'us',
      },
      { section, name: `remove and reclaim, ${batch} per commit`, value: removed, unit: 'us' },
    ];
  });
  return rows;
}

export const storeBenchmark: BenchmarkSection = async ({
  secondsPerMeasurement,
}: BenchmarkOptions) => {
  const directory = mkdtempSync(join(tmpdir(), 'dafs-bench-'));
  const bench = begin(directory, secondsPerMeasurement);
  try {
    return [measurePlainFile, measureSequential, measureWarm, measureDurable, measureNames].flatMap(
      (measure) => measure(bench),
    );
  } finally {
    bench.store.close();
    rmSync(directory, { recursive: true, force: true });
  }
};
