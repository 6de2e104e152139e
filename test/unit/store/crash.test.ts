import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { type FileId, FileType, rootId, type Store } from '../../../server/store/index.ts';
import { TestCache } from '../block-cache/support/caches.ts';
import type { Announcement } from './support/crash-main.ts';
import { bytes, list, openStore, temporaryDirectory } from './support/stores.ts';

const program = fileURLToPath(new URL('./support/crash-main.ts', import.meta.url));
const rounds = 8;
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
  }
});

/** Lets the program work for some commits and kills it; returns what it had said. */
async function workAndKill(path: string, round: number, commits: number): Promise<Announcement[]> {
  const child = spawn(process.execPath, [program, path, String(round)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const announced: Announcement[] = [];
  let committed = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const announcement = JSON.parse(line) as Announcement;
    announced.push(announcement);
    committed += announcement.isCommitted ? 1 : 0;
    if (committed === commits) {
      child.kill('SIGKILL');
    }
  }
  await ended;
  expect(committed).toBeGreaterThanOrEqual(commits);
  return announced;
}

/** Link counts, sizes and places of everything that the tree reaches; ids seen. */
function checkTree(store: Store): Set<FileId> {
  const links = new Map<FileId, number>();
  const walk = (directory: FileId): void => {
    let subdirectories = 0;
    for (const [, id] of list(store, directory)) {
      links.set(id, (links.get(id) ?? 0) + 1);
      if (store.inode(id)?.type === FileType.DIRECTORY) {
        subdirectories++;
        expect(store.inode(id)?.parent).toBe(directory);
        walk(id);
      }
    }
    expect(store.inode(directory)?.nlink).toBe(2 + subdirectories);
  };
  walk(rootId);
  for (const [id, count] of links) {
    const inode = store.inode(id);
    expect(inode?.type === FileType.DIRECTORY ? 1 : inode?.nlink).toBe(count);
  }
  return new Set([rootId, ...links.keys()]);
}

describe('a process that is killed', () => {
  it('leaves everything it had committed, and nothing halfway', async () => {
    const path = join(temporaryDirectory(), 'store.dafs');
    const expected = new Map<string, Announcement[]>();
    for (let round = 0; round < rounds; round++) {
      const announced = await workAndKill(path, round, 5 + round * 9);
      for (const item of announced) {
        expected.set(item.name, [item]);
      }
      // What was announced last may or may not have been committed when the process died.
      const last = announced.at(-1);
      if (last !== undefined && !last.isCommitted) {
        const before = announced.findLast(
          ({ name, isCommitted }) => name === last.name && isCommitted,
        );
        expected.set(last.name, before === undefined ? [] : [last, before]);
      }
      const store = openStore(path);
      const reached = checkTree(store);
      while (store.reclaimSome()) {
        store.commit();
      }
      store.commit();
      // Orphans are gone: nothing is left that the tree does not reach.
      expect(store.statistics().files).toBe(reached.size);
      const cache = new TestCache(store, 64);
      for (const [name, possible] of expected) {
        const id = store.lookup(rootId, bytes(name));
        const data = id === undefined ? undefined : cache.read(id, 0, 100_000);
        const isOne = possible.some(({ length, fill }) => data?.equals(Buffer.alloc(length, fill)));
        expect([name, isOne || possible.length === 0]).toEqual([name, true]);
      }
      store.close();
    }
  }, 180_000);
});
