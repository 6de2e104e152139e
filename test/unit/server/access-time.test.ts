import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Capability, Extension } from '../../../client/protocol/extensions.ts';
import type { Filehandle } from '../../../client/protocol/types.ts';
import { anonymous, Files } from './support/files.ts';
import { TestServer } from './support/test-server.ts';

const ALICE = 4001;
const LONG_AGO = { seconds: 5, nseconds: 0 } as const;
const setting = { timeAccessSet: { how: 2, clientTime: LONG_AGO } } as const;

let server: TestServer;
let files: Files;
let file: Filehandle;
let directory: Filehandle;
beforeEach(() => {
  server = new TestServer();
  files = new Files(server.client({ peer: { uid: 0, gid: 0 }, connect: { maxCredentials: 8 } }));
  files.connection.call('EXTENSIONS', { wanted: [Extension.CAPABILITIES] });
  file = files.create('file', { mode: 0o666 }).filehandle.slice() as Filehandle;
  directory = files.mkdir('directory', 0o777).slice() as Filehandle;
  files.write({ filehandle: file, stateId: anonymous }, 0, 'abc');
  for (const one of [file, directory]) {
    files.setAttributes(one, { ...setting, owner: String(ALICE) });
  }
});
afterEach(() => {
  expect(server.faults).toEqual([]);
  server.close();
});

/** Makes all following requests those of a user who wants to leave no trace. */
function actQuietlyAs(uid: number, capabilities = 0): void {
  const user = { uid, gid: uid, groups: [], capabilities, keepsAccessTimes: true };
  files.connection.credHandle = files.connection.call('REGISTER_CRED2', user).results.credHandle;
}

const readFile = () => files.read({ filehandle: file, stateId: anonymous }, 0, 3);
const list = () =>
  files.connection.call('READDIR_INLINE', {
    filehandle: directory,
    cookie: 0,
    cookieverf: 0n as never,
    dircount: 0,
    attrRequestBitmap: 0,
    maxcount: 1000,
  });
const accessTimes = () => [file, directory].map((one) => files.attributes(one).timeAccess);

describe('what is read in the name of a credential that keeps access times', () => {
  it('keeps its own if it is the reader’s', () => {
    actQuietlyAs(ALICE);
    expect([readFile().status, list().status]).toEqual(['OK', 'OK']);
    expect(accessTimes()).toEqual([LONG_AGO, LONG_AGO]);
  });

  it('keeps it for who may act as the owner', () => {
    actQuietlyAs(7, Capability.FOWNER);
    expect([readFile().status, list().status]).toEqual(['OK', 'OK']);
    expect(accessTimes()).toEqual([LONG_AGO, LONG_AGO]);
  });

  it('is noted where it is somebody else’s', () => {
    actQuietlyAs(7);
    expect([readFile().status, list().status]).toEqual(['OK', 'OK']);
    for (const time of accessTimes()) expect(time?.seconds).toBeGreaterThan(LONG_AGO.seconds);
  });

  it('is noted when its owner reads as usual', () => {
    files.actAs(ALICE);
    expect([readFile().status, list().status]).toEqual(['OK', 'OK']);
    for (const time of accessTimes()) expect(time?.seconds).toBeGreaterThan(LONG_AGO.seconds);
  });
});
