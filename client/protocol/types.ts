/** The basic types of section 6.1.4 and the structures of 6.1.7 that several procedures share. */

import {
  array,
  boolean32,
  bytes,
  checksum,
  enumeration,
  i53,
  opaque,
  opaque32,
  opaque64,
  pad,
  pathname,
  structure,
  text,
  u32,
  u53,
  u64,
  type ValueOf,
} from './layout.ts';

declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** Identifies a session, also after it died; chosen by the server. */
export type SessionId = Brand<bigint, 'SessionId'>;
/** Stands for a client-id string and verifier; chosen by the server. */
export type ClientId = Brand<bigint, 'ClientId'>;
/** Stands for a lock owner that has a file open; chosen by the server. */
export type StateId = Brand<bigint, 'StateId'>;
/** A value that changes when state was lost. */
export type Verifier = Brand<bigint, 'Verifier'>;
/** Credentials that the client registered; 0 are the session's own. */
export type CredHandle = Brand<number, 'CredHandle'>;
/** 64 bytes: the file system's handle (16) and the file's id in it (48). */
export type Filehandle = Brand<Uint8Array, 'Filehandle'>;

/** "The special stateid consisting of all bits 0" (section 6.5.35). */
export const ANONYMOUS_STATE_ID = 0n as StateId;
/** The credentials of the session itself (section 3.1.1.1.2). */
export const DEFAULT_CRED_HANDLE = 0 as CredHandle;

export const FSHANDLE_BYTES = 16;
export const FILEHANDLE_BYTES = 64;

export const sessionId = opaque64<SessionId>();
export const clientId = opaque64<ClientId>();
export const stateId = opaque64<StateId>();
export const verifier = opaque64<Verifier>();
export const credHandle = opaque32<CredHandle>();
export const filehandle = bytes<Filehandle>(FILEHANDLE_BYTES, 8);
export const fsHandle = bytes<Uint8Array>(FSHANDLE_BYTES, 8);
/** dafs_component_type: a name as the bytes it consists of. */
export const component = opaque;
export const lockOwner = opaque;

export const time = structure({ seconds: i53, nseconds: u32 });
export type Time = ValueOf<typeof time>;

export const TimesetHow = { SET_TO_SERVER_TIME: 1, SET_TO_CLIENT_TIME: 2 } as const;
export type TimesetHow = (typeof TimesetHow)[keyof typeof TimesetHow];

export const settime = structure({ clientTime: time, how: enumeration(TimesetHow) });
export type Settime = ValueOf<typeof settime>;

/** A mode, and the bits of it that count only where no default access control list is. */
export const modeUmask = structure({ mode: u32, umask: u32 });
export type ModeUmask = ValueOf<typeof modeUmask>;

/** A device number: major and minor. */
export const specdata = structure({ specdata1: u53, specdata2: u53 });
export type Specdata = ValueOf<typeof specdata>;

export const changeInfo = structure({ before: u64, after: u64, atomic: boolean32, pad: pad(4) });
export type ChangeInfo = ValueOf<typeof changeInfo>;

export const ace = structure({ type: u32, flag: u32, accessMask: u32, who: text });
export type Ace = ValueOf<typeof ace>;

export const fsLocation = structure({ server: text, rootPath: pathname });
export const fsLocations = structure({ fsRoot: pathname, locations: array(fsLocation) });
export type FsLocations = ValueOf<typeof fsLocations>;

/** A piece of the requester's registered memory (section 6.1.7). */
export const directOpBuffer = structure({ address: u53, byteCount: u32, handle: u32 });
export type DirectOpBuffer = ValueOf<typeof directOpBuffer>;

/** Attribute bitmap: attribute n is the bit of weight 2^(n-1). */
export const attrBitmap = u53;

export const fileChunk = structure({ offset: u53, byteCount: u32, cacheHint: u32 });
export type FileChunk = ValueOf<typeof fileChunk>;

export const RwFlag = { DAFS_READ_OP: 1, DAFS_WRITE_OP: 2 } as const;
export type RwFlag = (typeof RwFlag)[keyof typeof RwFlag];

export const readWriteRequest = structure({
  filehandle,
  requestId: u64,
  stateId,
  rwFlag: enumeration(RwFlag),
  chunks: array(fileChunk),
  requestBuffers: array(directOpBuffer),
  directChecksum: checksum,
});
export type ReadWriteRequest = ValueOf<typeof readWriteRequest>;

export const completionNotification = structure({
  requestId: u64,
  status: u32,
  bytesTransferred: u32,
  directChecksum: checksum,
  pad: pad(4),
});
export type CompletionNotification = ValueOf<typeof completionNotification>;
