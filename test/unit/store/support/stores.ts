import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import {
  type Capacity,
  type FileId,
  FileType,
  type Inode,
  type OpenLogSync,
  rootId,
  Store,
  StoreError,
} from '../../../../server/store/index.ts';
import { BlockingLogSync } from '../../../../server/store/log-sync.ts';
import { copyKilled } from './killed-copy.ts';

const endings: (() => void)[] = [];

afterEach(() => {
  for (const end of endings.splice(0).reverse()) {
    end();
  }
});

/** A directory in memory, where syncing costs nothing, that the end of the test removes. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync('/dev/shm/dafs-store-');
  endings.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A store that the end of the test closes, unless it is closed already. */
export function openStore(
  path: string,
  blockBytes = 4096,
  capacity: Capacity = {},
  openLogSync: OpenLogSync = () => new BlockingLogSync(),
  unstableDirectory: string | undefined = undefined,
): Store {
  const options = { blockBytes, capacity, openLogSync, unstableDirectory };
  const store = Store.open(path, { create: true, ...options });
  endings.push(() => {
    try {
      store.close();
    } catch {
      // The test closed it, or broke it on purpose.
    }
  });
  return store;
}

/** A new store in a directory of its own. */
export function newStore(blockBytes?: number, capacity?: Capacity): Store {
  return openStore(join(temporaryDirectory(), 'store.dafs'), blockBytes, capacity);
}

/** The files of a store as they are at this moment: what is left when its process is killed now. */
export function killedCopy(store: Store): string {
  return copyKilled(store, temporaryDirectory());
}

/** Frees all orphans that have been there since the store was opened. */
export function reclaimAll(store: Store): void {
  while (store.reclaimSome()) {
    store.commit();
  }
  store.commit();
}

/** Closes a store and opens it again. */
export function reopen(store: Store): Store {
  store.close();
  return openStore(store.path);
}

export function bytes(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}

export function text(name: Uint8Array): string {
  return Buffer.from(name).toString('latin1');
}

export function makeFile(store: Store, name: string, directory: FileId = rootId): Inode {
  const owner = { mode: 0o644, uid: 1000, gid: 100 };
  return store.create(directory, bytes(name), { type: FileType.REGULAR, ...owner });
}

export function makeDirectory(store: Store, name: string, directory: FileId = rootId): Inode {
  const owner = { mode: 0o755, uid: 1000, gid: 100 };
  return store.create(directory, bytes(name), { type: FileType.DIRECTORY, ...owner });
}

/** The code of the StoreError that the action throws; undefined if it does not. */
export function codeOf(action: () => unknown): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof StoreError) {
      return error.code;
    }
    throw error;
  }
}

/** Names and ids of a directory, in the order of names. */
export function list(store: Store, directory: FileId = rootId): [name: string, id: FileId][] {
  const entries: [string, FileId][] = [];
  store.readDirectory(directory, 0, (name, id) => entries.push([text(name), id]) > 0);
  return entries.sort(([a], [b]) => (a < b ? -1 : 1));
}

export function names(store: Store, directory: FileId = rootId): string[] {
  return list(store, directory).map(([name]) => name);
}
