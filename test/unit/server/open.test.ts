import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CLAIM_FH } from '../../../client/protocol/extensions.ts';
import type { Filehandle, StateId, Verifier } from '../../../client/protocol/types.ts';
import { everyAttribute, Files, guarded, type openArguments, unchecked } from './support/files.ts';
import { bytes, TestServer, text } from './support/test-server.ts';

const ROOT = { uid: 0, gid: 0 };
const READ = 1;
const WRITE = 2;

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

/** A second client, whose opens are not those of the first. */
const otherClient = () =>
  new Files(server.client({ peer: ROOT, connect: { clientIdString: bytes('other') } }));

describe('OPEN', () => {
  it('finds a file at the end of a path', () => {
    const inner = files.mkdir('inner', 0o755, files.mkdir('outer'));
    const { filehandle } = files.create('file', {}, inner);
    const opened = files.open('outer/inner/file');
    expect(opened.status).toBe('OK');
    expect(opened.results).toMatchObject({
      filehandle,
      componentCount: 3,
      resultFlags: 0,
      delegation: { delegationType: 0 },
    });
    expect(files.open('outer/inner/none').status).toBe('NOENT');
    expect(files.open('outer/none/file').status).toBe('NOENT');
    expect(files.open('outer/inner/file/file').status).toBe('NOTDIR');
  });

  it('opens nothing but regular files', () => {
    files.mkdir('directory');
    const create = (name: string, create: never) =>
      files.connection.call('CREATE', {
        filehandle: files.root,
        component: bytes(name),
        create,
        attr: {},
      });
    create('link', { objType: 5, linkdata: bytes('file') } as never);
    create('pipe', { objType: 7 } as never);
    expect(files.open('directory').status).toBe('ISDIR');
    expect(files.open('link').status).toBe('SYMLINK');
    expect(files.open('link/below').status).toBe('NOTDIR');
    expect(files.open('pipe').status).toBe('INVAL');
  });

  it('UNCHECKED creates, or opens what is there and truncates it', () => {
    const file = files.create('file', { mode: 0o640, objectSize: 10 });
    expect(files.attributes(file.filehandle)).toMatchObject({ mode: 0o640, objectSize: 10 });
    expect(files.open('file', { open: unchecked({ mode: 0o600 }) }).status).toBe('OK');
    expect(files.attributes(file.filehandle)).toMatchObject({ mode: 0o640, objectSize: 10 });
    expect(files.open('file', { open: unchecked({ objectSize: 0 }) }).status).toBe('OK');
    expect(files.attributes(file.filehandle).objectSize).toBe(0);
  });

  it('GUARDED creates only what is not there', () => {
    expect(files.open('file', { open: guarded() }).status).toBe('OK');
    expect(files.open('file', { open: guarded() }).status).toBe('EXIST');
  });

  it('EXCLUSIVE creates once for each verifier, and knows it again after a restart', () => {
    const exclusive = (createVerifier: bigint) =>
      ({
        openType: 1,
        how: { createMode: 2, createVerifier: createVerifier as Verifier },
      }) as const;
    const first = files.open('file', { open: exclusive(0xfedc_ba98_7654_3210n) });
    expect(first.status).toBe('OK');
    const again = otherClient().open('file', { open: exclusive(0xfedc_ba98_7654_3210n) });
    expect(again.status).toBe('OK');
    expect(again.results.filehandle).toEqual(first.results.filehandle);
    expect(files.open('file', { open: exclusive(1n) }).status).toBe('EXIST');
    files.setAttributes(first.results.filehandle, {
      timeModifySet: { how: 2, clientTime: { seconds: 5, nseconds: 6 } },
    });
    expect(files.open('file', { open: exclusive(0xfedc_ba98_7654_3210n) }).status).toBe('EXIST');
  });

  it('takes the change of the directory down', () => {
    const before = files.attributes(files.root).change as bigint;
    const { changeInfo } = files.open('file', { open: unchecked() }).results;
    expect(changeInfo).toMatchObject({ before, atomic: true });
    expect(changeInfo.after).toBe(files.attributes(files.root).change);
    expect(changeInfo.after).toBeGreaterThan(before);
  });

  it('by filehandle, as an extension, opens what has no name any more', () => {
    const file = files.create('file');
    files.remove('file');
    const claim = { claimType: CLAIM_FH, filehandle: file.filehandle } as const;
    const opened = files.open('', { claim });
    expect(opened.status).toBe('OK');
    expect(opened.results.stateId).not.toBe(file.stateId);
  });

  it('by filehandle opens a directory for reading alone, and it outlives its removal', () => {
    const filehandle = files.mkdir('directory');
    const claim = { claimType: CLAIM_FH, filehandle } as const;
    expect(files.open('', { claim, shareAccess: WRITE }).status).toBe('ISDIR');
    expect(files.open('', { claim, shareAccess: READ, open: unchecked() }).status).toBe('ISDIR');
    const { stateId } = files.open('', { claim, shareAccess: READ }).results;
    expect(files.remove('directory')).toBe('OK');
    expect(files.attributes(filehandle).numLinks).toBe(0);
    const inside = { claimType: 0, dirHandle: filehandle, pathname: [bytes('new')] } as const;
    expect(files.open('', { claim: inside, open: unchecked() }).status).toBe('NOENT');
    expect(files.connection.call('CLOSE', { filehandle, stateId }).status).toBe('OK');
    const { connection } = files;
    const wanted = { filehandle, attrRequestBitmap: everyAttribute };
    expect(connection.call('GETATTR_INLINE', wanted).status).toBe('STALE');
  });

  it('by filehandle opens a directory for who may read it', () => {
    const filehandle = files.mkdir('directory', 0o711);
    files.actAs(7);
    const claim = { claimType: CLAIM_FH, filehandle } as const;
    expect(files.open('', { claim, shareAccess: READ }).status).toBe('ACCES');
  });

  it('by filehandle truncates, or refuses, as for a name that exists', () => {
    const file = files.create('file');
    files.write(file, 0, 'contents');
    const claim = { claimType: CLAIM_FH, filehandle: file.filehandle } as const;
    expect(files.open('', { claim, open: guarded() }).status).toBe('EXIST');
    expect(files.open('', { claim, open: unchecked() }).status).toBe('OK');
    expect(files.attributes(file.filehandle).objectSize).toBe(8);
    expect(files.open('', { claim, open: unchecked({ objectSize: 0 }) }).status).toBe('OK');
    expect(files.attributes(file.filehandle).objectSize).toBe(0);
  });

  it('makes a file without a name, to which LINK gives its first one', () => {
    const claim = { claimType: 4, dirHandle: files.root } as const;
    const opened = files.open('', { claim, open: unchecked({ mode: 0o640 }) });
    expect(opened.status).toBe('OK');
    const { filehandle, stateId } = opened.results;
    files.write({ filehandle, stateId }, 0, 'contents');
    expect(files.attributes(filehandle)).toMatchObject({ numLinks: 0, mode: 0o640 });
    const link = (name: string) =>
      files.connection.call('LINK', {
        sourceObject: filehandle,
        destinationObject: files.root,
        newname: bytes(name),
      }).status;
    expect(link('name')).toBe('OK');
    expect(files.attributes(filehandle).numLinks).toBe(1);
    expect(files.remove('name')).toBe('OK');
    expect(link('again')).toBe('NOENT');
    expect(text(files.read({ filehandle, stateId }, 0, 100).results.readData)).toBe('contents');
  });

  it('frees a file without a name at its last close', () => {
    const claim = { claimType: 4, dirHandle: files.root } as const;
    const { filehandle, stateId } = files.open('', { claim, open: unchecked() }).results;
    expect(files.connection.call('CLOSE', { filehandle, stateId }).status).toBe('OK');
    expect(files.read({ filehandle, stateId: 0n as StateId }, 0, 1).status).toBe('STALE');
  });

  it('makes files without a name only where others could be made', () => {
    const open = unchecked();
    const status = (dirHandle: Filehandle, rest = {}) =>
      files.open('', { claim: { claimType: 4, dirHandle }, open, ...rest }).status;
    const file = files.create('file');
    expect(status(file.filehandle)).toBe('NOTDIR');
    expect(status(files.root, { open: { openType: 0 } })).toBe('INVAL');
    files.actAs(7);
    expect(status(files.root)).toBe('ACCES');
  });

  it('knows no delegations and reclaims nothing', () => {
    const { root } = files;
    const status = (claim: ReturnType<typeof openArguments>['claim']) =>
      files.open('', { claim }).status;
    expect(status({ claimType: 1, filehandle: root, delegateType: 0 })).toBe('NOTSUPP');
    const stateId = 1n as StateId;
    const pathname = [bytes('file')];
    expect(status({ claimType: 2, dirHandle: root, pathname, stateId })).toBe('BAD_STATEID');
    expect(status({ claimType: 3, dirHandle: root, pathname })).toBe('NOTSUPP');
  });

  it('refuses what is no share and no share key', () => {
    files.create('file');
    const status = (rest: Parameters<Files['open']>[1]) => files.open('file', rest).status;
    expect(status({ shareAccess: 0 })).toBe('INVAL');
    expect(status({ shareAccess: 4 })).toBe('INVAL');
    expect(status({ shareDeny: 4 })).toBe('INVAL');
    expect(status({ shareKeyType: 1 })).toBe('INVAL');
    expect(status({ owner: new Uint8Array(1025) })).toBe('INVAL');
    expect(status({ claim: { claimType: 0, dirHandle: files.root, pathname: [] } })).toBe('INVAL');
    expect(files.open('file//file').status).toBe('INVAL');
    expect(files.open('x'.repeat(256)).status).toBe('NAMETOOLONG');
  });

  it('asks the mode of a file that is there, not of one that it creates', () => {
    files.connection.call('SETATTR_INLINE', {
      filehandle: files.root,
      stateId: 0n as StateId,
      objAttributes: { mode: 0o777 },
    });
    files.create('file', { mode: 0o644 });
    files.actAs(7);
    expect(files.open('file', { shareAccess: READ }).status).toBe('OK');
    expect(files.open('file', { shareAccess: WRITE }).status).toBe('ACCES');
    expect(
      files.open('file', { open: unchecked({ objectSize: 0 }), shareAccess: READ }).status,
    ).toBe('ACCES');
    const own = files.open('own', { open: unchecked({ mode: 0 }) });
    expect(own.status).toBe('OK');
    expect(files.attributes(own.results.filehandle)).toMatchObject({ mode: 0, owner: '7' });
  });

  it('limits the opens of a client', () => {
    server.close();
    server = new TestServer({ limits: { maxOpensPerClient: 2 } });
    files = new Files(server.client({ peer: ROOT }));
    files.create('one');
    const two = files.create('two');
    expect(files.open('three', { open: unchecked() }).status).toBe('RESOURCE');
    expect(files.lookup('three').status).toBe('NOENT');
    expect(files.connection.call('CLOSE', two).status).toBe('OK');
    expect(files.open('three', { open: unchecked() }).status).toBe('OK');
    expect(otherClient().open('three').status).toBe('OK');
  });
});

describe('share reservations', () => {
  it('hold against other owners and other clients', () => {
    files.create('file');
    const other = otherClient();
    const closed = files.open('file', { shareAccess: READ, shareDeny: WRITE });
    // The open of files.create is for reading and writing.
    expect(closed.status).toBe('DENIED');
    const { stateId, filehandle } = files.open('fresh', {
      open: unchecked(),
      shareAccess: READ,
      shareDeny: WRITE,
    }).results;
    expect(other.open('fresh', { shareAccess: READ }).status).toBe('OK');
    expect(other.open('fresh', { shareAccess: WRITE }).status).toBe('DENIED');
    expect(other.open('fresh', { shareAccess: READ, shareDeny: READ }).status).toBe('DENIED');
    const anonymous = { filehandle, stateId: 0n as StateId };
    expect(other.write(anonymous, 0, 'x').status).toBe('LOCKED');
    expect(other.read(anonymous, 0, 1).status).toBe('OK');
    files.connection.call('CLOSE', { filehandle, stateId });
    expect(other.open('fresh', { shareAccess: WRITE }).status).toBe('OK');
  });

  it('of one owner are added up in one open, and taken away by OPEN_DOWNGRADE', () => {
    const owner = bytes('owner');
    const { filehandle, stateId } = files.open('file', {
      open: unchecked(),
      owner,
      shareAccess: READ,
    }).results;
    const again = files.open('file', { owner, shareAccess: WRITE, shareDeny: WRITE });
    expect(again.results.stateId).toBe(stateId);
    expect(server.service.opens.size).toBe(1);
    expect(files.write({ filehandle, stateId }, 0, 'x').status).toBe('OK');

    const downgrade = (shareAccess: number, shareDeny: number) =>
      files.connection.call('OPEN_DOWNGRADE', {
        filehandle,
        stateId,
        shareAccess,
        shareDeny,
        shareKeyType: 0,
        shareKey: 0n,
      }).status;
    expect(downgrade(READ, 3)).toBe('INVAL');
    expect(downgrade(0, 0)).toBe('INVAL');
    expect(downgrade(READ, 0)).toBe('OK');
    expect(downgrade(WRITE, 0)).toBe('INVAL');
    expect(files.write({ filehandle, stateId }, 0, 'x').status).toBe('ACCES');
    expect(files.open('file', { shareAccess: WRITE }).status).toBe('OK');
  });

  it('with a key keep those with another key out', () => {
    const keyed = (shareKey: bigint) => ({ shareKeyType: 3, shareKey });
    const { filehandle, stateId } = files.open('file', {
      open: unchecked(),
      ...keyed(5n),
    }).results;
    const other = otherClient();
    expect(other.open('file', keyed(6n)).status).toBe('KEY_MISMATCH');
    expect(other.open('file', keyed(5n)).status).toBe('OK');
    expect(other.open('file').status).toBe('OK');
    files.connection.call('CLOSE', { filehandle, stateId });
    expect(other.open('file', keyed(6n)).status).toBe('KEY_MISMATCH');
    other.connection.die();
    expect(files.open('file', keyed(6n)).status).toBe('OK');
  });
});

describe('stateids', () => {
  it('are good on every session of their client, and on no other', () => {
    const file = files.create('file');
    const sister = new Files(server.client({ peer: ROOT }));
    expect(sister.write(file, 0, 'x').status).toBe('OK');
    expect(otherClient().write(file, 0, 'x').status).toBe('BAD_STATEID');
    expect(sister.connection.call('CLOSE', file).status).toBe('OK');
    expect(files.write(file, 0, 'x').status).toBe('BAD_STATEID');
    expect(files.connection.call('CLOSE', file).status).toBe('BAD_STATEID');
  });

  it('of another file, of another server and of none are told apart', () => {
    const file = files.create('file');
    const other = files.create('other');
    const close = (stateId: bigint) =>
      files.connection.call('CLOSE', { filehandle: file.filehandle, stateId: stateId as StateId })
        .status;
    expect(close(other.stateId)).toBe('BAD_STATEID');
    expect(close(0n)).toBe('BAD_STATEID');
    expect(close(file.stateId ^ (1n << 60n))).toBe('STALE_STATEID');
  });

  it('go with the last session of their client', () => {
    files.create('file');
    const sister = server.client({ peer: ROOT });
    files.connection.die();
    expect(server.service.opens.size).toBe(1);
    sister.die();
    expect(server.service.opens.size).toBe(0);
  });
});

describe('delete on last close', () => {
  it('keeps a removed file for those who have it open', () => {
    const file = files.create('file');
    files.write(file, 0, 'contents');
    expect(files.remove('file')).toBe('OK');
    expect(text(files.read(file, 0, 100).results.readData)).toBe('contents');
    expect(files.attributes(file.filehandle).numLinks).toBe(0);
    expect(files.connection.call('CLOSE', file).status).toBe('OK');
    expect(files.read(file, 0, 100).status).toBe('STALE');
  });

  it('frees a file whose client dies', () => {
    const other = otherClient();
    const file = other.create('file');
    files.remove('file');
    other.connection.die();
    expect(files.read({ ...file, stateId: 0n as StateId }, 0, 1).status).toBe('STALE');
  });

  it('frees a file that is replaced by a rename', () => {
    const old = files.create('old');
    files.create('new');
    files.connection.call('CLOSE', old);
    expect(files.rename('new', 'old')).toBe('OK');
    expect(files.read({ ...old, stateId: 0n as StateId }, 0, 1).status).toBe('STALE');
  });

  it('can be forbidden by who has the file open, and by who removes it', () => {
    const { filehandle, stateId } = files.open('file', {
      open: unchecked(),
      deleteDisp: 1,
    }).results;
    expect(files.remove('file')).toBe('DENYDISP_CONFLICT');
    files.connection.call('CLOSE', { filehandle, stateId });
    const other = files.open('file');
    expect(files.remove('file', 1)).toBe('DENYDISP_CONFLICT');
    files.connection.call('CLOSE', {
      filehandle,
      stateId: other.results.stateId,
    });
    expect(files.remove('file', 1)).toBe('OK');
  });
});
