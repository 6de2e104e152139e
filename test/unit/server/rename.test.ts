import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Filehandle } from '../../../client/protocol/types.ts';
import { Files } from './support/files.ts';
import { bytes, TestServer } from './support/test-server.ts';

const NOREPLACE = 1;
const EXCHANGE = 2;

let server: TestServer;
let files: Files;
beforeEach(() => {
  server = new TestServer();
  files = new Files(server.client({ peer: { uid: 0, gid: 0 } }));
  files.connection.call('EXTENSIONS', { wanted: [3] });
});
afterEach(() => {
  expect(server.faults).toEqual([]);
  server.close();
});

const link = (source: Filehandle, name: string, directory = files.root) =>
  files.connection.call('LINK', {
    sourceObject: source,
    destinationObject: directory,
    newname: bytes(name),
  });

const rename2 = (
  oldname: string,
  newname: string,
  flags: number,
  sourcedir = files.root,
  targetdir = files.root,
) =>
  files.connection.call('RENAME2', {
    sourcedir,
    targetdir,
    oldname: bytes(oldname),
    newname: bytes(newname),
    flags,
  });

describe('RENAME', () => {
  it('moves a name and replaces what is in its place', () => {
    const directory = files.mkdir('directory');
    const file = files.create('file');
    files.create('target', {}, directory);
    expect(files.rename('file', 'target', files.root, directory)).toBe('OK');
    expect(files.lookup('file').status).toBe('NOENT');
    expect(files.lookup('directory/target').results.filehandle).toEqual(file.filehandle);
  });

  it('replaces only what is alike and empty', () => {
    const full = files.mkdir('full');
    files.mkdir('empty');
    files.create('inside', {}, full);
    files.create('file');
    expect(files.rename('empty', 'full')).toBe('NOTEMPTY');
    expect(files.rename('empty', 'file')).toBe('NOTDIR');
    expect(files.rename('file', 'empty')).toBe('ISDIR');
    expect(files.rename('full', 'empty')).toBe('OK');
  });

  it('moves no directory into itself', () => {
    const outer = files.mkdir('outer');
    files.mkdir('inner', 0o755, outer);
    expect(
      files.rename('outer', 'x', files.root, files.lookup('outer/inner').results.filehandle),
    ).toBe('INVAL');
  });

  it('does nothing when both names are of one file', () => {
    const file = files.create('file');
    link(file.filehandle, 'other');
    expect(files.rename('file', 'other')).toBe('OK');
    expect(files.lookup('file').status).toBe('OK');
    expect(files.attributes(file.filehandle).numLinks).toBe(2);
  });

  it('of a directory to another parent needs permission to write the directory itself', () => {
    const mine = files.mkdir('mine', 0o777);
    const yours = files.mkdir('yours', 0o777);
    files.mkdir('moved', 0o755, mine);
    files.actAs(7);
    expect(files.rename('moved', 'moved', mine, yours)).toBe('ACCES');
    expect(files.rename('moved', 'other', mine, mine)).toBe('OK');
  });

  it('knows its errors', () => {
    files.create('file');
    expect(files.rename('none', 'other')).toBe('NOENT');
    expect(files.rename('file', '')).toBe('INVAL');
    expect(files.rename('file', 'x'.repeat(256))).toBe('NAMETOOLONG');
    expect(files.rename('file', 'x', files.root, files.create('a').filehandle)).toBe('NOTDIR');
  });
});

describe('RENAME2', () => {
  it('is an extension', () => {
    const plain = new Files(server.client({ peer: { uid: 0, gid: 0 } }));
    const names = { oldname: bytes('a'), newname: bytes('b') };
    const directories = { sourcedir: plain.root, targetdir: plain.root };
    const answer = plain.connection.call('RENAME2', { ...directories, ...names, flags: 0 });
    expect(answer.status).toBe('NOTSUPP');
  });

  it('without flags is RENAME', () => {
    const { filehandle } = files.create('a');
    files.create('b');
    expect(rename2('a', 'b', 0).status).toBe('OK');
    expect(files.lookup('b').results.filehandle).toEqual(filehandle);
  });

  it('with NOREPLACE takes only a name that is free', () => {
    const { filehandle } = files.create('a');
    files.create('b');
    expect(rename2('a', 'b', NOREPLACE).status).toBe('EXIST');
    expect(rename2('a', 'a', NOREPLACE).status).toBe('EXIST');
    expect(rename2('a', 'c', NOREPLACE).status).toBe('OK');
    expect(files.lookup('c').results.filehandle).toEqual(filehandle);
  });

  it('with EXCHANGE swaps objects of any kind and tells both directories', () => {
    const left = files.mkdir('left');
    const right = files.mkdir('right');
    const file = files.create('file', {}, left);
    const directory = files.mkdir('directory', 0o755, right);
    const { status, results } = rename2('file', 'directory', EXCHANGE, left, right);
    expect(status).toBe('OK');
    expect(results.source.after).toBeGreaterThan(results.source.before);
    expect(results.target.after).toBeGreaterThan(results.target.before);
    expect(files.lookup('left/file').results.filehandle).toEqual(directory);
    expect(files.lookup('right/directory').results.filehandle).toEqual(file.filehandle);
    expect(files.attributes(left).numLinks).toBe(3);
    expect(files.attributes(right).numLinks).toBe(2);
    const parent = files.connection.call('LOOKUPP', { filehandle: directory });
    expect(parent.results.filehandle).toEqual(left);
  });

  it('with EXCHANGE keeps full directories, and refuses to put one into itself', () => {
    const outer = files.mkdir('outer');
    files.mkdir('inner', 0o755, outer);
    files.create('file');
    expect(rename2('outer', 'inner', EXCHANGE, files.root, outer).status).toBe('INVAL');
    expect(rename2('inner', 'outer', EXCHANGE, outer, files.root).status).toBe('INVAL');
    expect(rename2('outer', 'file', EXCHANGE).status).toBe('OK');
    expect(files.lookup('file/inner').status).toBe('OK');
  });

  it('knows its errors', () => {
    files.create('a');
    files.create('b');
    expect(rename2('a', 'none', EXCHANGE).status).toBe('NOENT');
    expect(rename2('none', 'a', EXCHANGE).status).toBe('NOENT');
    expect(rename2('a', 'b', NOREPLACE | EXCHANGE).status).toBe('INVAL');
    expect(rename2('a', 'b', 4 | EXCHANGE).status).toBe('INVAL');
    expect(rename2('a', 'b', 8).status).toBe('INVAL');
    files.actAs(7);
    expect(rename2('a', 'b', NOREPLACE).status).toBe('EXIST');
    expect(rename2('a', 'b', EXCHANGE).status).toBe('ACCES');
  });
});
