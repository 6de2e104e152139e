/** The memory that killed servers leave (server/store/unstable-layout.ts), as tests look after it. */
import { closeSync, existsSync, openSync, readdirSync, readSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import {
  HeaderBytes,
  unstableDirectory,
  unstablePath,
} from '../../server/store/unstable-layout.ts';

const anybody = new Uint8Array(0);

/** What the server of a database has now, or a killed one left. */
export function unstableFilesOf(database: string, directory: string = unstableDirectory): string[] {
  const [prefix, place] = basename(unstablePath(database, anybody)).split('--') as [string, string];
  return readdirSync(directory)
    .filter((name) => name.startsWith(`${prefix}-`) && name.endsWith(`-${place}`))
    .map((name) => join(directory, name));
}

/** Removes what killed servers of databases left that are gone: tests kill and remove many. */
export function removeOrphans(): void {
  const prefix = basename(unstablePath('', anybody)).split('--')[0] as string;
  for (const name of readdirSync(unstableDirectory)) {
    const path = join(unstableDirectory, name);
    if (name.startsWith(`${prefix}-`) && !existsSync(databaseOf(path))) {
      rmSync(path, { force: true });
    }
  }
}

function databaseOf(path: string): string {
  const page = Buffer.alloc(HeaderBytes.LENGTH);
  const file = openSync(path, 'r');
  readSync(file, page, 0, page.length, 0);
  closeSync(file);
  return page.toString('utf8', HeaderBytes.PATH, page.indexOf(0, HeaderBytes.PATH));
}

/** Called by the test runner when all is done. */
export function teardown(): void {
  removeOrphans();
}
