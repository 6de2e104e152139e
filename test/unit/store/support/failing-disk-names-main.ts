/**
 * Makes files until the disk fails, which the caller sees to; looks whether all that
 * were acknowledged are there, reports as JSON, and is killed.
 */
import { writeSync } from 'node:fs';
import { FileType, rootId, Store, type StoreError } from '../../../../server/store/index.ts';

const store = Store.open(process.argv[2] as string, { create: false });
const name = (index: number): Uint8Array => Buffer.from(`${index} `.padEnd(250, 'long name '));
const object = { type: FileType.REGULAR, mode: 0o644, uid: 0, gid: 0 };
let acknowledged = 0;
let error: string | undefined;

while (error === undefined) {
  try {
    store.create(rootId, name(acknowledged), object);
    store.commit();
    acknowledged += 1;
  } catch (thrown) {
    error = (thrown as StoreError).code;
    try {
      store.commit();
    } catch (again) {
      // What failed in a modification is reported here again.
      error = (again as StoreError).code;
    }
  }
}

let found = 0;
for (let index = 0; index < acknowledged; index += 1) {
  const id = store.lookup(rootId, name(index));
  found += id !== undefined && store.inode(id)?.nlink === 1 ? 1 : 0;
}
let listed = 0;
store.readDirectory(rootId, 0, () => {
  listed += 1;
  return true;
});
writeSync(1, JSON.stringify({ acknowledged, error, found: Math.min(found, listed) }));
process.kill(process.pid, 'SIGKILL');
