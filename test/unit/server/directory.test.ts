import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileAttributeBitmap } from '../../../client/protocol/attributes.ts';
import { MessageBuffer } from '../../../client/protocol/message-buffer.ts';
import {
  type DirectoryEntry,
  directoryEntriesCodec,
} from '../../../client/protocol/operations/name.ts';
import type { ArgumentsOf } from '../../../client/protocol/operations.ts';
import type { Verifier } from '../../../client/protocol/types.ts';
import { everyAttribute, Files } from './support/files.ts';
import { TestServer, text } from './support/test-server.ts';

let server: TestServer;
let files: Files;
beforeEach(() => {
  server = new TestServer();
  files = new Files(server.client({ peer: { uid: 0, gid: 0 } }));
});
afterEach(() => {
  expect(server.faults).toEqual([]);
  server.close();
});

const readdir = (rest: Partial<ArgumentsOf<'READDIR_INLINE'>> = {}) =>
  files.connection.call('READDIR_INLINE', {
    filehandle: files.root,
    cookie: 0,
    cookieverf: 0n as Verifier,
    dircount: 0,
    maxcount: 100_000,
    attrRequestBitmap: 0,
    ...rest,
  });

/** Reads a directory to its end, a piece at a time. */
function listing(rest: Partial<ArgumentsOf<'READDIR_INLINE'>> = {}): DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  for (let cookie = 0, cookieverf = 0n as Verifier; ; ) {
    const { status, results } = readdir({ cookie, cookieverf, ...rest });
    expect(status).toBe('OK');
    entries.push(...results.entries.map((entry) => ({ ...entry, name: entry.name.slice() })));
    if (results.eof) {
      return entries;
    }
    expect(results.entries.length).toBeGreaterThan(0);
    cookie = entries.at(-1)?.cookie ?? 0;
    cookieverf = results.cookieverf;
  }
}

const names = (entries: readonly DirectoryEntry[]) => entries.map(({ name }) => text(name)).sort();

describe('READDIR_INLINE', () => {
  it('of an empty directory is empty', () => {
    const { results } = readdir();
    expect(results.entries).toEqual([]);
    expect(results.eof).toBe(true);
  });

  it('gives all entries, whatever the pieces, with the attributes asked for', () => {
    const expected = Array.from(
      { length: 300 },
      (_, index) => `${index}${'n'.repeat(index % 200)}`,
    );
    for (const name of expected) {
      files.create(name, { mode: 0o600 });
    }
    expected.sort();
    for (const maxcount of [100_000, 4000, 800]) {
      expect(names(listing({ maxcount }))).toEqual(expected);
      const bitmap = everyAttribute;
      const entries = listing({ maxcount, attrRequestBitmap: bitmap });
      expect(names(entries)).toEqual(expected);
      expect(entries[0]?.attrs).toMatchObject({ mode: 0o600, objectType: 1, numLinks: 1 });
    }
    expect(names(listing({ dircount: 100 }))).toEqual(expected);
  });

  it('goes on where it was while entries come and go', () => {
    for (let index = 0; index < 50; index += 1) {
      files.create(`old ${index}`);
    }
    const first = readdir({ dircount: 200 });
    const seen = first.results.entries.map(({ name }) => text(name));
    const { cookie } = first.results.entries.at(-1) as DirectoryEntry;
    const { cookieverf } = first.results;
    for (const name of seen) {
      files.remove(name);
    }
    files.create('new');
    const rest: string[] = [];
    const { results } = readdir({ cookie, cookieverf });
    rest.push(...results.entries.map(({ name }) => text(name)));
    const old = [...seen, ...rest].filter((name) => name.startsWith('old'));
    expect(new Set(old).size).toBe(50);
    expect(old).toHaveLength(50);
  });

  it('says when not even one entry fits', () => {
    files.create('x'.repeat(200));
    expect(readdir({ maxcount: 100 }).status).toBe('READDIR_NOSPC');
    expect(readdir({ maxcount: 0 }).status).toBe('READDIR_NOSPC');
    expect(readdir({ maxcount: 300 }).status).toBe('OK');
  });

  it('refuses cookies that it has not given', () => {
    files.create('file');
    const { cookieverf, entries } = readdir().results;
    const { cookie } = entries[0] as DirectoryEntry;
    expect(cookie).toBeGreaterThan(2);
    expect(readdir({ cookie: 1, cookieverf }).status).toBe('BAD_COOKIE');
    expect(readdir({ cookie: 2, cookieverf }).status).toBe('BAD_COOKIE');
    expect(readdir({ cookie, cookieverf: 5n as Verifier }).status).toBe('BAD_COOKIE');
    expect(readdir({ cookie, cookieverf }).results).toMatchObject({ entries: [], eof: true });
  });

  it('is for directories that one may read', () => {
    const { filehandle } = files.create('file');
    expect(readdir({ filehandle }).status).toBe('NOTDIR');
    const closed = files.mkdir('closed', 0o711);
    files.actAs(7);
    expect(readdir({ filehandle: closed }).status).toBe('ACCES');
  });
});

describe('READDIR_DIRECT', () => {
  it('puts the entries into the client’s memory', () => {
    for (let index = 0; index < 100; index += 1) {
      files.mkdir(`directory ${index}`);
    }
    const memory = new Uint8Array(32_768);
    const whole = files.connection.remoteMemory.register(memory);
    const buffers = [
      { ...whole, byteCount: 10_000 },
      { ...whole, address: 10_000, byteCount: memory.length - 10_000 },
    ];
    const { status, results } = files.connection.call('READDIR_DIRECT', {
      filehandle: files.root,
      cookie: 0,
      cookieverf: 0n as Verifier,
      dircount: 0,
      maxcount: memory.length,
      attrRequestBitmap: fileAttributeBitmap('objectType', 'fileId'),
      readdirDataBuffers: buffers,
    });
    expect(status).toBe('OK');
    expect(results.eof).toBe(true);
    const message = new MessageBuffer(memory, { littleEndian: true });
    const entries = directoryEntriesCodec.decodeAt(message, 0, memory.length);
    expect(names(entries)).toEqual(names(listing()));
    expect(entries[0]?.attrs.objectType).toBe(2);
  });
});
