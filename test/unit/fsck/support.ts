/** A file system with something of everything, and ways to damage it. */
import Database from 'better-sqlite3';
import { FileType, rootId } from '../../../server/store/index.ts';
import { pattern, TestCache } from '../block-cache/support/caches.ts';
import { bytes, makeDirectory, makeFile, newStore } from '../store/support/stores.ts';

export const blockBytes = 4096;

export interface Sample {
  readonly path: string;
  /** Inodes by their names. */
  readonly ids: Readonly<Record<SampleName, number>>;
}

type SampleName = 'directory' | 'inner' | 'file' | 'linked' | 'sparse' | 'cut' | 'link' | 'fifo';

/**
 * /directory/inner/file, whose second name is /linked; /sparse with a hole and promised room; /cut,
 * whose blocks have another number as if it had been cut to nothing once; /link; /fifo. The file has attributes.
 */
export function makeSample(): Sample {
  const store = newStore(blockBytes);
  const cache = new TestCache(store, 64);
  const directory = makeDirectory(store, 'directory').id;
  const inner = makeDirectory(store, 'inner', directory).id;
  const file = makeFile(store, 'file', inner).id;
  cache.write(file, 0, pattern(3 * blockBytes + 100));
  store.link(file, rootId, bytes('linked'));
  store.extendedAttributes.set(file, bytes('user.one'), bytes('value'), 'create');
  store.extendedAttributes.set(file, bytes('security.capability'), bytes('value'), 'create');
  const sparse = makeFile(store, 'sparse').id;
  cache.write(sparse, 0, pattern(blockBytes));
  cache.write(sparse, 5 * blockBytes, pattern(50));
  cache.cache.flush();
  const record = store.contents.file(sparse);
  store.contents.allocate(record, 4, 6);
  const cut = makeFile(store, 'cut').id;
  cache.write(cut, 0, pattern(10));
  const owner = { mode: 0o644, uid: 1, gid: 1 };
  const target = bytes('directory/inner');
  const link = store.create(rootId, bytes('link'), {
    type: FileType.SYMBOLIC_LINK,
    ...owner,
    target,
  }).id;
  const fifo = store.create(rootId, bytes('fifo'), { type: FileType.FIFO, ...owner }).id;
  cache.cache.flush();
  store.close();
  damage(
    store.path,
    `UPDATE block SET content = 1000 WHERE content = ${cut};
    UPDATE inode SET content = 1000 WHERE id = ${cut}`,
  );
  return {
    path: store.path,
    ids: { directory, inner, file, linked: file, sparse, cut, link, fifo },
  };
}

/** Changes a closed database behind everybody's back. */
export function damage(path: string, sql: string): void {
  const database = new Database(path);
  database.exec(sql);
  database.close();
}

/** A scalar of a closed database. */
export function ask(path: string, sql: string): unknown {
  const database = new Database(path, { readonly: true });
  const answer = database.prepare(sql).pluck().get();
  database.close();
  return answer;
}
