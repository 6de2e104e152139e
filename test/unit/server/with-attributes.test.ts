import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Filehandle } from '../../../client/protocol/types.ts';
import { anonymous, everyAttribute, Files, openArguments, unchecked } from './support/files.ts';
import { bytes, TestServer } from './support/test-server.ts';

const NAMES = 3;
/** The next attribute after the last one that DAFS 1.0 defines. */
const UNDEFINED_ATTRIBUTE = 2 ** 25;

let server: TestServer;
let files: Files;
beforeEach(() => {
  server = new TestServer();
  files = new Files(server.client({ peer: { uid: 0, gid: 0 } }));
  files.connection.call('EXTENSIONS', { wanted: [NAMES] });
});
afterEach(() => {
  expect(server.faults).toEqual([]);
  server.close();
});

const lookup = (name: string, attrRequestBitmap = everyAttribute) => {
  const request = { directory: files.root, path: [bytes(name)] };
  return files.connection.call('LOOKUP_GETATTR', { request, attrRequestBitmap });
};

const makeDirectory = (name: string, attrRequestBitmap = everyAttribute) => {
  const request = {
    filehandle: files.root,
    component: bytes(name),
    create: { objType: 2 },
    attr: { mode: 0o750 },
  } as const;
  return files.connection.call('CREATE_GETATTR', { request, attrRequestBitmap });
};

/** What is told must be what GETATTR_INLINE tells now. */
const expectCurrent = (told: object, filehandle: Filehandle) =>
  expect(told).toEqual(files.attributes(filehandle));

describe('attributes come with', () => {
  it('LOOKUP', () => {
    const { filehandle } = files.create('file');
    const { status, results } = lookup('file');
    expect(status).toBe('OK');
    expect(results.response.filehandle).toEqual(filehandle);
    expectCurrent(results.objAttributes, filehandle);
  });

  it('OPEN, as the file is after it', () => {
    const old = files.create('file');
    files.write(old, 0, 'contents');
    const { status, results } = files.connection.call('OPEN_GETATTR', {
      request: openArguments(files.root, 'file', { open: unchecked({ objectSize: 0 }) }),
      attrRequestBitmap: everyAttribute,
    });
    expect(status).toBe('OK');
    expect(results.objAttributes.objectSize).toBe(0);
    expectCurrent(results.objAttributes, old.filehandle);
    const { filehandle, stateId } = results.response;
    expect(files.write({ filehandle, stateId }, 0, 'new').status).toBe('OK');
  });

  it('CREATE', () => {
    const { status, results } = makeDirectory('directory');
    expect(status).toBe('OK');
    expect(results.objAttributes).toMatchObject({ mode: 0o750, numLinks: 2 });
    expectCurrent(results.objAttributes, results.response.filehandle);
  });

  it('LINK, of the file that has one more name', () => {
    const { filehandle } = files.create('file');
    const { status, results } = files.connection.call('LINK_GETATTR', {
      request: { sourceObject: filehandle, destinationObject: files.root, newname: bytes('more') },
      attrRequestBitmap: everyAttribute,
    });
    expect(status).toBe('OK');
    expect(results.objAttributes.numLinks).toBe(2);
    expectCurrent(results.objAttributes, filehandle);
  });

  it('SETATTR, as they have become', () => {
    const { filehandle } = files.create('file');
    const { status, results } = files.connection.call('SETATTR_GETATTR', {
      request: { filehandle, stateId: anonymous, objAttributes: { mode: 0o600, objectSize: 10 } },
      attrRequestBitmap: everyAttribute,
    });
    expect(status).toBe('OK');
    expect(results.objAttributes).toMatchObject({ mode: 0o600, objectSize: 10 });
    expectCurrent(results.objAttributes, filehandle);
  });
});

describe('a request that tells attributes', () => {
  it('fails as the request in it does', () => {
    expect(lookup('none').status).toBe('NOENT');
    makeDirectory('directory');
    expect(makeDirectory('directory').status).toBe('EXIST');
    files.actAs(7);
    expect(makeDirectory('other').status).toBe('ACCES');
  });

  it('does nothing when it asks for attributes that there are not', () => {
    files.create('file');
    expect(lookup('file', UNDEFINED_ATTRIBUTE).status).toBe('INVAL');
    expect(makeDirectory('directory', UNDEFINED_ATTRIBUTE).status).toBe('INVAL');
    expect(lookup('directory').status).toBe('NOENT');
  });

  it('belongs to the extension NAMES', () => {
    const other = new Files(server.client({ peer: { uid: 0, gid: 0 } }));
    const request = { directory: other.root, path: [bytes('file')] };
    const { status } = other.connection.call('LOOKUP_GETATTR', { request, attrRequestBitmap: 0 });
    expect(status).toBe('NOTSUPP');
  });
});
