import { constants } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { FileClient } from '../../../client/file-client.ts';
import { PathFiles } from '../../../client/path-files.ts';
import { ObjectType } from '../../../client/protocol/index.ts';
import { Session } from '../../../client/session.ts';
import { Workspace } from '../../support/workspace.ts';

const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_DIRECTORY } = constants;

let workspace: Workspace;
let socket: string;
let session: Session;
let paths: PathFiles;
let made = 0;

beforeAll(async () => {
  workspace = Workspace.create();
  const { name } = await workspace.startServer();
  socket = join(workspace.runtimeDirectory, 'dafs', `${name}.fabric`);
}, 60_000);

beforeEach(() => {
  session = Session.connect(socket);
  paths = new PathFiles(new FileClient(session));
  made += 1;
  paths.mkdir(`/case-${made}`);
  paths.chdir(`/case-${made}`);
});

afterEach(() => {
  paths.closeAll();
  session.close();
});

afterAll(async () => {
  await workspace.dispose();
}, 60_000);

function put(path: string, content: string): void {
  const descriptor = paths.open(path, O_WRONLY | O_CREAT | O_TRUNC);
  paths.write(descriptor, Buffer.from(content));
  paths.close(descriptor);
}

function get(path: string): string {
  const descriptor = paths.open(path, O_RDONLY);
  const into = new Uint8Array(1000);
  const bytes = paths.read(descriptor, into);
  paths.close(descriptor);
  return Buffer.from(into.subarray(0, bytes)).toString();
}

function failsWith(errno: string, body: () => unknown): void {
  expect(body).toThrow(expect.objectContaining({ errno }));
}

test('reads and writes move the offset, given positions do not', () => {
  const descriptor = paths.open('a', O_RDWR | O_CREAT);
  expect(paths.write(descriptor, Buffer.from('hello'))).toBe(5);
  expect(paths.write(descriptor, Buffer.from('J'), 0)).toBe(1);
  expect(paths.write(descriptor, Buffer.from('!'))).toBe(1);
  expect(paths.seek(descriptor, -3, 'end')).toBe(3);
  const into = new Uint8Array(10);
  expect(paths.read(descriptor, into)).toBe(3);
  expect(get('a')).toBe('Jello!');
  failsWith('EINVAL', () => paths.seek(descriptor, -1, 'start'));
  failsWith('EINVAL', () => paths.read(descriptor, into, -1));
  failsWith('EFBIG', () => paths.write(descriptor, into, 2 ** 60));
});

test('descriptors are numbered from the lowest free one and forgotten when closed', () => {
  put('a', '');
  const [first, second] = [paths.open('a', O_RDONLY), paths.open('a', O_RDONLY)];
  expect([first, second]).toEqual([3, 4]);
  paths.close(first);
  expect(paths.duplicate(second)).toBe(3);
  failsWith('EBADF', () => paths.close(5));
});

test('symbolic links are followed where POSIX follows them', () => {
  paths.mkdir('d');
  put('d/a', 'through');
  paths.symlink('d', 'here');
  paths.symlink('../case-x/../here/a', 'd/link');
  paths.symlink(`/case-${made}/d/a`, 'absolute');
  expect(get('here/a')).toBe('through');
  expect(get('absolute')).toBe('through');
  expect(paths.lstat('absolute').type).toBe(ObjectType.DAFS_TYPE_LNK);
  failsWith('ENOENT', () => paths.stat('d/link'));
  paths.symlink('loop', 'loop');
  failsWith('ELOOP', () => paths.stat('loop'));
  failsWith('ELOOP', () => paths.open('loop/a', O_RDONLY));
});

test('a link that dangles is where O_CREAT makes the file, unless O_EXCL forbids it', () => {
  paths.mkdir('d');
  paths.symlink('d/new', 'link');
  failsWith('EEXIST', () => paths.open('link', O_WRONLY | O_CREAT | O_EXCL));
  put('link', 'x');
  expect(get('d/new')).toBe('x');
});

test('the umask, the working directory and the acting user count', () => {
  expect(paths.umask(0o077)).toBe(0o022);
  paths.mkdir('private');
  expect(paths.stat('private').mode).toBe(0o700);
  paths.chdir('private');
  put('a', 'x');
  paths.chdir('..');
  expect(get('private/a')).toBe('x');
  const somebody = session.registerCredential(65_533, 65_533);
  paths.actAs(somebody, () => {
    failsWith('EACCES', () => paths.stat('private/a'));
    failsWith('EACCES', () => paths.access('private', 'read'));
  });
  paths.access('private', 'read', 'write', 'execute');
});

test('appending goes to the end', () => {
  put('a', 'one');
  const descriptor = paths.open('a', O_WRONLY | O_APPEND);
  paths.write(descriptor, Buffer.from('two'), 0);
  expect(get('a')).toBe('onetwo');
});

test('a directory is listed, opened, and refuses what files allow', () => {
  put('a', '');
  paths.mkdir('d');
  // Cookies are hashes: no order is promised.
  const listed = paths.readdir('.').map(({ name }) => Buffer.from(name).toString());
  expect(listed.sort()).toEqual(['a', 'd']);
  const descriptor = paths.open('d', O_RDONLY | O_DIRECTORY);
  expect(paths.readEntries(descriptor).map(({ name }) => Buffer.from(name).toString())).toEqual([
    '.',
    '..',
  ]);
  failsWith('EISDIR', () => paths.read(descriptor, new Uint8Array(1)));
  failsWith('EISDIR', () => paths.open('d', O_WRONLY));
  failsWith('ENOTDIR', () => paths.open('a', O_RDONLY | O_DIRECTORY));
  failsWith('ENOTEMPTY', () => paths.rmdir('d/..'));
  paths.fsync(descriptor);
});

test('a file survives its name while it is open, and a directory tells that it is gone', () => {
  put('a', 'still here');
  paths.mkdir('d');
  const [file, directory] = [paths.open('a', O_RDONLY), paths.open('d', O_RDONLY)];
  paths.unlink('a');
  paths.rmdir('d');
  const into = new Uint8Array(10);
  expect(paths.read(file, into)).toBe(10);
  expect(paths.fstat(file).links).toBe(0);
  expect(paths.fstat(directory).links).toBe(0);
  failsWith('ENOENT', () => paths.readEntries(directory));
  failsWith('ENOENT', () => paths.open('x', O_WRONLY | O_CREAT, 0o600, directory));
});

test('paths that cannot be are refused as the kernel refuses them', () => {
  put('a', '');
  for (const [errno, path] of [
    ['ENOENT', ''],
    ['ENOTDIR', 'a/'],
    ['ENOTDIR', 'a/b'],
    ['ENAMETOOLONG', 'n'.repeat(256)],
    ['ENAMETOOLONG', '/n'.repeat(2048)],
    ['EINVAL', 'a\0b'],
  ] as const) {
    failsWith(errno, () => paths.stat(path));
  }
  failsWith('EEXIST', () => paths.mkdir('/'));
  failsWith('EBUSY', () => paths.rename('/', 'x'));
  failsWith('EINVAL', () => paths.rmdir('.'));
});
