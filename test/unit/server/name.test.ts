import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FileAttributes } from '../../../client/protocol/attributes.ts';
import { RemoveModeExtension } from '../../../client/protocol/extensions.ts';
import type { ArgumentsOf } from '../../../client/protocol/operations.ts';
import type { Filehandle } from '../../../client/protocol/types.ts';
import { Files } from './support/files.ts';
import { bytes, TestServer, text } from './support/test-server.ts';

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

const create = (
  name: string,
  what: ArgumentsOf<'CREATE'>['create'],
  attr: FileAttributes = {},
  filehandle = files.root,
) => files.connection.call('CREATE', { filehandle, component: bytes(name), create: what, attr });

const link = (source: Filehandle, name: string, directory = files.root) =>
  files.connection.call('LINK', {
    sourceObject: source,
    destinationObject: directory,
    newname: bytes(name),
  });

describe('LOOKUP', () => {
  it('finds any name of any bytes', () => {
    for (const name of ['a', 'ä ö', '\xff\xfe\x01', 'x'.repeat(255)]) {
      const handle = files.mkdir(name);
      const found = files.lookup(name);
      expect(found.status).toBe('OK');
      expect(found.results.filehandle).toEqual(handle);
    }
  });

  it('tells how far it came', () => {
    const one = files.mkdir('one');
    files.mkdir('two', 0o755, one);
    expect(files.lookup('one/two').results.componentCount).toBe(2);
    const failed = files.lookup('one/three/four');
    expect(failed.status).toBe('NOENT');
    expect(failed.results).toEqual({ filehandle: one, componentCount: 1 });
    const nothing = files.lookup('none');
    expect(nothing.results.componentCount).toBe(0);
    expect(nothing.results.filehandle.every((byte) => byte === 0)).toBe(true);
  });

  it('follows no links', () => {
    const { filehandle } = create('link', { objType: 5, linkdata: bytes('target') }).results;
    expect(files.lookup('link').results.filehandle).toEqual(filehandle);
    const below = files.lookup('link/below');
    expect(below.status).toBe('SYMLINK');
    expect(below.results).toEqual({ filehandle, componentCount: 1 });
    expect(files.lookup('x', filehandle).status).toBe('SYMLINK');
    const file = files.create('file');
    expect(files.lookup('x', file.filehandle).status).toBe('NOTDIR');
  });

  it('refuses empty paths and names, and names that are too long', () => {
    expect(files.lookup('').status).toBe('INVAL');
    expect(files.lookup('a//b').status).toBe('INVAL');
    expect(files.connection.call('LOOKUP', { directory: files.root, path: [] }).status).toBe(
      'INVAL',
    );
    expect(files.lookup('x'.repeat(256)).status).toBe('NAMETOOLONG');
  });

  it('needs permission to search every directory on the way', () => {
    const closed = files.mkdir('closed', 0o700);
    files.mkdir('open', 0o755, closed);
    files.actAs(7);
    expect(files.lookup('closed').status).toBe('OK');
    expect(files.lookup('closed/open').status).toBe('ACCES');
    expect(files.lookup('open', closed).status).toBe('ACCES');
  });
});

describe('LOOKUPP', () => {
  it('finds the parent, and none of the root', () => {
    const one = files.mkdir('one');
    const two = files.mkdir('two', 0o755, one);
    const parent = (filehandle: Filehandle) => files.connection.call('LOOKUPP', { filehandle });
    expect(parent(two).results.filehandle).toEqual(one);
    expect(parent(one).results.filehandle).toEqual(files.root);
    expect(parent(files.root).status).toBe('NOENT');
    expect(parent(files.create('file').filehandle).status).toBe('NOTDIR');
  });
});

describe('filehandles', () => {
  const status = (filehandle: Uint8Array) =>
    files.connection.call('GETATTR_INLINE', {
      filehandle: filehandle as Filehandle,
      attrRequestBitmap: 0,
    }).status;
  const changed = (position: number, value: number) => {
    const handle = files.root.slice();
    handle[position] = value;
    return status(handle);
  };

  it('of another file system or no file are stale, others are bad', () => {
    expect(status(files.root)).toBe('OK');
    expect(changed(0, (files.root[0] as number) ^ 1)).toBe('STALE');
    expect(changed(23, 99)).toBe('STALE');
    expect(changed(16, 1)).toBe('BADHANDLE');
    expect(changed(24, 1)).toBe('BADHANDLE');
    expect(changed(63, 1)).toBe('BADHANDLE');
  });
});

describe('CREATE', () => {
  it.each([
    ['a directory', { objType: 2 }, 0o700],
    ['a block device', { objType: 3, specdata: { specdata1: 8, specdata2: 1 } }, 0o600],
    ['a character device', { objType: 4, specdata: { specdata1: 1, specdata2: 3 } }, 0o600],
    ['a link', { objType: 5, linkdata: bytes('target') }, 0o777],
    ['a socket', { objType: 6 }, 0o600],
    ['a FIFO', { objType: 7 }, 0o600],
  ] as const)('makes %s', (_what, description, mode) => {
    const { status, results } = create('new', description as ArgumentsOf<'CREATE'>['create']);
    expect(status).toBe('OK');
    const attributes = files.attributes(results.filehandle);
    expect(attributes).toMatchObject({ objectType: description.objType, mode, owner: '0' });
    if ('specdata' in description) {
      expect(attributes.rawDev).toEqual(description.specdata);
    }
    expect(results.changeInfo.after).toBe(files.attributes(files.root).change);
  });

  it('honours mode and times for every type, and nothing else', () => {
    const time = { seconds: 12, nseconds: 34 };
    const timeModifySet = { how: 2, clientTime: time } as const;
    const { results } = create('fifo', { objType: 7 }, { mode: 0o4751, timeModifySet });
    expect(files.attributes(results.filehandle)).toMatchObject({
      mode: 0o4751,
      timeModify: time,
    });
    expect(create('other', { objType: 7 }, { owner: '5' }).status).toBe('INVAL');
    expect(create('other', { objType: 7 }, { objectSize: 5 }).status).toBe('INVAL');
    expect(files.lookup('other').status).toBe('NOENT');
  });

  it('refuses what exists, what is no type to create and what is no name', () => {
    files.mkdir('there');
    expect(create('there', { objType: 7 }).status).toBe('EXIST');
    for (const objType of [0, 1, 8, 9] as const) {
      expect(create('new', { objType }).status).toBe('BADTYPE');
    }
    expect(create('', { objType: 2 }).status).toBe('INVAL');
    expect(create('.', { objType: 2 }).status).toBe('INVAL');
    expect(create('..', { objType: 2 }).status).toBe('INVAL');
    expect(create('a/b', { objType: 2 }).status).toBe('INVAL');
    expect(create('x'.repeat(256), { objType: 2 }).status).toBe('NAMETOOLONG');
    const file = files.create('file').filehandle;
    expect(create('new', { objType: 2 }, {}, file).status).toBe('NOTDIR');
  });

  it('leaves devices to the superuser', () => {
    const directory = files.mkdir('directory', 0o777);
    files.actAs(7);
    const specdata = { specdata1: 8, specdata2: 0 };
    expect(create('disk', { objType: 3, specdata }, {}, directory).status).toBe('PERM');
    expect(create('tty', { objType: 4, specdata }, {}, directory).status).toBe('PERM');
    expect(create('fifo', { objType: 7 }, {}, directory).status).toBe('OK');
  });

  it('passes the group of a setgid directory on', () => {
    const directory = files.mkdir('directory', 0o2777);
    files.setAttributes(directory, { ownerGroup: '55' });
    files.actAs(7, 8);
    const made = create('inner', { objType: 2 }, { mode: 0o755 }, directory).results.filehandle;
    expect(files.attributes(made)).toMatchObject({ mode: 0o2755, owner: '7', ownerGroup: '55' });
  });

  it('needs permission to write the directory, but says EXIST first', () => {
    files.mkdir('there');
    files.actAs(7);
    expect(create('new', { objType: 2 }).status).toBe('ACCES');
    expect(create('there', { objType: 2 }).status).toBe('EXIST');
  });
});

describe('LINK', () => {
  it('gives a file another name', () => {
    const file = files.create('file');
    const { status, results } = link(file.filehandle, 'other');
    expect(status).toBe('OK');
    expect(results.changeInfo.atomic).toBe(true);
    expect(files.lookup('other').results.filehandle).toEqual(file.filehandle);
    expect(files.attributes(file.filehandle).numLinks).toBe(2);
    files.remove('file');
    expect(files.attributes(file.filehandle).numLinks).toBe(1);
  });

  it('but not a directory, nor a file without a name', () => {
    expect(link(files.mkdir('directory'), 'other').status).toBe('ISDIR');
    const file = files.create('file');
    expect(link(file.filehandle, 'directory').status).toBe('EXIST');
    files.remove('file');
    expect(link(file.filehandle, 'other').status).toBe('NOENT');
  });
});

describe('REMOVE', () => {
  it('removes files and empty directories', () => {
    const directory = files.mkdir('directory');
    files.create('file', {}, directory);
    expect(files.remove('directory')).toBe('NOTEMPTY');
    expect(files.remove('file', 0, directory)).toBe('OK');
    expect(files.remove('directory')).toBe('OK');
    expect(files.remove('directory')).toBe('NOENT');
    expect(files.remove('')).toBe('INVAL');
  });

  it('removes only files, or only directories, as an extension', () => {
    files.mkdir('directory');
    files.create('file');
    expect(files.remove('directory', RemoveModeExtension.REMOVE_FILE)).toBe('ISDIR');
    expect(files.remove('file', RemoveModeExtension.REMOVE_DIRECTORY)).toBe('NOTDIR');
    expect(files.remove('file', RemoveModeExtension.REMOVE_FILE)).toBe('OK');
    expect(files.remove('directory', RemoveModeExtension.REMOVE_DIRECTORY)).toBe('OK');
    files.create('file');
    expect(files.remove('file', 2)).toBe('INVAL');
  });

  it('obeys the sticky bit', () => {
    const directory = files.mkdir('tmp', 0o1777);
    files.actAs(7);
    files.create('mine', {}, directory);
    files.actAs(8);
    expect(files.remove('mine', 0, directory)).toBe('PERM');
    expect(files.rename('mine', 'yours', directory, directory)).toBe('PERM');
    files.actAs(7);
    expect(files.rename('mine', 'still mine', directory, directory)).toBe('OK');
    expect(files.remove('still mine', 0, directory)).toBe('OK');
  });

  it('leaves a directory in which nothing can be made', () => {
    const directory = files.mkdir('directory');
    files.remove('directory');
    expect(['STALE', 'NOENT']).toContain(create('x', { objType: 2 }, {}, directory).status);
  });
});

describe('READLINK', () => {
  it('gives a link’s contents, inline or direct', () => {
    const target = `some/${'where/'.repeat(100)}\xff`;
    const { filehandle } = create('link', { objType: 5, linkdata: bytes(target) }).results;
    const inline = files.connection.call('READLINK_INLINE', { filehandle });
    expect(text(inline.results.link)).toBe(target);
    const memory = new Uint8Array(1000);
    const buffer = files.connection.remoteMemory.register(memory);
    const direct = files.connection.call('READLINK_DIRECT', { filehandle, buffer });
    expect(direct.status).toBe('OK');
    expect(new DataView(memory.buffer).getUint32(0, true)).toBe(target.length);
    expect(text(memory.subarray(4, 4 + target.length))).toBe(target);
    const small = { ...buffer, byteCount: 100 };
    expect(files.connection.call('READLINK_DIRECT', { filehandle, buffer: small }).status).toBe(
      'TOOSMALL',
    );
  });

  it('is for links', () => {
    const { filehandle } = files.create('file');
    expect(files.connection.call('READLINK_INLINE', { filehandle }).status).toBe('INVAL');
  });
});
