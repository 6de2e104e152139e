import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fletcher32 } from '../../../client/protocol/checksum.ts';
import { maxFileBytes } from '../../../server/store/index.ts';
import { anonymous, Files } from './support/files.ts';
import { bytes, TestServer, text } from './support/test-server.ts';

const ROOT = { uid: 0, gid: 0 };

let server: TestServer;
let files: Files;
beforeEach(() => {
  server = new TestServer();
  files = new Files(server.client({ peer: ROOT }));
});
afterEach(() => {
  expect(server.faults).toEqual([]);
  server.close();
});

const content = (file: ReturnType<Files['create']>): string =>
  text(files.read(file, 0, 1000).results.readData);

describe('an append', () => {
  it('goes to where the file ends, and tells that', () => {
    const file = files.create('file');
    expect(files.append(file, 'one').results).toMatchObject({ offset: 0, committed: 0 });
    files.write(file, 5, '!');
    expect(files.append(file, 'two').results).toMatchObject({ offset: 6, committed: 0 });
    expect(files.appendDirect(file, bytes('three')).results).toMatchObject({ offset: 9 });
    expect(content(file)).toBe('one\0\0!twothree');
  });

  it('is durable where that is asked for', () => {
    const file = files.create('file');
    expect(files.append(file, 'x', 1).results.committed).toBe(2);
    expect(files.appendDirect(file, bytes('x'), { stableHow: 2 }).results.committed).toBe(2);
  });

  it('of nothing changes nothing', () => {
    const file = files.create('file', { objectSize: 7 });
    const before = files.attributes(file.filehandle).change;
    expect(files.append(file, '').results.offset).toBe(7);
    expect(files.attributes(file.filehandle)).toMatchObject({ change: before, objectSize: 7 });
  });

  it('leaves nothing between those of others', () => {
    const other = new Files(server.client({ peer: ROOT }));
    const mine = files.create('file');
    const { stateId } = other.open('file').results;
    const theirs = { ...mine, stateId };
    const pieces = Array.from({ length: 40 }, (_, index) => `<${'x'.repeat(index * 7)}${index}>`);
    for (const [index, piece] of pieces.entries()) {
      const by = index % 2 === 0 ? { files, file: mine } : { files: other, file: theirs };
      const { status } =
        index % 3 === 0
          ? by.files.append(by.file, piece)
          : by.files.appendDirect(by.file, bytes(piece));
      expect(status).toBe('OK');
    }
    const whole = pieces.join('');
    const read = Array.from({ length: Math.ceil(whole.length / 1000) }, (_, index) =>
      text(files.read(mine, index * 1000, 1000).results.readData),
    );
    expect(read.join('')).toBe(whole);
  });

  it('needs the right to write', () => {
    const file = files.create('file', { mode: 0o604 });
    files.actAs(7);
    expect(files.append({ ...file, stateId: anonymous }, 'x').status).toBe('ACCES');
    expect(files.appendDirect({ ...file, stateId: anonymous }, bytes('x')).status).toBe('ACCES');
    expect(files.append({ filehandle: files.root, stateId: anonymous }, 'x').status).toBe('INVAL');
  });

  it('is refused as a whole', () => {
    const file = files.create('file', { objectSize: maxFileBytes - 2 });
    expect(files.append(file, 'abc').status).toBe('FBIG');
    expect(files.append(file, 'ab').status).toBe('OK');
    const small = files.create('small', { objectSize: 3 });
    const strange = { address: 0xdead_0000, byteCount: 100, handle: 1 };
    const rest = { writeDataBuffer: strange };
    expect(files.appendDirect(small, bytes('abc'), rest).status).toBe('INVAL');
    expect(files.attributes(small.filehandle).objectSize).toBe(3);
  });

  it('whose checksum is wrong is none', () => {
    const connection = server.client({ peer: ROOT, connect: { useChecksums: true } });
    const sealed = new Files(connection);
    const file = sealed.create('file', { objectSize: 3 });
    const data = bytes('data');
    const right = { directChecksum: fletcher32(data, true) };
    expect(sealed.appendDirect(file, data, { directChecksum: 1 }).status).toBe('CHKSUM');
    expect(sealed.attributes(file.filehandle).objectSize).toBe(3);
    expect(sealed.appendDirect(file, data, right).results.offset).toBe(3);
  });
});
