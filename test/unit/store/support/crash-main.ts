/**
 * Works on a store and says what is committed, until it is killed: files that stay, a temporary file
 * that is renamed over one of few names, directories that come and go, orphans that nobody frees.
 */
import { writeSync } from 'node:fs';
import { BlockCache } from '../../../../server/block-cache.ts';
import { type FileId, FileType, rootId, Store } from '../../../../server/store/index.ts';

/** The file `name` will hold `length` bytes of the value `fill`, or does when it is committed. */
export interface Announcement {
  readonly name: string;
  readonly length: number;
  readonly fill: number;
  readonly isCommitted: boolean;
}

const [path, round] = process.argv.slice(2) as [string, string];
const store = Store.open(path, { create: true, blockBytes: 4096 });
const memory = new Uint8Array(64 * store.blockBytes);
const cache = new BlockCache(store, memory);
const owner = { mode: 0o644, uid: 0, gid: 0 };

function makeFile(name: string, length: number, fill: number): FileId {
  const { id } = store.create(rootId, Buffer.from(name), { type: FileType.REGULAR, ...owner });
  for (let offset = 0; offset < length; offset += cache.maxTransferBytes) {
    const bytes = Math.min(cache.maxTransferBytes, length - offset);
    cache.write(id, offset, bytes, (start, piece) => memory.fill(fill, start, start + piece));
  }
  cache.flush(id);
  return id;
}

/** Replaces a file as careful programs do; the old one stays an orphan, as if somebody had it open. */
function replaceFile(name: string, length: number, fill: number): void {
  const temporary = `${name}.new`;
  makeFile(temporary, length, fill);
  const replaced = store.rename(rootId, Buffer.from(temporary), rootId, Buffer.from(name));
  if (replaced !== undefined && fill % 2 === 0) {
    cache.forget(replaced.id);
    store.reclaim(replaced.id);
  }
}

function changeDirectories(step: number): void {
  const directory = Buffer.from(`directory ${step % 4}`);
  const id = store.lookup(rootId, directory);
  if (id === undefined) {
    const made = store.create(rootId, directory, { type: FileType.DIRECTORY, ...owner });
    store.create(made.id, Buffer.from('inner'), { type: FileType.DIRECTORY, ...owner });
    return;
  }
  const inner = store.remove(id, Buffer.from('inner'));
  store.reclaim(inner.id);
  store.reclaim(store.remove(rootId, directory).id);
}

for (let step = 0; ; step++) {
  const name = step % 3 === 0 ? `stays ${round} ${step}` : `replaced ${step % 5}`;
  const length = (step * 2711) % 60_000;
  const fill = (step % 255) + 1;
  if (step % 3 === 0) {
    makeFile(name, length, fill);
  } else {
    replaceFile(name, length, fill);
  }
  changeDirectories(step);
  announce({ name, length, fill, isCommitted: false });
  store.commit();
  announce({ name, length, fill, isCommitted: true });
}

/** Waits until the reader can have it: process.stdout would keep it for an event loop that never runs. */
function announce(announcement: Announcement): void {
  for (let left = Buffer.from(`${JSON.stringify(announcement)}\n`); left.length > 0; ) {
    left = left.subarray(writeSome(left));
  }
}

/** @returns 0 for a while when the pipe is full. */
function writeSome(bytes: Uint8Array): number {
  try {
    return writeSync(1, bytes);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') {
      throw error;
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    return 0;
  }
}
