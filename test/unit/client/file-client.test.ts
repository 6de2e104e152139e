import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { FileClient } from '../../../client/file-client.ts';
import {
  AccessRight,
  ANONYMOUS_STATE_ID,
  Extension,
  ObjectType,
  StableHow,
} from '../../../client/protocol/index.ts';
import { Session } from '../../../client/session.ts';
import { createClientIdentity, type SessionOptions } from '../../../client/session-options.ts';
import { isRoot } from '../../support/machine.ts';
import { type ServerProcess, Workspace } from '../../support/workspace.ts';

const ALICE = { uid: 1001, gid: 2001 };
const BOB = { uid: 1002, gid: 2002 };

let workspace: Workspace;
let server: ServerProcess;
let made = 0;
const sessions: Session[] = [];

beforeAll(async () => {
  workspace = Workspace.create();
  server = await workspace.startServer({ name: 'files' });
}, 60_000);

afterEach(() => {
  for (const session of sessions.splice(0)) session.close();
});

afterAll(async () => {
  await workspace.dispose();
}, 60_000);

function socketOf({ name }: ServerProcess): string {
  return join(workspace.runtimeDirectory, 'dafs', `${name}.fabric`);
}

function connect(options: SessionOptions = {}, to: ServerProcess = server): FileClient {
  const session = Session.connect(socketOf(to), options);
  sessions.push(session);
  return new FileClient(session);
}

/** A directory of the test's own. */
function directory(files: FileClient, mode = 0o777) {
  made += 1;
  return files.mkdir(files.root, name(`test-${made}`), mode);
}

function name(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function failsWith(errno: string, body: () => unknown): void {
  expect(body).toThrow(expect.objectContaining({ errno }));
}

const CREATE = { mode: 'guarded', attributes: { mode: 0o644 } } as const;

test('a file is created, written, committed, read, and closed', () => {
  const files = connect();
  const here = directory(files);
  const file = files.open(here, name('a'), 'both', CREATE);
  const written = files.write(file, 0, name('hello, world'));
  expect(written.bytes).toBe(12);
  expect(files.commit(file.handle)).toBe(written.verifier);
  const into = new Uint8Array(100);
  expect(files.read(file, 7, into)).toBe(5);
  expect(text(into.subarray(0, 5))).toBe('world');
  files.close(file);
  expect(files.getattr(file.handle)).toMatchObject({
    type: ObjectType.DAFS_TYPE_REG,
    mode: 0o644,
    sizeBytes: 12,
    links: 1,
  });
  failsWith('EBADF', () => files.close(file));
}, 60_000);

test('the ways to create: unchecked, guarded, exclusive', () => {
  const files = connect();
  const here = directory(files);
  const unchecked = (attributes: object) => {
    const file = files.open(here, name('a'), 'both', { mode: 'unchecked', attributes });
    files.close(file);
    return file;
  };
  const first = unchecked({ mode: 0o600 });
  files.write({ ...first, stateId: ANONYMOUS_STATE_ID }, 0, name('kept'));
  expect(Buffer.compare(unchecked({ mode: 0o777 }).handle, first.handle)).toBe(0);
  expect(files.getattr(first.handle)).toMatchObject({ mode: 0o600, sizeBytes: 4 });
  unchecked({ sizeBytes: 0 });
  expect(files.getattr(first.handle).sizeBytes).toBe(0);
  failsWith('EEXIST', () => files.open(here, name('a'), 'read', CREATE));
  const verifier = 12345n as never;
  const exclusive = files.open(here, name('b'), 'both', { mode: 'exclusive', verifier });
  const again = files.open(here, name('b'), 'both', { mode: 'exclusive', verifier });
  expect(Buffer.compare(exclusive.handle, again.handle)).toBe(0);
  const other = { mode: 'exclusive', verifier: 9n as never } as const;
  failsWith('EEXIST', () => files.open(here, name('b'), 'both', other));
}, 60_000);

test('a file known by its handle is opened, downgraded, and used with what is left', () => {
  const files = connect();
  const here = directory(files);
  const file = files.open(here, name('a'), 'both', CREATE);
  const second = files.openHandle(file.handle, 'both');
  expect(second.stateId).not.toBe(file.stateId);
  files.downgrade(second, 'read');
  expect(files.read(second, 0, new Uint8Array(1))).toBe(0);
  expect(() => files.write(second, 0, name('x'))).toThrow();
  files.write(file, 0, name('x'));
  files.close(second);
  files.close(file);
}, 60_000);

test('names: lookup, find, parents, links, renames, removals', () => {
  const files = connect();
  const here = directory(files);
  const inner = files.mkdir(here, name('d'), 0o755);
  const file = files.open(inner, name('a'), 'write', CREATE);
  files.close(file);
  expect(files.lookup(here, [name('d'), name('a')])).toEqual(file.handle);
  expect(files.find(here, name('nothing'))).toBeUndefined();
  expect(files.lookupParent(inner)).toEqual(here);
  expect(files.lookupParent(files.root)).toEqual(files.root);
  files.link(file.handle, here, name('b'));
  expect(files.getattr(file.handle).links).toBe(2);
  files.rename(inner, name('a'), here, name('c'));
  failsWith('EISDIR', () => files.unlink(here, name('d')));
  failsWith('ENOTDIR', () => files.rmdir(here, name('b')));
  files.unlink(here, name('b'));
  files.unlink(here, name('c'));
  files.rmdir(here, name('d'));
  failsWith('ESTALE', () => files.getattr(inner));
  const link = files.symlink(here, name('link'), name('to/somewhere'));
  expect(text(files.readlink(link))).toBe('to/somewhere');
  expect(files.getattr(link)).toMatchObject({ type: ObjectType.DAFS_TYPE_LNK, mode: 0o777 });
  const fifo = files.makeNode(here, name('fifo'), 'fifo', 0o640);
  expect(files.getattr(fifo)).toMatchObject({ type: ObjectType.DAFS_TYPE_FIFO, mode: 0o640 });
}, 60_000);

test('attributes are set together and one by one', () => {
  const files = connect();
  const file = files.open(directory(files), name('a'), 'both', CREATE);
  // Only root gives files away.
  const { uid, gid } = isRoot() ? { uid: 7, gid: 8 } : files.getattr(file.handle);
  files.setattr(file.handle, {
    mode: 0o4711,
    uid,
    gid,
    sizeBytes: 100,
    accessTime: { seconds: -5, nseconds: 999_999_999 },
    modifyTime: { seconds: 2_000_000_000, nseconds: 1 },
  });
  expect(files.getattr(file.handle)).toMatchObject({
    mode: 0o4711,
    uid,
    gid,
    sizeBytes: 100,
    accessTime: { seconds: -5, nseconds: 999_999_999 },
    modifyTime: { seconds: 2_000_000_000, nseconds: 1 },
  });
  files.setattr(file.handle, { modifyTime: 'now' });
  const { modifyTime } = files.getattr(file.handle);
  expect(Math.abs(modifyTime.seconds - Date.now() / 1000)).toBeLessThan(60);
}, 60_000);

test.each([true, false])(
  'a directory of any size is read page by page (with status: %s)',
  (withStatus) => {
    const files = connect();
    const here = directory(files);
    const expected = Array.from({ length: 300 }, (_, index) => `entry ${index}`).sort();
    for (const entry of expected) {
      files.close(files.open(here, name(entry), 'write', CREATE));
    }
    for (const maximumBytes of [2000, 16_000, 100_000, 1 << 20]) {
      const found: string[] = [];
      let position = { cookie: 0, verifier: 0n as never, withStatus };
      for (;;) {
        const page = files.readdir(here, position, maximumBytes);
        for (const entry of page.entries) {
          found.push(text(entry.name));
          expect(entry.type).toBe(ObjectType.DAFS_TYPE_REG);
          expect(entry.status?.mode).toBe(withStatus ? 0o644 : undefined);
        }
        if (page.isLast) break;
        const cookie = page.entries.at(-1)?.cookie as number;
        position = { ...position, cookie, verifier: page.verifier as never };
      }
      expect(found.sort()).toEqual(expected);
    }
  },
  30_000,
);

test('credentials decide: who makes files, who may read them, what access() says', () => {
  const files = connect();
  const { session } = files;
  const here = directory(files);
  const alice = session.registerCredential(ALICE.uid, ALICE.gid, [BOB.gid]);
  const bob = session.registerCredential(BOB.uid, BOB.gid);
  const creation = { mode: 'guarded', attributes: { mode: 0o600 } } as const;
  const file = files.open(here, name('a'), 'both', creation, alice);
  expect(files.getattr(file.handle)).toMatchObject(ALICE);
  failsWith('EACCES', () => files.openHandle(file.handle, 'read', bob));
  const rights = AccessRight.ACCESS_READ | AccessRight.ACCESS_MODIFY;
  expect(files.access(file.handle, rights, alice)).toBe(rights);
  expect(files.access(file.handle, rights, bob)).toBe(0);
  failsWith('EPERM', () => files.setattr(file.handle, { mode: 0o666 }, undefined, bob));
  session.releaseCredential(bob);
  expect(() => files.access(file.handle, rights, bob)).toThrow();
}, 60_000);

test('sessions of one identity share open files and credentials', () => {
  const identity = createClientIdentity();
  const [first, second, stranger] = [connect({ identity }), connect({ identity }), connect()];
  expect(second.session.terms.clientId).toBe(first.session.terms.clientId);
  const here = directory(first);
  const alice = first.session.registerCredential(ALICE.uid, ALICE.gid);
  const creation = { mode: 'guarded', attributes: { mode: 0o200 } } as const;
  const file = first.open(here, name('a'), 'both', creation, alice);
  second.write(file, 0, name('shared'), StableHow.UNSTABLE, alice);
  expect(first.read(file, 0, new Uint8Array(10), alice)).toBe(6);
  expect(() => stranger.read(file, 0, new Uint8Array(10))).toThrow();
  second.close(file, alice);
}, 60_000);

test.each([
  { endianness: 'big' },
  { checksums: true },
  { endianness: 'big', checksums: true, rdmaReadChannel: true },
  { maximumRequests: 1, transferSlots: 1, maximumResponseBytes: 4096, maximumRequestBytes: 4096 },
] satisfies SessionOptions[])(
  'everything works with %j',
  (options) => {
    const files = connect(options);
    const here = directory(files);
    const file = files.open(here, name('a'), 'both', CREATE);
    for (const bytes of [1, 1000, 4096, 70_000, 2_500_000]) {
      const data = Uint8Array.from({ length: bytes }, (_, index) => index * 31 + (index >> 8));
      expect(files.write(file, bytes, data, StableHow.FILE_SYNC).bytes).toBe(bytes);
      const into = new Uint8Array(bytes);
      expect(files.read(file, bytes, into)).toBe(bytes);
      expect(Buffer.compare(into, data)).toBe(0);
    }
    expect(files.readdir(here).entries.map((entry) => text(entry.name))).toEqual(['a']);
    expect(files.statfs(here).maximumNameBytes).toBe(255);
    files.close(file);
  },
  30_000,
);

test('pipelined transfers of registered memory arrive where they belong', () => {
  const files = connect();
  const file = files.open(directory(files), name('a'), 'both', CREATE);
  const buffer = files.session.allocateBuffer(40 * 4096, 'both');
  const blocks = Array.from({ length: 40 }, (_, index) => index);
  for (const index of blocks) buffer.memory.fill(index + 1, index * 4096, (index + 1) * 4096);
  const writes = blocks.map((index) =>
    files.submitWrite(file, index * 4096, buffer, index * 4096, 4096),
  );
  for (const request of writes) expect(files.session.wait(request).bytes).toBe(4096);
  buffer.memory.fill(0);
  const reads = blocks.map((index) =>
    files.submitRead(file, index * 4096, buffer, index * 4096, 4096),
  );
  for (const request of reads) expect(files.session.wait(request).bytes).toBe(4096);
  for (const index of blocks) expect(buffer.memory[index * 4096 + 5]).toBe(index + 1);
  buffer.close();
}, 60_000);

test('a server that is killed in the middle of transfers gives EIO at once', async () => {
  const doomed = await workspace.startServer({ name: 'doomed' });
  const files = connect({}, doomed);
  const file = files.open(files.root, name('a'), 'both', CREATE);
  const data = new Uint8Array(3 << 20);
  files.write(file, 0, data);
  doomed.child.kill('SIGKILL');
  const before = performance.now();
  expect(() => {
    for (;;) files.read(file, 0, data);
  }).toThrow(expect.objectContaining({ code: 'CONNECTION_LOST', errno: 'EIO' }));
  expect(performance.now() - before).toBeLessThan(1000);
  failsWith('EIO', () => files.getattr(file.handle));
}, 60_000);

test('the server compares attributes with those of a file', () => {
  const files = connect();
  const here = directory(files);
  const file = files.open(here, name('a'), 'both', CREATE);
  const { verification } = files;
  const isAsCreated = { mode: 0o644, objectSize: 0 };
  expect(verification.verify(file.handle, isAsCreated)).toBe(true);
  expect(verification.nverify(file.handle, isAsCreated)).toBe(false);
  files.write(file, 0, name('hello'));
  expect(verification.verify(file.handle, isAsCreated)).toBe(false);
  expect(verification.nverify(file.handle, isAsCreated)).toBe(true);
  expect(verification.verify(file.handle, { objectSize: 5 })).toBe(true);
  files.close(file);
  failsWith('EOPNOTSUPP', () => verification.verify(file.handle, { hidden: false }));
  failsWith('EINVAL', () => verification.nverify(file.handle, { killSuidgid: true }));
  files.unlink(here, name('a'));
  failsWith('ESTALE', () => verification.verify(file.handle, isAsCreated));
});

test.each<SessionOptions>([{}, { checksums: true }])(
  'named attributes are files in a directory of their own (%j)',
  (options) => {
    const files = connect({ ...options, extensions: [Extension.XATTR] });
    const { handle } = files.open(directory(files), name('a'), 'both', CREATE);
    const attributes = files.openAttributes(handle);
    expect(files.getattr(attributes).type).toBe(ObjectType.DAFS_TYPE_ATTRDIR);
    const creation = { mode: 'guarded', attributes: {} } as const;
    const attribute = files.open(attributes, name('mime_type'), 'both', creation);
    const value = Uint8Array.from({ length: 65_536 }, (_, index) => index % 253);
    files.write(attribute, 0, value);
    expect(files.extendedAttributes.get(handle, name('user.mime_type'))).toEqual(value);
    const into = new Uint8Array(70_000);
    expect(files.read(attribute, 0, into)).toBe(value.length);
    expect(into.subarray(0, value.length)).toEqual(value);
    failsWith('EFBIG', () => files.write(attribute, value.length, name('x')));
    files.setattr(attribute.handle, { sizeBytes: 4 }, attribute.stateId);
    const [entry] = files.readdir(attributes).entries;
    expect(text(entry?.name as Uint8Array)).toBe('mime_type');
    expect(entry?.status).toEqual(files.getattr(attribute.handle));
    expect(entry?.status).toMatchObject({ type: ObjectType.DAFS_TYPE_NAMEDATTR, sizeBytes: 4 });
    expect(files.lookup(attributes, name('mime_type'))).toEqual(attribute.handle);
    expect(files.lookupParent(attributes)).toEqual(handle);
    files.commit(attribute.handle);
    files.close(attribute);
    files.unlink(attributes, name('mime_type'));
    expect(files.readdir(attributes).entries).toEqual([]);
    expect(files.extendedAttributes.list(handle)).toEqual([]);
    failsWith('ESTALE', () => files.getattr(attribute.handle));
  },
);
