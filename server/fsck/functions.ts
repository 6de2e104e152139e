import type Database from 'better-sqlite3';
import { checksumOf } from '../store/block-checksum.ts';
import { bucketOf, checkName } from '../store/names.ts';

/** Lets queries ask what is said of names and of data in JavaScript. */
export function defineFunctions(database: Database.Database): void {
  const seed = database.prepare('SELECT nameSeed FROM filesystem').pluck().get() as number;
  const functions: Readonly<Record<string, (value: Uint8Array) => number>> = {
    bucketOf: (name) => bucketOf(name, seed),
    isName: (name) => (isName(name) ? 1 : 0),
    checksumOf,
  };
  for (const [name, answer] of Object.entries(functions)) {
    database.function(name, { deterministic: true }, (value) => answer(value as Uint8Array));
  }
}

function isName(name: Uint8Array): boolean {
  try {
    checkName(name);
    return name.length > 0;
  } catch {
    return false;
  }
}
