import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Filehandle, StateId } from '../../../client/protocol/types.ts';
import { anonymous, Files } from './support/files.ts';
import { bytes, TestServer, text } from './support/test-server.ts';

const SPACE = 4;
const DATA = 0;
const HOLE = 1;
const KEEP_SIZE = 1;
const PUNCH_HOLE = 2;
const COLLAPSE = 8;
const ZERO = 0x10;
const INSERT = 0x20;

/** What a store's block holds in these tests. */
const BLOCK = 65_536;

interface OpenFile {
  readonly filehandle: Filehandle;
  readonly stateId: StateId;
}

let server: TestServer;
let files: Files;
let file: OpenFile;
beforeEach(() => {
  server = new TestServer();
  files = new Files(server.client({ peer: { uid: 0, gid: 0 } }));
  files.connection.call('EXTENSIONS', { wanted: [SPACE] });
  file = files.create('file', { mode: 0o666 });
});
afterEach(() => {
  expect(server.faults).toEqual([]);
  server.close();
});

const seek = (offset: number, content: 0 | 1, { filehandle, stateId }: OpenFile = file) => {
  const answer = files.connection.call('SEEK', { filehandle, stateId, offset, content });
  return answer.status === 'OK' ? answer.results.offset : answer.status;
};

const fallocate = (mode: number, offset: number, length: number, of: OpenFile = file) =>
  files.connection.call('FALLOCATE', { ...of, offset, length, mode }).status;

const copy = (sourceOffset: number, offset: number, length: number, target: OpenFile = file) => {
  const answer = files.connection.call('COPY', {
    sourceFilehandle: file.filehandle,
    filehandle: target.filehandle,
    sourceStateId: file.stateId,
    stateId: target.stateId,
    sourceOffset,
    offset,
    length,
  });
  return answer.status === 'OK' ? answer.results.count : answer.status;
};

const attributes = () => files.attributes(file.filehandle);

/** Messages hold less than these tests write and read. */
const PIECE = 2048;

function put(offset: number, data: Uint8Array, of: OpenFile = file): void {
  for (let done = 0; done < data.length; done += PIECE) {
    expect(files.write(of, offset + done, data.subarray(done, done + PIECE)).status).toBe('OK');
  }
}

function contents(offset: number, length: number, of: OpenFile = file): string {
  let data = '';
  for (let done = 0; done < length; done += PIECE) {
    const piece = files.read(of, offset + done, Math.min(PIECE, length - done));
    data += text(piece.results.readData);
  }
  return data;
}

describe('SPACE', () => {
  it('is an extension', () => {
    const plain = new Files(server.client({ peer: { uid: 0, gid: 0 } }));
    const args = { ...file, offset: 0, content: DATA } as const;
    expect(plain.connection.call('SEEK', args).status).toBe('NOTSUPP');
  });

  it('asks for the rights that reading and writing do', () => {
    const reading = files.open('file', { shareAccess: 1 }).results;
    files.write(file, 0, 'data');
    expect(seek(0, DATA, reading)).toBe(0);
    expect(fallocate(0, 0, 10, reading)).toBe('ACCES');
    const { filehandle } = file;
    files.connection.call('CLOSE', file);
    files.setAttributes(filehandle, { mode: 0o600 });
    files.actAs(7);
    const other = { filehandle, stateId: anonymous };
    expect(seek(0, DATA, other)).toBe('ACCES');
    expect(fallocate(0, 0, 10, other)).toBe('ACCES');
  });

  it('is about regular files', () => {
    const directory = { filehandle: files.root, stateId: anonymous };
    expect(seek(0, DATA, directory)).toBe('ISDIR');
    expect(fallocate(0, 0, 1, directory)).toBe('ISDIR');
  });
});

describe('SEEK', () => {
  it('finds what was written, in memory and in the store', () => {
    files.write(file, 2 * BLOCK, 'data');
    files.write(file, 5 * BLOCK + 100, 'more');
    for (const isStored of [false, true]) {
      if (isStored) {
        files.connection.call('COMMIT', { filehandle: file.filehandle, offset: 0, count: 0 });
      }
      expect(seek(0, DATA)).toBe(2 * BLOCK);
      expect(seek(2 * BLOCK + 1, DATA)).toBe(2 * BLOCK + 1);
      expect(seek(3 * BLOCK, DATA)).toBe(5 * BLOCK);
      expect(seek(0, HOLE)).toBe(0);
      expect(seek(2 * BLOCK, HOLE)).toBe(3 * BLOCK);
      expect(seek(5 * BLOCK, HOLE)).toBe(5 * BLOCK + 104);
    }
  });

  it('finds nothing behind the last data, and nothing outside', () => {
    files.write(file, 0, 'data');
    files.setAttributes(file.filehandle, { objectSize: 4 * BLOCK });
    expect(seek(BLOCK, DATA)).toBe('NXIO');
    expect(seek(BLOCK, HOLE)).toBe(BLOCK);
    expect(seek(4 * BLOCK, HOLE)).toBe('NXIO');
    expect(seek(4 * BLOCK, DATA)).toBe('NXIO');
  });
});

describe('FALLOCATE', () => {
  it('gives room that is a hole until it is written', () => {
    expect(fallocate(0, 0, 3 * BLOCK)).toBe('OK');
    expect(attributes()).toMatchObject({ objectSize: 3 * BLOCK, spaceUsed: 3 * BLOCK });
    expect(seek(0, DATA)).toBe('NXIO');
    files.write(file, BLOCK, 'data');
    expect(attributes().spaceUsed).toBe(3 * BLOCK);
    files.connection.call('COMMIT', { filehandle: file.filehandle, offset: 0, count: 0 });
    expect(attributes().spaceUsed).toBe(3 * BLOCK);
    expect(seek(0, DATA)).toBe(BLOCK);
    expect(contents(BLOCK - 2, 8)).toBe('\0\0data\0\0');
  });

  it('keeps the size when it is told to', () => {
    files.write(file, 0, 'data');
    expect(fallocate(KEEP_SIZE, 0, 2 * BLOCK)).toBe('OK');
    expect(attributes()).toMatchObject({ objectSize: 4, spaceUsed: 2 * BLOCK });
    files.setAttributes(file.filehandle, { objectSize: 4 });
    expect(attributes().spaceUsed).toBe(BLOCK);
    files.setAttributes(file.filehandle, { objectSize: 0 });
    expect(attributes().spaceUsed).toBe(0);
  });

  it('counts nothing twice, whatever was there', () => {
    put(0, new Uint8Array(2 * BLOCK).fill(1));
    expect(fallocate(0, BLOCK, 2 * BLOCK)).toBe('OK');
    expect(fallocate(0, 0, 3 * BLOCK)).toBe('OK');
    expect(attributes().spaceUsed).toBe(3 * BLOCK);
    expect(fallocate(PUNCH_HOLE | KEEP_SIZE, 0, 3 * BLOCK)).toBe('OK');
    expect(attributes().spaceUsed).toBe(0);
  });

  it('punches holes, and zeros what is left of blocks', () => {
    put(0, new Uint8Array(4 * BLOCK).fill(0x61));
    expect(fallocate(PUNCH_HOLE | KEEP_SIZE, BLOCK - 2, 2 * BLOCK + 4)).toBe('OK');
    expect(contents(BLOCK - 3, 4)).toBe('a\0\0\0');
    expect(contents(3 * BLOCK - 1, 4)).toBe('\0\0\0a');
    expect(seek(0, HOLE)).toBe(BLOCK);
    expect(seek(BLOCK, DATA)).toBe(3 * BLOCK);
    expect(attributes()).toMatchObject({ objectSize: 4 * BLOCK, spaceUsed: 2 * BLOCK });
  });

  it('makes a hole of a block of which every byte was punched, piece by piece', () => {
    put(0, new Uint8Array(2 * BLOCK).fill(0x61));
    for (let offset = 0; offset < BLOCK; offset += 4096) {
      expect(fallocate(PUNCH_HOLE | KEEP_SIZE, offset, 4096)).toBe('OK');
    }
    expect(seek(0, DATA)).toBe(BLOCK);
    expect(attributes().spaceUsed).toBe(BLOCK);
  });

  it('zeros a range and keeps its room', () => {
    put(0, new Uint8Array(2 * BLOCK).fill(0x61));
    expect(fallocate(ZERO, 10, 3 * BLOCK)).toBe('OK');
    expect(attributes()).toMatchObject({ objectSize: 3 * BLOCK + 10, spaceUsed: 4 * BLOCK });
    expect(contents(9, 3)).toBe('a\0\0');
    expect(seek(BLOCK, DATA)).toBe('NXIO');
    expect(fallocate(ZERO | KEEP_SIZE, 0, 8 * BLOCK)).toBe('OK');
    expect(attributes().objectSize).toBe(3 * BLOCK + 10);
  });

  it('collapses and inserts', () => {
    const data = (letter: string, length: number) => letter.repeat(length);
    const whole = data('a', 4096) + data('b', BLOCK) + data('c', 4096) + data('d', 100);
    put(0, bytes(whole));
    expect(fallocate(COLLAPSE, 4096, BLOCK)).toBe('OK');
    expect(contents(0, 9000)).toBe(data('a', 4096) + data('c', 4096) + data('d', 100));
    expect(fallocate(INSERT, 4096, 4096)).toBe('OK');
    expect(contents(4095, 4098)).toBe(`a${'\0'.repeat(4096)}c`);
    expect(attributes().objectSize).toBe(3 * 4096 + 100);
    expect(fallocate(COLLAPSE, 4096, 2 * 4096 + 100)).toBe('INVAL');
    expect(fallocate(COLLAPSE, 0, 4 * 4096)).toBe('INVAL');
    expect(fallocate(INSERT, 4 * 4096, 4096)).toBe('INVAL');
    expect(fallocate(INSERT, 1, 4096)).toBe('INVAL');
    expect(fallocate(INSERT, 0, Math.floor((2 ** 53 - 1) / 4096) * 4096)).toBe('FBIG');
  });

  it('knows its errors', () => {
    expect(fallocate(PUNCH_HOLE, 0, 10)).toBe('NOTSUPP');
    expect(fallocate(ZERO | PUNCH_HOLE | KEEP_SIZE, 0, 10)).toBe('NOTSUPP');
    expect(fallocate(0x80, 0, 10)).toBe('NOTSUPP');
    expect(fallocate(0, 0, 0)).toBe('INVAL');
    expect(fallocate(0, 2 ** 53 - 10, 10)).toBe('FBIG');
  });

  it('moves the times, and takes the set-ID bits', () => {
    files.setAttributes(file.filehandle, { mode: 0o6777 });
    const before = attributes();
    files.actAs(7);
    expect(fallocate(KEEP_SIZE, 0, 10)).toBe('OK');
    files.actAsRoot();
    const { mode, change } = attributes();
    expect(mode).toBe(0o777);
    expect(change).toBeGreaterThan(before.change ?? 0n);
  });
});

describe('COPY', () => {
  it('copies to another file, holes as holes', () => {
    const target = files.create('target');
    put(0, new Uint8Array(6 * BLOCK).fill(0x78), target);
    files.write(file, BLOCK, 'data');
    files.write(file, 4 * BLOCK - 4, 'more');
    expect(copy(0, 100, 4 * BLOCK, target)).toBe(4 * BLOCK);
    expect(contents(99, 3, target)).toBe('x\0\0');
    expect(contents(BLOCK + 100, 4, target)).toBe('data');
    expect(contents(4 * BLOCK + 96, 5, target)).toBe('morex');
    expect(seek(0, DATA, target)).toBe(0);
    expect(seek(0, HOLE, target)).toBe(2 * BLOCK + 0);
  });

  it('copies within a file, but not onto itself', () => {
    files.write(file, 0, 'one two three');
    expect(copy(0, 20, 3)).toBe(3);
    expect(contents(0, 30)).toBe(`one two three${'\0'.repeat(7)}one`);
    expect(copy(0, 2, 3)).toBe('INVAL');
    expect(copy(2, 0, 3)).toBe('INVAL');
    expect(copy(0, 3, 3)).toBe(3);
  });

  it('ends where the source does, and with its holes', () => {
    const target = files.create('target');
    files.write(file, 0, 'data');
    files.setAttributes(file.filehandle, { objectSize: 2 * BLOCK });
    expect(copy(2, 0, 2 ** 40, target)).toBe(2 * BLOCK - 2);
    expect(files.attributes(target.filehandle).objectSize).toBe(2 * BLOCK - 2);
    expect(copy(2 * BLOCK, 0, 10, target)).toBe(0);
    expect(copy(2 ** 50, 0, 10, target)).toBe(0);
  });

  it('leaves off after a piece of a large range', () => {
    const target = files.create('target');
    files.setAttributes(file.filehandle, { objectSize: 2 ** 40 });
    const piece = new Uint8Array(8 * BLOCK).fill(1);
    for (let offset = 0; offset < 6 << 20; offset += piece.length) {
      put(offset, piece);
    }
    const count = copy(0, 0, 2 ** 40, target);
    expect(count).toBe(4 << 20);
    expect(copy(4 << 20, 4 << 20, 2 ** 40, target)).toBe(2 ** 40 - (4 << 20));
    expect(files.attributes(target.filehandle)).toMatchObject({ objectSize: 2 ** 40 });
    expect(seek(0, HOLE, target)).toBe(6 << 20);
  });

  it('goes no further than files go', () => {
    files.write(file, 0, bytes('data'));
    expect(copy(0, 2 ** 53 - 3, 4)).toBe('FBIG');
  });
});
