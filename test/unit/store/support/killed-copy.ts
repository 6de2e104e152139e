import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Store } from '../../../../server/store/index.ts';

/**
 * Copies the files of a store as they are at this moment: what is left when its process is killed now.
 * @returns the path of the database's copy in `directory`
 */
export function copyKilled(store: Store, directory: string): string {
  const path = join(directory, 'killed.dafs');
  for (const ending of ['', '-wal', '-intents', '-intents2']) {
    if (existsSync(store.path + ending)) {
      copyFileSync(store.path + ending, path + ending);
    }
  }
  return path;
}
