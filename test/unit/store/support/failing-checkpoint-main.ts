/**
 * Writes to a store whose database may not become longer any more, while its log may: so what fails is
 * the way of the log into the database. Reports as JSON.
 */
import { spawnSync } from 'node:child_process';
import { BlockCache } from '../../../../server/block-cache.ts';
import {
  type FileId,
  FileType,
  rootId,
  Store,
  StoreError,
} from '../../../../server/store/index.ts';

const MIB = 1 << 20;
/** From so much of log on a checkpoint is worth it. */
const worthwhileMib = 17;
/** More than the log takes until then, and less than the database has. */
const limitMib = 24;

const path = process.argv[2] as string;

function makeFile(store: Store, name: string): FileId {
  const object = { type: FileType.REGULAR, mode: 0o644, uid: 0, gid: 0 };
  return store.create(rootId, Buffer.from(name), object).id;
}

/** Writes a megabyte; all of it is the store's then. */
function write(store: Store, cache: BlockCache, id: FileId, index: number): void {
  cache.write(id, index * MIB, MIB, (start, length) => memory.fill(index, start, start + length));
  cache.flush();
  store.commit();
}

const memory = new Uint8Array(32 * MIB);
let store = Store.open(path, { create: false });
let cache = new BlockCache(store, memory);
let id = makeFile(store, 'first');
for (let index = 0; index < limitMib + 8; index += 1) {
  write(store, cache, id, index);
}
store.close();

store = Store.open(path, { create: false });
cache = new BlockCache(store, memory.fill(0));
const told: string[] = [];
store.observe({ failed: ({ message }) => told.push(message) });
spawnSync('prlimit', ['--pid', String(process.pid), `--fsize=${limitMib * MIB}`]);
id = makeFile(store, 'second');
for (let index = 0; index < worthwhileMib; index += 1) {
  write(store, cache, id, index);
}
const sleeper = new Int32Array(new SharedArrayBuffer(4));
while (told.length === 0) {
  store.durability.advanceLog();
  Atomics.wait(sleeper, 0, 0, 10);
}
let error: string | undefined;
try {
  write(store, cache, id, 0);
} catch (thrown) {
  error = thrown instanceof StoreError ? thrown.code : String(thrown);
}
const last = worthwhileMib - 1;
let isIntact = true;
new BlockCache(store, memory.fill(0)).read(id, last * MIB, MIB, (start, length) => {
  isIntact &&= memory.subarray(start, start + length).every((byte) => byte === last);
});
store.close();
process.stdout.write(JSON.stringify({ error, told, isIntact }));
