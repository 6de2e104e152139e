import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ALL_FILE_ATTRIBUTES,
  ALL_FILE_SYSTEM_ATTRIBUTES,
  type FileAttributes,
  FileSystemAttribute,
  fileAttributeBitmap,
  fileAttributesCodec,
  hasAttribute,
} from '../../../client/protocol/attributes.ts';
import { fletcher32 } from '../../../client/protocol/checksum.ts';
import { MessageBuffer } from '../../../client/protocol/message-buffer.ts';
import type { Filehandle, StateId } from '../../../client/protocol/types.ts';
import { anonymous, everyAttribute, Files } from './support/files.ts';
import { bytes, TestServer } from './support/test-server.ts';

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

const toClient = (seconds: number, nseconds = 0) =>
  ({ how: 2, clientTime: { seconds, nseconds } }) as const;
const toServer = { how: 1, clientTime: { seconds: 0, nseconds: 0 } } as const;

describe('GETATTR', () => {
  it('gives what is asked for, and room for what there is not', () => {
    const { filehandle } = files.create('file', { mode: 0o640, objectSize: 5 });
    const ask = (attrRequestBitmap: number) =>
      files.connection.call('GETATTR_INLINE', { filehandle, attrRequestBitmap }).results
        .objAttributes;
    const all = ask(ALL_FILE_ATTRIBUTES);
    expect(all.included).toBe(ALL_FILE_ATTRIBUTES);
    const beside = ['namedAttr', 'timeDelta', 'inodeFlags', 'hasNamedAttr'] as const;
    expect(all.valid).toBe(everyAttribute + fileAttributeBitmap(...beside));
    expect(all).toMatchObject({
      objectType: 1,
      mode: 0o640,
      numLinks: 1,
      objectSize: 5,
      owner: '0',
      ownerGroup: '0',
      filehandle,
      acl: undefined,
    });
    const some = ask(fileAttributeBitmap('mode', 'mimeType'));
    expect(some).toMatchObject({ mode: 0o640, mimeType: undefined, owner: undefined });
    expect(some.valid).toBe(fileAttributeBitmap('mode'));
  });

  it('knows no attributes that the draft does not define', () => {
    const ask = (name: 'GETATTR_INLINE' | 'GET_FSATTR', attrRequestBitmap: number) =>
      files.connection.call(name, { filehandle: files.root, attrRequestBitmap }).status;
    expect(ask('GETATTR_INLINE', 2 ** 25)).toBe('INVAL');
    expect(ask('GETATTR_INLINE', 2 ** 40)).toBe('INVAL');
    expect(ask('GET_FSATTR', 2 ** 33)).toBe('OK');
    expect(ask('GET_FSATTR', 2 ** 34)).toBe('INVAL');
    expect(ask('GET_FSATTR', 2 ** 30)).toBe('INVAL');
  });

  it('puts them into the client’s memory as well', () => {
    const { filehandle } = files.create('file', { mode: 0o640 });
    const memory = new Uint8Array(1024);
    const dataBuffer = files.connection.remoteMemory.register(memory);
    const attrRequestBitmap = everyAttribute;
    const { status } = files.connection.call('GETATTR_DIRECT', {
      filehandle,
      attrRequestBitmap,
      dataBuffer,
    });
    expect(status).toBe('OK');
    const message = new MessageBuffer(memory, { littleEndian: true });
    expect(fileAttributesCodec.decodeAt(message, 0, memory.length)).toEqual(
      files.attributes(filehandle),
    );
    expect(
      files.connection.call('GETATTR_DIRECT', {
        filehandle,
        attrRequestBitmap,
        dataBuffer: { ...dataBuffer, byteCount: 100 },
      }).status,
    ).toBe('TOOSMALL');
  });
});

describe('GET_FSATTR', () => {
  it('describes the file system', () => {
    const { results } = files.connection.call('GET_FSATTR', {
      filehandle: files.root,
      attrRequestBitmap: ALL_FILE_SYSTEM_ATTRIBUTES,
    });
    const attributes = results.objAttributes;
    expect(attributes).toMatchObject({
      linkSupport: true,
      maxName: 255,
      maxRead: 1 << 20,
      fshandle: files.root.slice(0, 16),
      quotaHard: undefined,
      fhExpireType: 0,
    });
    expect(attributes.maxAppend).toBeGreaterThanOrEqual(65_536);
    expect(attributes.spaceFree).toBeGreaterThan(0);
    expect(hasAttribute(attributes.supportedFsattr ?? 0, FileSystemAttribute.QUOTA_HARD)).toBe(
      false,
    );
    expect(attributes.valid).toBe(attributes.supportedFsattr);
  });
});

describe('SETATTR', () => {
  const set = (filehandle: Filehandle, attributes: FileAttributes, stateId?: StateId) =>
    files.setAttributes(filehandle, attributes, stateId);

  it('sets several at once and says what', () => {
    const { filehandle } = files.create('file');
    const { status, results } = set(filehandle, {
      mode: 0o4711,
      owner: '12',
      ownerGroup: '4294967294',
      timeAccessSet: toClient(-5, 999_999_999),
      timeModifySet: toClient(1 << 30),
      timeCreate: { seconds: 7, nseconds: 8 },
    });
    expect(status).toBe('OK');
    expect(results.attrRequestBitmap).toBe(
      fileAttributeBitmap(
        'mode',
        'owner',
        'ownerGroup',
        'timeAccessSet',
        'timeModifySet',
        'timeCreate',
      ),
    );
    expect(files.attributes(filehandle)).toMatchObject({
      mode: 0o4711,
      owner: '12',
      ownerGroup: '4294967294',
      timeAccess: { seconds: -5, nseconds: 999_999_999 },
      timeModify: { seconds: 1 << 30, nseconds: 0 },
      timeCreate: { seconds: 7, nseconds: 8 },
    });
  });

  it('sets all of them or none', () => {
    const { filehandle } = files.create('file', { mode: 0o600 });
    const failed = set(filehandle, { mode: 0o777, numLinks: 3 });
    expect(failed.status).toBe('INVAL');
    expect(failed.results.attrRequestBitmap).toBe(0);
    expect(set(filehandle, { mode: 0o777, owner: 'alice' }).status).toBe('INVAL');
    expect(set(filehandle, { mode: 0o777, owner: '4294967295' }).status).toBe('INVAL');
    expect(set(filehandle, { mode: 0o777, timeModifySet: toClient(0, 1e9) }).status).toBe('INVAL');
    expect(files.attributes(filehandle).mode).toBe(0o600);
    expect(set(filehandle, {}).status).toBe('OK');
  });

  it('changes the size with the right to write, be it the open’s or the mode’s', () => {
    const file = files.create('file', { mode: 0o444 });
    files.write(file, 0, 'abcdef');
    expect(set(file.filehandle, { objectSize: 3 }, file.stateId).status).toBe('OK');
    expect(set(file.filehandle, { objectSize: 6 }, file.stateId).status).toBe('OK');
    expect(files.read(file, 0, 9).results.readData).toEqual(bytes('abc\0\0\0'));
    const reading = files.open('file', { shareAccess: 1 }).results;
    expect(set(file.filehandle, { objectSize: 0 }, reading.stateId).status).toBe('ACCES');
    files.actAs(7);
    expect(set(file.filehandle, { objectSize: 0 }).status).toBe('ACCES');
    expect(set(files.root, { objectSize: 0 }).status).toBe('ISDIR');
    expect(set(file.filehandle, { objectSize: 0 }, 5n as StateId).status).toBe('STALE_STATEID');
  });

  it('is the owner’s privilege, but for a touch', () => {
    const { filehandle } = files.create('file', { mode: 0o646 });
    set(filehandle, { owner: '8', ownerGroup: '9' });
    files.actAs(7);
    expect(set(filehandle, { mode: 0o777 }).status).toBe('PERM');
    expect(set(filehandle, { owner: '7' }).status).toBe('PERM');
    expect(set(filehandle, { timeModifySet: toClient(1) }).status).toBe('PERM');
    expect(set(filehandle, { timeModifySet: toServer }).status).toBe('PERM');
    expect(set(filehandle, { timeAccessSet: toServer, timeModifySet: toServer }).status).toBe('OK');
    files.actAs(6, 9);
    expect(set(filehandle, { timeAccessSet: toServer, timeModifySet: toServer }).status).toBe(
      'ACCES',
    );
    files.actAs(8, 9, [10]);
    expect(set(filehandle, { ownerGroup: '10', mode: 0o2755 }).status).toBe('OK');
    expect(files.attributes(filehandle)).toMatchObject({ ownerGroup: '10', mode: 0o2755 });
    expect(set(filehandle, { ownerGroup: '11' }).status).toBe('PERM');
    expect(set(filehandle, { owner: '9' }).status).toBe('PERM');
  });

  it('takes setuid and setgid away with the owner and with the size', () => {
    const { filehandle } = files.create('file', { mode: 0o6777 });
    set(filehandle, { owner: '7', ownerGroup: '7' });
    expect(files.attributes(filehandle).mode).toBe(0o777);
    set(filehandle, { mode: 0o6777 });
    files.actAs(7);
    set(filehandle, { objectSize: 5 });
    expect(files.attributes(filehandle).mode).toBe(0o777);
  });

  it('reads attributes from the client’s memory as well', () => {
    files = new Files(server.client({ peer: { uid: 0, gid: 0 }, connect: { useChecksums: true } }));
    const { filehandle } = files.create('file');
    const message = MessageBuffer.allocate(1024, { littleEndian: true });
    const end = fileAttributesCodec.encodeAt(message, 0, { mode: 0o123, owner: '5' });
    const data = message.bytes.slice(0, end);
    const objAttributes = files.connection.remoteMemory.register(data);
    const call = (directChecksum: number) =>
      files.connection.call('SETATTR_DIRECT', {
        filehandle,
        stateId: anonymous,
        directChecksum,
        objAttributes,
      });
    expect(call(1).status).toBe('CHKSUM');
    const { status, results } = call(fletcher32(data, true));
    expect(status).toBe('OK');
    expect(results.attrRequestBitmap).toBe(fileAttributeBitmap('mode', 'owner'));
    expect(files.attributes(filehandle)).toMatchObject({ mode: 0o123, owner: '5' });
    data.fill(0xff);
    expect(call(fletcher32(data, true)).status).toBe('INVAL');
  });
});

describe('ACCESS', () => {
  it('says what can be judged and what is granted', () => {
    const { filehandle } = files.create('file', { mode: 0o754 });
    files.setAttributes(filehandle, { owner: '7', ownerGroup: '8' });
    const ask = (access: number, handle = filehandle) => {
      const { supported, access: granted } = files.connection.call('ACCESS', {
        filehandle: handle,
        access,
      }).results;
      return [supported, granted];
    };
    files.actAs(7);
    expect(ask(0x3f)).toEqual([0x2d, 0x2d]);
    files.actAs(6, 8);
    expect(ask(0x3f)).toEqual([0x2d, 0x21]);
    files.actAs(6);
    expect(ask(0x3f)).toEqual([0x2d, 0x01]);
    expect(ask(0x04)).toEqual([0x04, 0]);
    expect(ask(0)).toEqual([0, 0]);
    expect(ask(0x3f, files.root)).toEqual([0x3f, 0x23]);
    files.actAsRoot();
    expect(ask(0x3f)).toEqual([0x2d, 0x2d]);
  });
});
