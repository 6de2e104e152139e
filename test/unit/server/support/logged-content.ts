import { type FileId, type Inode, rootId, type Store } from '../../../../server/store/index.ts';
import { TestCache } from '../../block-cache/support/caches.ts';
import { copyKilled } from '../../store/support/killed-copy.ts';
import { openStore, temporaryDirectory } from '../../store/support/stores.ts';
import { bytes } from './test-server.ts';

/** What a store's database and logs hold at this moment of a file in its root. */
export function loggedContent(store: Store, name: string): string {
  const copy = openStore(copyKilled(store, temporaryDirectory()));
  const { id } = copy.inode(copy.lookup(rootId, bytes(name)) as FileId) as Inode;
  return new TestCache(copy, 8).read(id, 0, 100).toString();
}
