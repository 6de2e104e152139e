import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  Extension,
  InodeFlag,
  OPEN_SHARE_ACCESS_APPEND,
} from '../../../client/protocol/extensions.ts';
import type { Filehandle } from '../../../client/protocol/types.ts';
import { anonymous, Files, guarded, unchecked } from './support/files.ts';
import { bytes, TestServer } from './support/test-server.ts';

const { IMMUTABLE, APPEND, NODUMP, NOATIME } = InodeFlag;
const ALICE = 4001;
const APPENDING = 2 | OPEN_SHARE_ACCESS_APPEND;

let server: TestServer;
let files: Files;
let file: Filehandle;
let directory: Filehandle;
beforeEach(() => {
  server = new TestServer();
  files = new Files(server.client({ peer: { uid: 0, gid: 0 }, connect: { maxCredentials: 8 } }));
  files.connection.call('EXTENSIONS', { wanted: [Extension.XATTR] });
  file = files.create('file', { mode: 0o666 }).filehandle.slice() as Filehandle;
  directory = files.mkdir('directory', 0o777).slice() as Filehandle;
});
afterEach(() => {
  expect(server.faults).toEqual([]);
  server.close();
});

const setFlags = (inodeFlags: number, filehandle = file) =>
  files.setAttributes(filehandle, { inodeFlags }).status;
const flagsOf = (filehandle: Filehandle) =>
  server.store.inode(server.service.filehandles.inode(filehandle).id)?.flags;
const contents = () => ({ filehandle: file, stateId: anonymous });
const toClient = { how: 2, clientTime: { seconds: 5, nseconds: 0 } } as const;
const toServer = { how: 1, clientTime: { seconds: 0, nseconds: 0 } } as const;

describe('INODE_FLAGS', () => {
  it('are set, told and taken off', () => {
    expect(setFlags(NODUMP | IMMUTABLE)).toBe('OK');
    const { results } = files.connection.call('GETATTR_INLINE', {
      filehandle: file,
      attrRequestBitmap: 2 ** 29,
    });
    expect(results.objAttributes.inodeFlags).toBe(NODUMP | IMMUTABLE);
    expect(setFlags(0)).toBe('OK');
    expect(flagsOf(file)).toBe(0);
  });

  it('are those four, and those of files and directories', () => {
    expect(setFlags(0x80000)).toBe('NOTSUPP');
    const { results } = files.connection.call('CREATE', {
      filehandle: files.root,
      component: bytes('fifo'),
      create: { objType: 7 },
      attr: { mode: 0o666 },
    });
    expect(setFlags(NODUMP, results.filehandle)).toBe('NOTSUPP');
    expect(setFlags(APPEND, directory)).toBe('OK');
  });

  it('are the owner’s, save those that forbid', () => {
    files.setAttributes(file, { owner: String(ALICE) });
    files.actAs(ALICE);
    expect(setFlags(NOATIME)).toBe('OK');
    expect(setFlags(IMMUTABLE | NOATIME)).toBe('PERM');
    files.actAs(7);
    expect(setFlags(0)).toBe('PERM');
    files.actAsRoot();
    setFlags(APPEND | NOATIME);
    files.actAs(ALICE);
    expect(setFlags(APPEND)).toBe('OK');
    expect(setFlags(0)).toBe('PERM');
  });

  it('are handed down as far as they forbid nothing', () => {
    setFlags(APPEND | NODUMP | NOATIME, directory);
    const inner = files.create('inner', {}, directory).filehandle;
    expect(flagsOf(inner)).toBe(NODUMP | NOATIME);
  });
});

describe('an immutable file', () => {
  it('is not changed by anybody', () => {
    const { stateId } = files.open('file').results;
    setFlags(IMMUTABLE);
    expect(files.read(contents(), 0, 10).status).toBe('OK');
    expect(files.write({ filehandle: file, stateId }, 0, 'x').status).toBe('PERM');
    expect(files.write(contents(), 0, 'x').status).toBe('PERM');
    for (const change of [
      { objectSize: 1 },
      { mode: 0o600 },
      { owner: '7' },
      { timeModifySet: toClient },
      { timeAccessSet: toServer, timeModifySet: toServer },
    ]) {
      expect(files.setAttributes(file, change).status).toBe('PERM');
    }
    expect(files.open('file', { shareAccess: 2 }).status).toBe('PERM');
    expect(files.open('file', { shareAccess: APPENDING }).status).toBe('PERM');
    expect(files.open('file', { shareAccess: 1 }).status).toBe('OK');
    expect(files.remove('file')).toBe('PERM');
    expect(files.rename('file', 'other')).toBe('PERM');
    const named = { sourceObject: file, destinationObject: files.root, newname: bytes('link') };
    expect(files.connection.call('LINK', named).status).toBe('PERM');
    const attribute = { filehandle: file, option: 0, name: bytes('user.a'), value: bytes('x') };
    expect(files.connection.call('SETXATTR_INLINE', { ...attribute, option: 0 }).status).toBe(
      'PERM',
    );
  });

  it('gives the right to write to nobody', () => {
    setFlags(IMMUTABLE);
    const { results } = files.connection.call('ACCESS', { filehandle: file, access: 0x0d });
    expect(results).toEqual({ supported: 0x0d, access: 0x01 });
  });
});

describe('an append-only file', () => {
  it('is opened by who says that he appends', () => {
    setFlags(APPEND);
    expect(files.open('file', { shareAccess: 2 }).status).toBe('PERM');
    expect(files.open('file', { shareAccess: 1 }).status).toBe('OK');
    const { status, results } = files.open('file', { shareAccess: APPENDING });
    expect(status).toBe('OK');
    expect(files.write({ filehandle: file, stateId: results.stateId }, 0, 'x').status).toBe('OK');
    expect(files.write(contents(), 1, 'x').status).toBe('PERM');
    const truncating = { shareAccess: APPENDING, open: unchecked({ objectSize: 0 }) };
    expect(files.open('file', truncating).status).toBe('PERM');
    expect(files.setAttributes(file, { objectSize: 5 }).status).toBe('PERM');
    const touch = { timeAccessSet: toServer, timeModifySet: toServer };
    expect(files.setAttributes(file, touch).status).toBe('OK');
  });

  it('asks nothing of who opens another file for appending', () => {
    expect(files.open('file', { shareAccess: APPENDING }).status).toBe('OK');
    expect(files.open('new', { shareAccess: APPENDING, open: guarded() }).status).toBe('OK');
    expect(files.open('file', { shareAccess: OPEN_SHARE_ACCESS_APPEND }).status).toBe('INVAL');
  });
});

describe('a directory', () => {
  it('that is immutable neither gets nor loses names', () => {
    files.create('old', {}, directory);
    setFlags(IMMUTABLE, directory);
    expect(files.open('new', { open: guarded() }, directory).status).toBe('PERM');
    expect(files.remove('old', 0, directory)).toBe('PERM');
    expect(files.rename('old', 'new', directory)).toBe('PERM');
    expect(files.rename('file', 'new', files.root, directory)).toBe('PERM');
  });

  it('that is append-only gets names and keeps them', () => {
    files.create('old', {}, directory);
    setFlags(APPEND, directory);
    expect(files.open('new', { open: guarded() }, directory).status).toBe('OK');
    expect(files.rename('file', 'moved', files.root, directory)).toBe('OK');
    expect(files.remove('old', 0, directory)).toBe('PERM');
    expect(files.rename('old', 'new2', directory)).toBe('PERM');
    expect(files.rename('directory', 'other')).toBe('PERM');
  });
});

describe('noatime', () => {
  it('lets reading leave no trace', () => {
    files.write(contents(), 0, 'abc');
    files.setAttributes(file, { timeAccessSet: toClient, inodeFlags: NOATIME });
    files.read(contents(), 0, 3);
    expect(files.attributes(file).timeAccess).toEqual(toClient.clientTime);
    setFlags(0);
    files.read(contents(), 0, 3);
    expect(files.attributes(file).timeAccess?.seconds).toBeGreaterThan(5);
  });
});
