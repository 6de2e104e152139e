import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  FileAttribute,
  type FileAttributeName,
  type FileAttributes,
  fileAttributeBitmap,
} from '../../../client/protocol/attributes.ts';
import { ChainFlag } from '../../../client/protocol/constants.ts';
import type { Filehandle } from '../../../client/protocol/types.ts';
import { anonymous, everyAttribute, Files } from './support/files.ts';
import { bytes, TestServer } from './support/test-server.ts';

let server: TestServer;
let files: Files;
let file: Filehandle;
beforeEach(() => {
  server = new TestServer();
  files = new Files(server.client({ peer: { uid: 0, gid: 0 } }));
  file = files.create('file', { mode: 0o640, objectSize: 5 }).filehandle.slice() as Filehandle;
});
afterEach(() => {
  expect(server.faults).toEqual([]);
  server.close();
});

/** What VERIFY and NVERIFY say of the same attributes. */
const both = (objAttributes: FileAttributes, filehandle = file): string[] =>
  (['VERIFY', 'NVERIFY'] as const).map(
    (name) => files.connection.call(name, { filehandle, objAttributes }).status,
  );

const SAME = ['OK', 'SAME'];
const DIFFERENT = ['NOT_SAME', 'OK'];

/** A value of each attribute that no file of these tests has. */
const others: FileAttributes = {
  objectType: 2,
  mode: 0o777,
  numLinks: 9,
  change: 99_999n,
  objectSize: 6,
  fileId: 99_999,
  spaceUsed: 99_999,
  timeAccess: { seconds: 1, nseconds: 2 },
  timeMetadata: { seconds: 1, nseconds: 2 },
  timeModify: { seconds: 1, nseconds: 2 },
  timeCreate: { seconds: 1, nseconds: 2 },
  rawDev: { specdata1: 1, specdata2: 2 },
  filehandle: new Uint8Array(64) as Filehandle,
  owner: '4001',
  ownerGroup: '4001',
};

describe('VERIFY and NVERIFY (sections 6.5.23 and 6.5.37)', () => {
  it('find what GETATTR tells to be the same', () => {
    expect(both(files.attributes(file))).toEqual(SAME);
    expect(both({ mode: 0o640, objectSize: 5, timeDelta: { seconds: 0, nseconds: 1 } })).toEqual(
      SAME,
    );
    expect(both({})).toEqual(SAME);
  });

  it.each(Object.keys(others) as (keyof FileAttributes)[])('see that %s differs', (name) => {
    const present = files.attributes(file);
    expect(both({ [name]: present[name] })).toEqual(SAME);
    expect(both({ [name]: others[name] })).toEqual(DIFFERENT);
    // One attribute that differs is enough.
    const { included: _included, valid: _valid, ...rest } = present;
    expect(both({ ...rest, [name]: others[name] })).toEqual(DIFFERENT);
  });

  it('compare with what the file is at the moment', () => {
    const before = files.attributes(file);
    files.setAttributes(file, { mode: 0o600 });
    expect(both({ mode: 0o640 })).toEqual(DIFFERENT);
    expect(both({ change: before.change })).toEqual(DIFFERENT);
    expect(both({ mode: 0o600, objectSize: 5 })).toEqual(SAME);
  });

  it('say so of attributes that the server does not have', () => {
    const unsupported: FileAttributes[] = [
      { archive: false },
      { timeBackup: { seconds: 0, nseconds: 0 } },
      { acl: [] },
      { mimeType: 'text/plain' },
      { mode: 0o777, hidden: true },
    ];
    for (const attributes of unsupported) {
      expect(both(attributes)).toEqual(['NOTSUPP', 'NOTSUPP']);
    }
  });

  it('refuse what cannot be read, and attributes without a value', () => {
    const time = { how: 1, clientTime: { seconds: 0, nseconds: 0 } } as const;
    const bitmap = fileAttributeBitmap('mode', 'objectSize');
    const refused: FileAttributes[] = [
      { timeAccessSet: time },
      { timeModifySet: time },
      { killSuidgid: false },
      { modeUmask: { mode: 0, umask: 0 } },
      { included: bitmap, valid: 2 ** (FileAttribute.MODE - 1), mode: 0o640 },
    ];
    for (const attributes of refused) {
      expect(both(attributes)).toEqual(['INVAL', 'INVAL']);
    }
  });

  it('know bad and stale handles', () => {
    const bad = file.slice() as Filehandle;
    bad[63] = 1;
    expect(both({ mode: 0 }, bad)).toEqual(['BADHANDLE', 'BADHANDLE']);
    const foreign = file.slice() as Filehandle;
    foreign[0] = (foreign[0] as number) ^ 1;
    expect(both({ mode: 0 }, foreign)).toEqual(['STALE', 'STALE']);
  });
});

describe('in a chain', () => {
  const { DAFS_CHF_FORW: FORW, DAFS_CHF_BACK: BACK, DAFS_CHF_FH: FH } = ChainFlag;

  /** Looks the file up, compares, and changes its mode if the chain gets so far. */
  const chain = (name: 'VERIFY' | 'NVERIFY', objAttributes: FileAttributes): string[] => {
    const { connection, root } = files;
    const none = new Uint8Array(64) as Filehandle;
    const path = [bytes('file')];
    const change = { filehandle: none, stateId: anonymous, objAttributes: { mode: 0o600 } };
    return [
      connection.call('LOOKUP', { directory: root, path }, { chainFlags: FORW }).status,
      connection.call(name, { filehandle: none, objAttributes }, { chainFlags: FORW | BACK | FH })
        .status,
      connection.call('SETATTR_INLINE', change, { chainFlags: BACK | FH }).status,
    ];
  };

  it('VERIFY lets it go on only while the attributes are the same', () => {
    expect(chain('VERIFY', { mode: 0o644 })).toEqual(['OK', 'NOT_SAME', 'CHAIN_BROKEN']);
    expect(files.attributes(file).mode).toBe(0o640);
    expect(chain('VERIFY', { mode: 0o640 })).toEqual(['OK', 'OK', 'OK']);
    expect(files.attributes(file).mode).toBe(0o600);
  });

  it('NVERIFY lets it go on only when one differs', () => {
    expect(chain('NVERIFY', { mode: 0o640 })).toEqual(['OK', 'SAME', 'CHAIN_BROKEN']);
    expect(files.attributes(file).mode).toBe(0o640);
    expect(chain('NVERIFY', { mode: 0o644 })).toEqual(['OK', 'OK', 'OK']);
    expect(files.attributes(file).mode).toBe(0o600);
  });

  it('covers all attributes that files have', () => {
    const named = Object.keys(others) as FileAttributeName[];
    expect(fileAttributeBitmap(...named)).toBe(everyAttribute);
  });
});
