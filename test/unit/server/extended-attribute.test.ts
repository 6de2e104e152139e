import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fletcher32 } from '../../../client/protocol/checksum.ts';
import { Extension } from '../../../client/protocol/extensions.ts';
import type { Filehandle } from '../../../client/protocol/types.ts';
import { acl } from '../../conformance/acl.ts';
import { anonymous, Files, guarded } from './support/files.ts';
import { bytes, TestServer, text } from './support/test-server.ts';

const ALICE = 4001;
const BOB = 4002;

let server: TestServer;
let files: Files;
let file: Filehandle;
beforeEach(() => {
  server = new TestServer();
  files = new Files(server.client({ peer: { uid: 0, gid: 0 }, connect: { maxCredentials: 8 } }));
  files.connection.call('EXTENSIONS', { wanted: [Extension.XATTR] });
  file = files.create('file', { mode: 0o644 }).filehandle.slice() as Filehandle;
  files.setAttributes(file, { owner: String(ALICE), ownerGroup: String(ALICE) });
});
afterEach(() => {
  expect(server.faults).toEqual([]);
  server.close();
});

const set = (name: string, value: string | Uint8Array, option: 0 | 1 | 2 = 0, filehandle = file) =>
  files.connection.call('SETXATTR_INLINE', {
    filehandle,
    option,
    name: bytes(name),
    value: typeof value === 'string' ? bytes(value) : value,
  }).status;

const get = (name: string, filehandle = file): string => {
  const { status, results } = files.connection.call('GETXATTR_INLINE', {
    filehandle,
    name: bytes(name),
  });
  return status === 'OK' ? text(results.value) : `! ${status}`;
};

const list = (maxcount = 4096, cookie = 0) => {
  const { status, results } = files.connection.call('LISTXATTRS', {
    filehandle: file,
    cookie,
    maxcount,
  });
  return { status, ...results, names: results.names?.map(text) };
};

const remove = (name: string, filehandle = file) =>
  files.connection.call('REMOVEXATTR', { filehandle, name: bytes(name) }).status;

describe('the extension', () => {
  it('has to be asked for', () => {
    const other = new Files(server.client({ peer: { uid: 0, gid: 0 } }));
    const { status } = other.connection.call('LISTXATTRS', {
      filehandle: file,
      cookie: 0,
      maxcount: 100,
    });
    expect(status).toBe('NOTSUPP');
    expect(other.connection.call('EXTENSIONS', { wanted: [Extension.XATTR] }).results).toEqual({
      granted: [Extension.XATTR],
    });
  });
});

describe('SETXATTR and GETXATTR', () => {
  it('keep values by name', () => {
    expect(get('user.a')).toBe('! NOXATTR');
    expect(set('user.a', 'one')).toBe('OK');
    expect(set('user.a', 'two')).toBe('OK');
    expect(get('user.a')).toBe('two');
  });

  it('tell how the file changed', () => {
    const { results } = files.connection.call('SETXATTR_INLINE', {
      filehandle: file,
      option: 0,
      name: bytes('user.a'),
      value: bytes('x'),
    });
    const { before, after } = results.changeInfo;
    expect(after).toBeGreaterThan(before);
    expect(files.attributes(file).change).toBe(after);
  });

  it('make or replace, as is asked for', () => {
    expect(set('user.a', 'x', 2)).toBe('NOXATTR');
    expect(set('user.a', 'x', 1)).toBe('OK');
    expect(set('user.a', 'y', 1)).toBe('EXIST');
    expect(set('user.a', 'z', 2)).toBe('OK');
    expect(get('user.a')).toBe('z');
  });

  it('know names of the namespaces, up to 255 bytes', () => {
    expect(set(`user.${'n'.repeat(250)}`, '')).toBe('OK');
    expect(set(`user.${'n'.repeat(251)}`, '')).toBe('NAMETOOLONG');
    for (const name of ['other.a', 'user', 'systems.a', 'a']) {
      expect([set(name, ''), get(name), remove(name)]).toEqual(['NOTSUPP', '! NOTSUPP', 'NOTSUPP']);
    }
    for (const name of ['', 'user.', 'security.', 'user.a\0b']) {
      expect([set(name, ''), get(name), remove(name)]).toEqual(['INVAL', '! INVAL', 'INVAL']);
    }
  });

  it('tell a client whose messages are too short for a value', () => {
    set('user.a', 'v'.repeat(5000));
    expect(get('user.a')).toHaveLength(5000);
    const memory = new Uint8Array(65_536).fill(0x76);
    const valueBuffer = files.connection.remoteMemory.register(memory);
    const name = bytes('user.a');
    const request = { filehandle: file, option: 0, name, valueBuffer, directChecksum: 0 } as const;
    expect(files.connection.call('SETXATTR_DIRECT', request).status).toBe('OK');
    expect(get('user.a')).toBe('! TOOSMALL');
  });

  it('move long values by RDMA, with their checksums', () => {
    const connection = server.client({
      peer: { uid: 0, gid: 0 },
      connect: { useChecksums: true, clientIdString: bytes('sealed') },
    });
    connection.call('EXTENSIONS', { wanted: [Extension.XATTR] });
    const value = Uint8Array.from({ length: 65_536 }, (_, index) => index % 251);
    const buffer = connection.remoteMemory.register(value.slice());
    const request = { filehandle: file, option: 0, name: bytes('user.a') } as const;
    const send = (directChecksum: number, byteCount = value.length) =>
      connection.call('SETXATTR_DIRECT', {
        ...request,
        valueBuffer: { ...buffer, byteCount },
        directChecksum,
      }).status;
    expect(send(1)).toBe('CHKSUM');
    expect(send(fletcher32(value, true), value.length + 1)).toBe('XATTR2BIG');
    expect(send(fletcher32(value, true))).toBe('OK');
    const memory = new Uint8Array(70_000);
    const valueBuffer = connection.remoteMemory.register(memory);
    const { results } = connection.call('GETXATTR_DIRECT', { ...request, valueBuffer });
    expect(results).toEqual({
      byteCount: value.length,
      directChecksum: fletcher32(value, true),
    });
    expect(memory.subarray(0, value.length)).toEqual(value);
    const short = { ...valueBuffer, byteCount: 1000 };
    const answer = connection.call('GETXATTR_DIRECT', { ...request, valueBuffer: short });
    expect(answer.status).toBe('TOOSMALL');
  });
});

describe('LISTXATTRS', () => {
  it('lists pages that go on where the last one ended', () => {
    const names = Array.from({ length: 20 }, (_, index) => `user.${'n'.repeat(100)}${index}`);
    for (const name of names) {
      set(name, '');
    }
    const met: string[] = [];
    for (let cookie = 0, isLast = false; !isLast; ) {
      const page = list(600, cookie);
      expect(page.names?.length).toBeGreaterThan(0);
      met.push(...(page.names ?? []));
      cookie = page.cookie;
      isLast = page.eof;
    }
    expect(met).toEqual(names);
    expect(list(100).status).toBe('TOOSMALL');
  });

  it('is empty for a file without any', () => {
    expect(list()).toEqual({ status: 'OK', cookie: 0, eof: true, names: [] });
  });
});

describe('REMOVEXATTR', () => {
  it('removes what is there', () => {
    set('user.a', 'x');
    expect(remove('user.a')).toBe('OK');
    expect(remove('user.a')).toBe('NOXATTR');
    expect(list().names).toEqual([]);
  });
});

describe('access', () => {
  it('to user attributes is that to the contents', () => {
    set('user.a', 'x');
    files.actAs(ALICE);
    expect([get('user.a'), set('user.a', 'y')]).toEqual(['x', 'OK']);
    files.actAs(BOB);
    expect([get('user.a'), set('user.a', 'z'), remove('user.a')]).toEqual(['y', 'ACCES', 'ACCES']);
    files.actAsRoot();
    files.setAttributes(file, { mode: 0o600 });
    files.actAs(BOB);
    expect([get('user.a'), list().names]).toEqual(['! ACCES', ['user.a']]);
  });

  it('to user attributes of a sticky directory is its owner’s', () => {
    const directory = files.mkdir('sticky', 0o1777).slice() as Filehandle;
    files.setAttributes(directory, { owner: String(ALICE) });
    files.actAs(ALICE);
    expect(set('user.a', 'x', 0, directory)).toBe('OK');
    files.actAs(BOB);
    expect([get('user.a', directory), set('user.a', 'y', 0, directory)]).toEqual(['x', 'PERM']);
  });

  it('to user attributes of other objects is nobody’s', () => {
    const { results } = files.connection.call('CREATE', {
      filehandle: files.root,
      component: bytes('fifo'),
      create: { objType: 7 },
      attr: { mode: 0o666 },
    });
    const fifo = results.filehandle.slice() as Filehandle;
    expect([set('user.a', 'x', 0, fifo), get('user.a', fifo)]).toEqual(['PERM', '! NOXATTR']);
    expect(set('trusted.a', 'x', 0, fifo)).toBe('OK');
  });

  it('to trusted attributes is the superuser’s', () => {
    set('trusted.a', 'x');
    set('user.a', 'x');
    files.actAs(ALICE);
    expect([get('trusted.a'), set('trusted.a', 'y')]).toEqual(['! NOXATTR', 'PERM']);
    expect(list().names).toEqual(['user.a']);
    files.actAsRoot();
    expect(get('trusted.a')).toBe('x');
    expect(list().names).toEqual(['trusted.a', 'user.a']);
  });

  it('to security attributes is the superuser’s, save reading', () => {
    set('security.a', 'x');
    files.actAs(ALICE);
    expect([get('security.a'), set('security.a', 'y')]).toEqual(['x', 'PERM']);
    expect(remove('security.a')).toBe('PERM');
  });
});

describe('access control lists', () => {
  const ACCESS = 'system.posix_acl_access';
  const DEFAULT = 'system.posix_acl_default';
  const NAMED = `u::rw- u:${BOB}:rw- g::r-- m::rw- o::---`;
  const HANDED_DOWN = `u::rwx u:${BOB}:rwx g::r-x m::rwx o::---`;
  const modeOf = (filehandle: Filehandle) => files.attributes(filehandle).mode;

  it('make the mode, and who may open the file', () => {
    files.setAttributes(file, { mode: 0o600 });
    files.actAs(BOB);
    expect(files.open('file').status).toBe('ACCES');
    files.actAs(ALICE);
    expect(set(ACCESS, acl(NAMED))).toBe('OK');
    expect(modeOf(file)).toBe(0o660);
    expect(list().names).toEqual([ACCESS]);
    files.actAs(BOB);
    expect(files.open('file').status).toBe('OK');
    expect(set(ACCESS, acl(NAMED))).toBe('PERM');
    files.actAs(ALICE);
    expect(set(ACCESS, acl('u::rw- g::r-- o::---'))).toBe('OK');
    expect([get(ACCESS), modeOf(file)]).toEqual(['! NOXATTR', 0o640]);
    expect(remove(ACCESS)).toBe('OK');
  });

  it('are refused when they are none', () => {
    expect(set(ACCESS, 'x')).toBe('INVAL');
    expect(set(ACCESS, acl('u::rw- g::r--'))).toBe('INVAL');
    expect(set(ACCESS, Uint8Array.of(3, 0, 0, 0))).toBe('NOTSUPP');
    expect(set(ACCESS, new Uint8Array(4100))).toBe('XATTR2BIG');
    expect(set(DEFAULT, acl(HANDED_DOWN))).toBe('ACCES');
    expect(set('system.other', 'x')).toBe('NOTSUPP');
  });

  it('are handed down by directories, in place of the umask', () => {
    const directory = files.mkdir('directory', 0o777).slice() as Filehandle;
    expect(set(DEFAULT, acl(HANDED_DOWN), 0, directory)).toBe('OK');
    const attributes = { modeUmask: { mode: 0o666, umask: 0o077 } };
    const made = files.create('made', attributes, directory).filehandle.slice() as Filehandle;
    expect(modeOf(made)).toBe(0o660);
    expect(get(ACCESS, made)).toBe(text(acl(`u::rw- u:${BOB}:rwx g::r-x m::rw- o::---`)));
    const elsewhere = files.create('elsewhere', attributes).filehandle.slice() as Filehandle;
    expect(modeOf(elsewhere)).toBe(0o600);
    const inner = files.mkdir('inner', 0o755, directory).slice() as Filehandle;
    expect(get(DEFAULT, inner)).toBe(text(acl(HANDED_DOWN)));
    expect(modeOf(inner)).toBe(0o750);
  });

  it('let a named user work in a directory', () => {
    const directory = files.mkdir('directory', 0o755).slice() as Filehandle;
    const makes = (name: string) => files.open(name, { open: guarded() }, directory).status;
    files.actAs(BOB);
    expect(makes('one')).toBe('ACCES');
    files.actAsRoot();
    set(ACCESS, acl(`u::rwx u:${BOB}:rwx g::r-x m::rwx o::r-x`), 0, directory);
    files.actAs(BOB);
    expect(makes('one')).toBe('OK');
    expect(files.remove('one', 0, directory)).toBe('OK');
  });
});

describe('privileges of a program', () => {
  const capabilityAfter = (change: () => void): string => {
    set('security.capability', 'cap');
    set('user.a', 'kept');
    change();
    files.actAsRoot();
    expect(get('user.a')).toBe('kept');
    return get('security.capability');
  };
  const contents = () => ({ filehandle: file, stateId: anonymous });

  it('go with a change of its contents or its owner, whoever makes it', () => {
    const gone = '! NOXATTR';
    expect(capabilityAfter(() => files.write(contents(), 0, 'x'))).toBe(gone);
    expect(capabilityAfter(() => files.setAttributes(file, { objectSize: 0 }))).toBe(gone);
    expect(capabilityAfter(() => files.setAttributes(file, { owner: '7' }))).toBe(gone);
    expect(capabilityAfter(() => files.setAttributes(file, { killSuidgid: true }))).toBe(gone);
  });

  it('stay otherwise', () => {
    expect(capabilityAfter(() => files.setAttributes(file, { mode: 0o4755 }))).toBe('cap');
    expect(capabilityAfter(() => files.rename('file', 'other'))).toBe('cap');
  });

  it('are taken by who may write, and nobody else', () => {
    const modeAfter = (uid: number): number | undefined => {
      files.setAttributes(file, { mode: 0o6775 });
      files.actAs(uid, BOB);
      files.setAttributes(file, { killSuidgid: true });
      files.actAsRoot();
      return files.attributes(file).mode;
    };
    expect(modeAfter(BOB)).toBe(0o6775);
    expect(modeAfter(ALICE)).toBe(0o775);
    files.setAttributes(file, { ownerGroup: String(BOB) });
    expect(modeAfter(BOB)).toBe(0o775);
    files.actAs(BOB);
    expect(files.setAttributes(file, { killSuidgid: true }).status).toBe('OK');
  });
});
