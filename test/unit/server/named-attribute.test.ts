import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ALL_FILE_ATTRIBUTES, type FileAttributes } from '../../../client/protocol/attributes.ts';
import { AccessRight, ChainFlag, ObjectType } from '../../../client/protocol/constants.ts';
import type { ArgumentsOf } from '../../../client/protocol/operations.ts';
import type { Filehandle, Verifier } from '../../../client/protocol/types.ts';
import { anonymous, Files, guarded, openArguments, unchecked } from './support/files.ts';
import { ALICE, anonymously, NamedAttributes, own } from './support/named-attributes.ts';
import { bytes, TestServer, text } from './support/test-server.ts';

const ROOT = { uid: 0, gid: 0 };

let server: TestServer;
let files: Files;
let named: NamedAttributes;
let file: Filehandle;
let directory: Filehandle;
beforeEach(() => {
  server = new TestServer();
  files = new Files(server.client({ peer: ROOT, connect: { maxCredentials: 8 } }));
  named = new NamedAttributes(files);
  ({ file, directory } = named);
});
afterEach(() => {
  expect(server.faults).toEqual([]);
  server.close();
});

describe('OPENATTR (section 6.5.25)', () => {
  it('gives the directory of attributes of files and directories, which have no others', () => {
    expect(named.openattr(files.root).status).toBe('OK');
    expect(named.openattr(file)).toEqual({ status: 'OK', handle: directory });
    expect(named.attributes(file).namedAttr).toBe(true);
    named.open('a');
    for (const handle of [directory, named.lookup('a')]) {
      expect(named.openattr(handle).status).toBe('NOTSUPP');
      expect(named.attributes(handle).namedAttr).toBe(false);
    }
    const pipe = files.connection.call('CREATE', {
      filehandle: files.root,
      component: bytes('pipe'),
      create: { objType: ObjectType.DAFS_TYPE_FIFO },
      attr: {},
    });
    const filehandle = own(pipe.results.filehandle);
    expect(named.openattr(filehandle).status).toBe('NOTSUPP');
    expect(named.attributes(filehandle).namedAttr).toBe(false);
  });

  it('knows no handles but those that the server gives', () => {
    named.open('a');
    const attribute = named.lookup('a');
    const spoilt = (handle: Filehandle, position: number): Filehandle => {
      const result = own(handle);
      result[position] = (result[position] as number) ^ 0x40;
      return result;
    };
    const ask = (filehandle: Filehandle) =>
      files.connection.call('GETATTR_INLINE', { filehandle, attrRequestBitmap: 1 }).status;
    for (const handle of [directory, attribute]) {
      expect(ask(handle)).toBe('OK');
      expect(ask(spoilt(handle, 0))).toBe('STALE');
      for (const position of [24, 25, 31, 32, 40, 63]) {
        expect(ask(spoilt(handle, position))).toBe('BADHANDLE');
      }
    }
    // Another attribute's number: there is none, or it is another file's.
    expect(ask(spoilt(attribute, 39))).toBe('STALE');
    const other = named.openattr(files.root).handle;
    files.open('b', { open: unchecked({}) }, other);
    const foreign = own(files.lookup('b', other).results.filehandle);
    foreign.set(attribute.subarray(0, 24));
    expect(ask(foreign)).toBe('STALE');
  });

  it('does not lead to attributes of other namespaces', () => {
    expect(named.setXattr('trusted.secret', 'x')).toBe('OK');
    expect(named.setXattr('user.a', 'x')).toBe('OK');
    expect(named.list().map(({ name }) => text(name))).toEqual(['a']);
    for (const name of ['secret', 'trusted.secret']) {
      expect(files.lookup(name, directory).status).toBe('NOENT');
    }
    // The number before that of `user.a` is the secret one's.
    const forged = named.lookup('a');
    forged[39] = (forged[39] as number) - 1;
    expect(named.content(forged)).toBe('! STALE');
    expect(files.write(anonymously(forged), 0, 'y').status).toBe('STALE');
    expect(named.xattr('trusted.secret')).toBe('x');
  });
});

describe('an attribute directory', () => {
  it('has the extended attributes of users under their names', () => {
    named.setXattr('user.one', '1');
    named.setXattr('user.two', '22');
    const [one, two] = named.list();
    expect([text(one?.name as Uint8Array), one?.attrs.objectSize]).toEqual(['one', 1]);
    expect([text(two?.name as Uint8Array), two?.attrs.objectSize]).toEqual(['two', 2]);
    expect(one?.attrs).toEqual(named.attributes(named.lookup('one')));
    expect(named.content(named.lookup('two'))).toBe('22');
  });

  it('is read in pieces of any size, while attributes come and go', () => {
    const names = Array.from({ length: 60 }, (_, index) => `${'n'.repeat(index * 4)}${index}`);
    for (const name of names) {
      expect(named.setXattr(`user.${name}`, name)).toBe('OK');
    }
    for (const maxcount of [100_000, 4000, 900]) {
      expect(named.list(maxcount).map(({ name }) => text(name))).toEqual(names);
    }
    const [first] = named.list();
    files.remove(names[0] as string, 0, directory);
    const { cookieverf } = files.connection.call('READDIR_INLINE', {
      filehandle: directory,
      cookie: 0,
      cookieverf: 0n as Verifier,
      dircount: 0,
      maxcount: 4000,
      attrRequestBitmap: 0,
    }).results;
    const rest = { cookie: first?.cookie as number, cookieverf, attrRequestBitmap: 0 };
    expect(named.list(100_000, rest).map(({ name }) => text(name))).toEqual(names.slice(1));
  });

  it('tells what it and its attributes are', () => {
    named.setXattr('user.a', 'value');
    const base = named.attributes(file);
    const shared = { owner: String(ALICE), ownerGroup: String(ALICE), numLinks: 1 };
    const ofDirectory = named.attributes(directory);
    expect(ofDirectory).toMatchObject({ ...shared, objectType: 8, mode: 0o755 });
    const ofAttribute = named.attributes(named.lookup('a'));
    expect(ofAttribute).toMatchObject({ ...shared, objectType: 9, mode: 0o644, objectSize: 5 });
    expect(ofAttribute).toMatchObject({
      filehandle: named.lookup('a'),
      timeModify: base.timeMetadata,
    });
    expect(ofAttribute.timeCreate).toBeUndefined();
    const ids = [base, ofDirectory, ofAttribute, named.attributes(files.root)].map(
      ({ fileId }) => fileId,
    );
    expect(new Set(ids).size).toBe(4);
    named.setXattr('user.a', 'other');
    expect(named.attributes(named.lookup('a')).change).toBeGreaterThan(
      ofAttribute.change as bigint,
    );
  });

  it('finds names, and its file', () => {
    named.setXattr('user.a', '');
    expect(files.lookup('b', directory).status).toBe('NOENT');
    expect(files.lookup('a/b', directory)).toMatchObject({
      status: 'NOTDIR',
      results: { componentCount: 1, filehandle: named.lookup('a') },
    });
    expect(files.lookup('a', named.lookup('a')).status).toBe('NOTDIR');
    expect(files.lookup('n'.repeat(251), directory).status).toBe('NAMETOOLONG');
    expect(files.lookup('a\0', directory).status).toBe('INVAL');
    const parent = (filehandle: Filehandle) => files.connection.call('LOOKUPP', { filehandle });
    expect(parent(directory).results.filehandle).toEqual(file);
    expect(parent(named.lookup('a')).status).toBe('NOTDIR');
  });

  it('is compared as files are', () => {
    named.setXattr('user.a', 'value');
    const verify = (objAttributes: FileAttributes) =>
      files.connection.call('VERIFY', { filehandle: named.lookup('a'), objAttributes }).status;
    expect(verify({ objectSize: 5, objectType: 9 })).toBe('OK');
    expect(verify({ objectSize: 6 })).toBe('NOT_SAME');
    expect(verify({ timeCreate: { seconds: 0, nseconds: 0 } })).toBe('NOTSUPP');
  });
});

const BOB = 4002;

describe('permissions', () => {
  const rights = (filehandle: Filehandle) =>
    files.connection.call('ACCESS', { filehandle, access: 0x3f }).results;
  const { ACCESS_READ, ACCESS_LOOKUP, ACCESS_MODIFY, ACCESS_EXTEND, ACCESS_DELETE } = AccessRight;

  it('are those of the file', () => {
    named.setXattr('user.a', 'value');
    const attribute = named.lookup('a');
    const look = ACCESS_READ | ACCESS_LOOKUP;
    files.actAs(BOB);
    expect(named.content(attribute)).toBe('value');
    expect(named.openStatus('a', { shareAccess: 1 })).toBe('OK');
    expect(named.openStatus('a', { shareAccess: 2 })).toBe('ACCES');
    expect(named.openStatus('a', { shareAccess: 1, open: unchecked({ objectSize: 0 }) })).toBe(
      'ACCES',
    );
    expect(named.openStatus('b', { shareAccess: 1, open: unchecked({}) })).toBe('ACCES');
    expect(files.write(anonymously(attribute), 0, 'x').status).toBe('ACCES');
    expect(files.setAttributes(attribute, { objectSize: 0 }).status).toBe('ACCES');
    expect(files.remove('a', 0, directory)).toBe('ACCES');
    expect(rights(directory).access).toBe(look);
    expect(rights(attribute).access).toBe(ACCESS_READ);
    files.actAs(ALICE);
    expect(rights(directory).access).toBe(look | ACCESS_MODIFY | ACCESS_EXTEND | ACCESS_DELETE);
    expect(rights(attribute).access).toBe(ACCESS_READ | ACCESS_MODIFY | ACCESS_EXTEND);
    files.setAttributes(file, { mode: 0o200 });
    files.actAs(BOB);
    expect(named.content(attribute)).toBe('! ACCES');
    expect(named.list().map(({ name }) => text(name))).toEqual(['a']);
    expect(named.xattr('user.a')).toBe('! ACCES');
  });

  it('hold also for who has it open, once chattr(1) forbids changes', () => {
    const attribute = named.open('a');
    files.setAttributes(file, { inodeFlags: 0x10 });
    expect(files.write(attribute, 0, 'x').status).toBe('PERM');
    expect(files.remove('a', 0, directory)).toBe('PERM');
    expect(named.openStatus('b', { open: unchecked({}) })).toBe('PERM');
    expect(rights(directory).access).toBe(ACCESS_READ | ACCESS_LOOKUP);
    files.setAttributes(file, { inodeFlags: 0 });
    expect(files.write(attribute, 0, 'x').status).toBe('OK');
  });
});

describe('other procedures', () => {
  it('are for files alone', () => {
    const attribute = named.open('a');
    const { connection, root } = files;
    const { filehandle } = attribute;
    const both = [directory, filehandle];
    for (const handle of both) {
      const create = {
        filehandle: handle,
        component: bytes('d'),
        create: { objType: ObjectType.DAFS_TYPE_DIR },
        attr: {},
      } as const;
      const link = { sourceObject: handle, destinationObject: root, newname: bytes('x') };
      expect([
        connection.call('CREATE', create).status,
        connection.call('LINK', link).status,
        files.rename('a', 'b', handle, handle),
        files.rename('file', 'b', root, handle),
        connection.call('READLINK_INLINE', { filehandle: handle }).status,
        connection.call('LISTXATTRS', { filehandle: handle, cookie: 0, maxcount: 4096 }).status,
        named.xattr('user.a', handle),
      ]).toEqual(['NOTSUPP', 'NOTSUPP', 'NOTSUPP', 'NOTSUPP', 'NOTSUPP', 'NOTSUPP', '! NOTSUPP']);
      const statfs = { filehandle: handle, attrRequestBitmap: 1 };
      expect(connection.call('GET_FSATTR', statfs).status).toBe('OK');
    }
    expect(named.content(directory)).toBe('! ISDIR');
    expect(files.setAttributes(directory, { objectSize: 0 }).status).toBe('ISDIR');
    for (const handle of both) {
      expect(files.setAttributes(handle, { mode: 0o600 }).status).toBe('INVAL');
    }
  });

  it('that tell attributes, too, know named ones', () => {
    const path = [bytes('a')];
    const attrRequestBitmap = ALL_FILE_ATTRIBUTES;
    const request = openArguments(directory, 'a', { open: guarded({ objectSize: 3 }) });
    const opened = files.connection.call('OPEN_GETATTR', { request, attrRequestBitmap });
    expect(opened.results.objAttributes).toMatchObject({ objectType: 9, objectSize: 3 });
    const found = files.connection.call('LOOKUP_GETATTR', {
      request: { directory, path },
      attrRequestBitmap,
    });
    expect(found.results.objAttributes).toMatchObject({ objectType: 9, objectSize: 3 });
  });

  it('go from a file to its attribute in one chain', () => {
    named.setXattr('user.a', 'value');
    const { DAFS_CHF_FORW: FORW, DAFS_CHF_BACK: BACK, DAFS_CHF_FH: FH } = ChainFlag;
    const none = new Uint8Array(64) as Filehandle;
    const { connection } = files;
    const read = { filehandle: none, stateId: anonymous, offset: 0, byteCount: 99, cacheHint: 0 };
    connection.call('OPENATTR', { filehandle: file }, { chainFlags: FORW });
    const found = { directory: none, path: [bytes('a')] };
    connection.call('LOOKUP', found, { chainFlags: FORW | BACK | FH });
    const { results } = connection.call('READ_INLINE', read as ArgumentsOf<'READ_INLINE'>, {
      chainFlags: BACK | FH,
    });
    expect(text(results.readData)).toBe('value');
  });
});
