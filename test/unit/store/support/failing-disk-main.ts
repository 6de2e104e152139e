/**
 * Writes files until the disk fails, which the caller sees to; then looks whether the store is what it
 * was at the last commit, and changes nothing more. Reports as JSON.
 */
import { BlockCache } from '../../../../server/block-cache.ts';
import {
  type FileId,
  FileType,
  rootId,
  Store,
  StoreError,
} from '../../../../server/store/index.ts';

const store = Store.open(process.argv[2] as string, { create: false });
const memory = new Uint8Array(64 * store.blockBytes);
const cache = new BlockCache(store, memory);
const ids: FileId[] = [];
const told: string[] = [];
store.observe({ failed: ({ code }) => told.push(code) });
let committedFiles = 0;
let commitError: string | undefined;

function writeFile(name: string, bytes: number): FileId {
  const owner = { mode: 0o644, uid: 0, gid: 0 };
  const { id } = store.create(rootId, Buffer.from(name), { type: FileType.REGULAR, ...owner });
  cache.write(id, 0, bytes, (start, length) => memory.fill(id & 0xff, start, start + length));
  return id;
}

function isIntact(id: FileId): boolean {
  let intact = true;
  cache.read(id, 0, 100_000, (start, length) => {
    const piece = start < 0 ? undefined : memory.subarray(start, start + length);
    intact &&= piece?.every((byte) => byte === (id & 0xff)) ?? false;
  });
  return intact;
}

while (commitError === undefined && committedFiles < 1000) {
  try {
    const made = Array.from({ length: 5 }, (_, index) =>
      writeFile(`file ${committedFiles + index}`, 100_000),
    );
    cache.flush();
    store.commit();
    ids.push(...made);
    committedFiles += made.length;
  } catch (error) {
    commitError = (error as StoreError).code;
    try {
      store.commit();
    } catch {
      // What failed in a modification is reported here again.
    }
  }
}

const sizesInMemory = ids.map((id) => store.inode(id)?.size);
const dataIntact = ids.every(isIntact);
const owner = { mode: 0, uid: 0, gid: 0 };
const laterErrors = [
  () => store.remove(rootId, Buffer.from('file 0')),
  () => store.create(rootId, Buffer.from('later'), { type: FileType.FIFO, ...owner }),
  () => cache.write(ids[0] as FileId, 0, 1, () => undefined),
  () => store.sync(),
].map((change) => {
  try {
    change();
    return null;
  } catch (error) {
    return error instanceof StoreError ? error.code : String(error);
  }
});
// What reads would change is left as it is.
store.recordAccess(ids[0] as FileId);
store.commit();
let files = 0;
store.readDirectory(rootId, 0, () => ++files > 0);
store.close();

const again = Store.open(process.argv[2] as string, { create: false });
const sizesStored = ids.map((id) => again.inode(id)?.size);
again.create(rootId, Buffer.from('later'), { type: FileType.FIFO, mode: 0, uid: 0, gid: 0 });
again.close();
files += 1;
process.stdout.write(
  JSON.stringify({
    commitError,
    laterErrors,
    told,
    committedFiles,
    files,
    sizesInMemory,
    sizesStored,
    dataIntact,
  }),
);
