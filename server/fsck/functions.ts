import type Database from 'better-sqlite3';
import { readClient, readCredential } from '../sessions/client-records.ts';
import { readResponse, readSession } from '../sessions/response-cache.ts';
import { readInstance } from '../state/held-state.ts';
import { readLock } from '../state/lock-record.ts';
import { readOpen } from '../state/open-record.ts';
import { checksumOf } from '../store/block-checksum.ts';
import { bucketOf, checkName } from '../store/names.ts';
import { StateKind } from '../store/state-table.ts';

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
  database.function('isEntry', { deterministic: true }, (kind, key, value) =>
    isEntry(kind as StateKind, key as Uint8Array, value as Uint8Array) ? 1 : 0,
  );
}

/** What the server that starts makes of an entry of a client's. */
const readers: Readonly<Record<StateKind, (key: Uint8Array, value: Uint8Array) => unknown>> = {
  [StateKind.CLIENT]: readClient,
  [StateKind.SESSION]: readSession,
  [StateKind.CREDENTIAL]: readCredential,
  [StateKind.RESPONSE]: readResponse,
  [StateKind.OPEN]: readOpen,
  [StateKind.LOCK]: readLock,
  [StateKind.INSTANCE]: readInstance,
};

function isEntry(kind: StateKind, key: Uint8Array, value: Uint8Array): boolean {
  try {
    readers[kind](key, value);
    return true;
  } catch {
    return false;
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
