/** Requests that most tests of files begin with, and what they need to know of the answers. */
import {
  type FileAttributes,
  fileAttributeBitmap,
} from '../../../../client/protocol/attributes.ts';
import type { ArgumentsOf, ResultsOf } from '../../../../client/protocol/operations.ts';
import type { Filehandle, StateId } from '../../../../client/protocol/types.ts';
import { bytes, type Response, type TestConnection } from './test-server.ts';

export const noChange = { how: 1, clientTime: { seconds: 0, nseconds: 0 } } as const;

export const anonymous = 0n as StateId;

export const everyAttribute = fileAttributeBitmap(
  'objectType',
  'mode',
  'numLinks',
  'change',
  'objectSize',
  'fileId',
  'spaceUsed',
  'timeAccess',
  'timeMetadata',
  'timeModify',
  'timeCreate',
  'rawDev',
  'filehandle',
  'owner',
  'ownerGroup',
);

let lastOwner = 0;

/** OPEN by name; a file that is not there is created with `create`'s attributes. */
export function openArguments(
  dirHandle: Filehandle,
  name: string,
  rest: Partial<ArgumentsOf<'OPEN'>> = {},
): ArgumentsOf<'OPEN'> {
  lastOwner += 1;
  return {
    claim: { claimType: 0, dirHandle, pathname: name.split('/').map(bytes) },
    open: { openType: 0 },
    deleteDisp: 0,
    owner: bytes(`owner ${lastOwner}`),
    shareAccess: 3,
    shareDeny: 0,
    shareKeyType: 0,
    shareKey: 0n,
    ...rest,
  };
}

export const unchecked = (createAttrs: FileAttributes = { mode: 0o644 }) =>
  ({ openType: 1, how: { createMode: 0, createAttrs } }) as const;
export const guarded = (createAttrs: FileAttributes = { mode: 0o644 }) =>
  ({ openType: 1, how: { createMode: 1, createAttrs } }) as const;

/** A connection together with the root's handle. */
export class Files {
  readonly connection: TestConnection;
  readonly root: Filehandle;

  constructor(connection: TestConnection) {
    this.connection = connection;
    this.root = connection.call('GET_ROOT_HANDLE', {}).results.rootHandle.slice() as Filehandle;
  }

  open(
    name: string,
    rest: Partial<ArgumentsOf<'OPEN'>> = {},
    directory = this.root,
  ): Response<ResultsOf<'OPEN'>> {
    return this.connection.call('OPEN', openArguments(directory, name, rest));
  }

  /** Creates a file and returns its handle and the stateid of the open. */
  create(name: string, attributes: FileAttributes = { mode: 0o644 }, directory = this.root) {
    const { status, results } = this.open(name, { open: unchecked(attributes) }, directory);
    if (status !== 'OK') {
      throw new Error(`OPEN ${name}: ${status}`);
    }
    return { filehandle: results.filehandle, stateId: results.stateId };
  }

  mkdir(name: string, mode = 0o755, directory = this.root): Filehandle {
    const { status, results } = this.connection.call('CREATE', {
      filehandle: directory,
      component: bytes(name),
      create: { objType: 2 },
      attr: { mode },
    });
    if (status !== 'OK') {
      throw new Error(`CREATE ${name}: ${status}`);
    }
    return results.filehandle;
  }

  lookup(path: string, directory = this.root) {
    return this.connection.call('LOOKUP', { directory, path: path.split('/').map(bytes) });
  }

  attributes(filehandle: Filehandle): FileAttributes {
    const { status, results } = this.connection.call('GETATTR_INLINE', {
      filehandle,
      attrRequestBitmap: everyAttribute,
    });
    if (status !== 'OK') {
      throw new Error(`GETATTR_INLINE: ${status}`);
    }
    return results.objAttributes;
  }

  setAttributes(filehandle: Filehandle, objAttributes: FileAttributes, stateId = anonymous) {
    return this.connection.call('SETATTR_INLINE', { filehandle, stateId, objAttributes });
  }

  write(
    file: { filehandle: Filehandle; stateId: StateId },
    offset: number,
    data: string | Uint8Array,
    stableHow: 0 | 1 | 2 = 0,
  ) {
    return this.connection.call('WRITE_INLINE', {
      ...file,
      offset,
      stableHow,
      writePadded: false,
      cacheHint: 0,
      data: typeof data === 'string' ? bytes(data) : data,
    });
  }

  append(
    file: { filehandle: Filehandle; stateId: StateId },
    data: string | Uint8Array,
    stableHow: 0 | 1 | 2 = 0,
  ) {
    return this.connection.call('APPEND_INLINE', {
      ...file,
      stableHow,
      writePadded: false,
      cacheHint: 0,
      data: typeof data === 'string' ? bytes(data) : data,
    });
  }

  /** @param rest what is to be other than it should */
  appendDirect(
    file: { filehandle: Filehandle; stateId: StateId },
    data: Uint8Array,
    rest: Partial<ArgumentsOf<'APPEND_DIRECT'>> = {},
  ) {
    return this.connection.call('APPEND_DIRECT', {
      ...file,
      byteCount: data.length,
      stableHow: 0,
      directChecksum: 0,
      cacheHint: 0,
      writeDataBuffer: this.connection.remoteMemory.register(data),
      ...rest,
    });
  }

  read(file: { filehandle: Filehandle; stateId: StateId }, offset: number, byteCount: number) {
    return this.connection.call('READ_INLINE', { ...file, offset, byteCount, cacheHint: 0 });
  }

  remove(name: string, removeMode = 0, directory = this.root) {
    return this.connection.call('REMOVE', {
      filehandle: directory,
      target: bytes(name),
      removeMode: removeMode as ArgumentsOf<'REMOVE'>['removeMode'],
    }).status;
  }

  rename(oldname: string, newname: string, sourcedir = this.root, targetdir = this.root) {
    return this.connection.call('RENAME', {
      sourcedir,
      targetdir,
      oldname: bytes(oldname),
      newname: bytes(newname),
    }).status;
  }

  /** Makes all following requests those of this user. */
  actAs(uid: number, gid = uid, groups: number[] = []): void {
    this.connection.credHandle = 0;
    this.connection.credHandle = this.connection.registerCredential({ uid, gid, groups });
  }

  actAsRoot(): void {
    this.connection.credHandle = 0;
  }
}
