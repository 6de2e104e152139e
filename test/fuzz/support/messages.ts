/** Requests that are right, and what becomes of them when chance has been at them. */
import {
  ALL_FILE_ATTRIBUTES,
  ALL_FILE_SYSTEM_ATTRIBUTES,
  type FileAttributes,
} from '../../../client/protocol/attributes.ts';
import { PROTOCOL_VERSION } from '../../../client/protocol/constants.ts';
import { encodeRequestHeader, RequestHeader } from '../../../client/protocol/headers.ts';
import { MessageBuffer } from '../../../client/protocol/message-buffer.ts';
import type { AnyOperation } from '../../../client/protocol/operation.ts';
import {
  type ArgumentsOf,
  type OperationName,
  operations,
} from '../../../client/protocol/operations.ts';
import type {
  DirectOpBuffer,
  Filehandle,
  SessionId,
  StateId,
  Verifier,
} from '../../../client/protocol/types.ts';
import type { Random } from '../../support/random.ts';
import { mutate } from './mutations.ts';

/** What a fuzzer knows of the server and may use in messages that are right. */
export interface Knowledge {
  readonly filehandles: readonly Filehandle[];
  readonly stateIds: readonly StateId[];
  readonly sessionId: SessionId;
  /** Registered memory of the fuzzer's. */
  readonly memory: DirectOpBuffer;
}

const MAX_BYTES = 8192;
const none = {};

type Generator<Name extends OperationName> = (
  random: Random,
  known: Knowledge,
) => ArgumentsOf<Name>;

const handle = (random: Random, known: Knowledge): Filehandle =>
  random.oneIn(10) ? (random.bytes(64) as Filehandle) : random.pick(known.filehandles);
const stateId = (random: Random, known: Knowledge): StateId =>
  random.oneIn(3) ? (0n as StateId) : random.pick(known.stateIds);
const name = (random: Random): Uint8Array =>
  random.oneIn(10) ? random.bytes(random.length(300)) : Buffer.from(`fuzz-${random.below(20)}`);
const offset = (random: Random): number =>
  random.oneIn(5) ? random.below(2 ** 32) * random.below(2 ** 21) : random.below(100_000);
const count = (random: Random): number =>
  random.oneIn(5) ? random.below(2 ** 32) : random.below(20_000);

const buffer = (random: Random, { memory }: Knowledge): DirectOpBuffer => {
  const start = random.below(memory.byteCount);
  return {
    address: random.oneIn(8) ? offset(random) : memory.address + start,
    byteCount: random.oneIn(8) ? count(random) : random.below(memory.byteCount - start),
    handle: random.oneIn(8) ? random.below(2 ** 32) : memory.handle,
  };
};
const buffers = (random: Random, known: Knowledge): DirectOpBuffer[] =>
  Array.from({ length: random.length(70) }, () => buffer(random, known));

const attributes = (random: Random): FileAttributes => ({
  ...(random.oneIn(2) && { mode: random.below(0o10000) }),
  ...(random.oneIn(4) && { objectSize: offset(random) }),
  ...(random.oneIn(4) && { owner: String(random.below(100_000)) }),
  ...(random.oneIn(8) && { ownerGroup: 'nobody' }),
  ...(random.oneIn(8) && { numLinks: random.below(10) }),
});

const authentication = (random: Random): ArgumentsOf<'CLIENT_AUTH'>['authReq'] =>
  random.pick([
    { authType: 0 },
    { authType: 3 },
    { authType: 1, authId: 'fuzz', authPassword: 'fuzz' },
    { authType: 2, procedure: 1, service: 1, token: random.bytes(random.length(100)) },
  ] as const);

const connection = (random: Random): ArgumentsOf<'CLIENT_CONNECT_AUTH'> => ({
  useChecksums: random.oneIn(4),
  useResponseCache: random.oneIn(2),
  maxCredentials: count(random),
  maxRequestSize: count(random),
  maxResponseSize: count(random),
  maxRequests: count(random),
  inlineWriteHeaderSize: count(random),
  useBackControlChannel: random.oneIn(2),
  useRdmaReadChannel: random.oneIn(2),
  fenceIdString: 'fence',
  clientIdString: name(random),
  clientVerifier: BigInt(random.below(3)) as Verifier,
  authReq: authentication(random),
});

const share = (random: Random) => ({
  shareAccess: random.below(5),
  shareDeny: random.oneIn(4) ? random.below(5) : 0,
  shareKeyType: random.pick([0, 0, 0, 3, 1]),
  shareKey: BigInt(random.below(4)),
});

const io = (random: Random, known: Knowledge) => ({
  filehandle: handle(random, known),
  stateId: stateId(random, known),
  offset: offset(random),
  cacheHint: random.below(2 ** 32),
});

const readdir = (random: Random, known: Knowledge) => ({
  filehandle: handle(random, known),
  cookie: random.oneIn(2) ? 0 : offset(random),
  cookieverf: BigInt(random.below(2)) as Verifier,
  dircount: count(random),
  maxcount: count(random),
  attrRequestBitmap: random.oneIn(2) ? ALL_FILE_ATTRIBUTES : random.below(2 ** 25),
});

const generators: { readonly [Name in OperationName]?: Generator<Name> } = {
  NULL: () => none,
  GET_ROOT_HANDLE: () => none,
  SECINFO: () => none,
  GET_FSATTR: (random, known) => ({
    filehandle: handle(random, known),
    attrRequestBitmap: ALL_FILE_SYSTEM_ATTRIBUTES,
  }),
  CLIENT_CONNECT: connection,
  CLIENT_CONNECT_AUTH: connection,
  CLIENT_AUTH: (random) => ({ authReq: authentication(random) }),
  SERVER_AUTH: (random) => ({ authType: random.pick([0, 1, 2, 3] as const) }),
  CONNECT_BIND: (random, known) => ({
    sessionId: random.oneIn(2) ? known.sessionId : (BigInt(random.below(100)) as SessionId),
    channelUse: random.below(4),
    maxRequestSize: count(random),
    maxResponseSize: count(random),
    maxRequests: count(random),
    authReq: authentication(random),
  }),
  REGISTER_CRED: (random) => ({
    cred: {
      credType: 1,
      uid: 4000 + random.below(10),
      gid: 4000,
      groups: Array.from({ length: random.length(400) }, () => random.below(1000)),
    },
  }),
  REGISTER_CRED2: (random) => ({
    uid: 4000 + random.below(10),
    gid: 4000,
    groups: Array.from({ length: random.length(400) }, () => random.below(1000)),
    capabilities: random.below(2 ** 32),
    keepsAccessTimes: random.oneIn(2),
  }),
  RELEASE_CRED: (random) => ({ credHandle: (5 + random.below(100)) as never }),
  ACCESS: (random, known) => ({ filehandle: handle(random, known), access: random.below(2 ** 32) }),
  GETATTR_INLINE: (random, known) => ({
    filehandle: handle(random, known),
    attrRequestBitmap: random.oneIn(2) ? ALL_FILE_ATTRIBUTES : random.below(2 ** 25),
  }),
  GETATTR_DIRECT: (random, known) => ({
    filehandle: handle(random, known),
    attrRequestBitmap: ALL_FILE_ATTRIBUTES,
    dataBuffer: buffer(random, known),
  }),
  SETATTR_INLINE: (random, known) => ({
    filehandle: handle(random, known),
    stateId: stateId(random, known),
    objAttributes: attributes(random),
  }),
  SETATTR_DIRECT: (random, known) => ({
    filehandle: handle(random, known),
    stateId: stateId(random, known),
    directChecksum: 0,
    objAttributes: buffer(random, known),
  }),
  LOOKUP: (random, known) => ({
    directory: handle(random, known),
    path: Array.from({ length: random.length(20) }, () => name(random)),
  }),
  LOOKUPP: (random, known) => ({ filehandle: handle(random, known) }),
  OPENATTR: (random, known) => ({ filehandle: handle(random, known) }),
  CREATE: (random, known) => ({
    filehandle: handle(random, known),
    component: name(random),
    create: random.pick([
      { objType: 2 },
      { objType: 7 },
      { objType: 1 },
      { objType: 3, specdata: { specdata1: 1, specdata2: 1 } },
      { objType: 5, linkdata: random.bytes(random.length(5000)) },
    ] as const),
    attr: attributes(random),
  }),
  LINK: (random, known) => ({
    sourceObject: handle(random, known),
    destinationObject: handle(random, known),
    newname: name(random),
  }),
  REMOVE: (random, known) => ({
    filehandle: handle(random, known),
    target: name(random),
    removeMode: random.pick([0, 1, 1000, 1001]) as ArgumentsOf<'REMOVE'>['removeMode'],
  }),
  RENAME: (random, known) => ({
    sourcedir: handle(random, known),
    targetdir: handle(random, known),
    oldname: name(random),
    newname: name(random),
  }),
  READLINK_INLINE: (random, known) => ({ filehandle: handle(random, known) }),
  READLINK_DIRECT: (random, known) => ({
    filehandle: handle(random, known),
    buffer: buffer(random, known),
  }),
  READDIR_INLINE: readdir,
  READDIR_DIRECT: (random, known) => ({
    ...readdir(random, known),
    readdirDataBuffers: buffers(random, known),
  }),
  OPEN: (random, known) => ({
    claim: random.pick([
      { claimType: 0, dirHandle: handle(random, known), pathname: [name(random)] },
      { claimType: 0, dirHandle: handle(random, known), pathname: [name(random), name(random)] },
      { claimType: 1000, filehandle: handle(random, known) },
      { claimType: 1, filehandle: handle(random, known), delegateType: 0 },
      { claimType: 4, dirHandle: handle(random, known) },
    ] as const),
    open: random.pick([
      { openType: 0 },
      { openType: 1, how: { createMode: 0, createAttrs: attributes(random) } },
      { openType: 1, how: { createMode: 1, createAttrs: attributes(random) } },
      { openType: 1, how: { createMode: 2, createVerifier: 7n as Verifier } },
    ] as const),
    deleteDisp: random.pick([0, 0, 0, 1] as const),
    owner: random.bytes(random.length(40)),
    ...share(random),
  }),
  OPEN_DOWNGRADE: (random, known) => ({
    filehandle: handle(random, known),
    stateId: stateId(random, known),
    ...share(random),
  }),
  CLOSE: (random, known) => ({
    filehandle: handle(random, known),
    stateId: stateId(random, known),
  }),
  READ_INLINE: (random, known) => ({ ...io(random, known), byteCount: count(random) }),
  READ_DIRECT: (random, known) => ({
    ...io(random, known),
    byteCount: count(random),
    readDataBuffers: buffers(random, known),
  }),
  WRITE_INLINE: (random, known) => ({
    ...io(random, known),
    stableHow: random.pick([0, 0, 0, 1, 2] as const),
    writePadded: false,
    data: random.bytes(random.length(2000)),
  }),
  WRITE_DIRECT: (random, known) => ({
    ...io(random, known),
    byteCount: count(random),
    stableHow: 0,
    directChecksum: 0,
    writeDataBuffers: buffers(random, known),
  }),
  APPEND_INLINE: (random, known) => ({
    ...io(random, known),
    stableHow: random.pick([0, 0, 0, 1, 2] as const),
    writePadded: false,
    data: random.bytes(random.length(2000)),
  }),
  APPEND_DIRECT: (random, known) => ({
    ...io(random, known),
    byteCount: count(random),
    stableHow: 0,
    directChecksum: 0,
    writeDataBuffer: buffer(random, known),
  }),
  COMMIT: (random, known) => ({
    filehandle: handle(random, known),
    offset: offset(random),
    count: count(random),
  }),
};

const names = Object.keys(generators) as OperationName[];

/** A request of some procedure that is encoded as the protocol has it. */
export function rightMessage(random: Random, known: Knowledge, littleEndian: boolean): Uint8Array {
  const operationName = random.pick(names);
  const operation: AnyOperation = operations[operationName];
  const generate = generators[operationName] as Generator<OperationName>;
  const message = MessageBuffer.allocate(3 * MAX_BYTES, { littleEndian });
  operation.arguments.encode(message, generate(random, known));
  encodeRequestHeader(message, {
    ...new RequestHeader(),
    protocolVersion: PROTOCOL_VERSION,
    procedure: operation.procedure,
    streamId: random.below(4),
    seqNumber: random.below(65_536),
    chainFlags: random.oneIn(10) ? random.below(32) : 0,
  });
  return message.bytes.slice(0, Math.min(message.length, MAX_BYTES));
}

const HEADER_LENGTH_OFFSET = 36;

/**
 * A message for the server to stumble over: noise, a request that is right, or, mostly, one that was
 * right before. The length in the header is mended as a rule, or nothing else would ever be looked at.
 */
export function fuzzMessage(random: Random, known: Knowledge, littleEndian: boolean): Uint8Array {
  if (random.oneIn(12)) {
    return random.bytes(random.length(MAX_BYTES));
  }
  let message = rightMessage(random, known, littleEndian);
  if (random.oneIn(6)) {
    return message;
  }
  for (let rounds = 1 + random.below(4); rounds > 0 && message.length > 0; rounds -= 1) {
    message = mutate(message, random);
  }
  message = message.slice(0, MAX_BYTES);
  if (!random.oneIn(8) && message.length >= HEADER_LENGTH_OFFSET + 4) {
    new DataView(message.buffer).setUint32(HEADER_LENGTH_OFFSET, message.length, littleEndian);
  }
  return message;
}
