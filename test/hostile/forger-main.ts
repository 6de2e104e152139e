/**
 * Uses what is another client's: `forger-main.ts SOCKET BETRAYED` prints, as JSON, what the server
 * answered to each attempt.
 */
import { ChannelUse } from '../../client/protocol/constants.ts';
import type { Filehandle, SessionId, StateId, Verifier } from '../../client/protocol/types.ts';
import { openArguments, unchecked } from '../unit/server/support/files.ts';
import { RawFabric } from '../unit/server/support/raw-channel.ts';
import type { Betrayed } from './betrayed.ts';
import { RawClient } from './raw-client.ts';

const [path = '', json = '{}'] = process.argv.slice(2);
const betrayed = JSON.parse(json) as Betrayed;
const sessionId = BigInt(betrayed.sessionId) as SessionId;
const stateId = BigInt(betrayed.stateId) as StateId;
const clientIdString = Buffer.from(betrayed.clientIdString, 'hex');
const fabric = new RawFabric();

const newClient = (): RawClient => new RawClient(fabric, path);
const bind = (id: SessionId, channelUse: number): string =>
  newClient().call('CONNECT_BIND', {
    sessionId: id,
    channelUse,
    maxRequestSize: 4096,
    maxResponseSize: 4096,
    maxRequests: 1,
    authReq: { authType: 0 },
  }).status;

const own = newClient();
own.connect({ clientIdString: Buffer.from('forger') });
const { rootHandle } = own.call('GET_ROOT_HANDLE', {}).results;
const root = rootHandle.slice() as Filehandle;
const opened = own.call('OPEN', openArguments(root, 'forged', { open: unchecked() })).results;
const mine = { filehandle: opened.filehandle.slice() as Filehandle, stateId: opened.stateId };
own.call('WRITE_INLINE', {
  ...mine,
  offset: 0,
  stableHow: 0,
  writePadded: false,
  cacheHint: 0,
  data: Buffer.alloc(100, 1),
});
const theirs = {
  filehandle: Buffer.from(betrayed.filehandle, 'hex') as Uint8Array as Filehandle,
  stateId,
};
const transaction = { sessionId, xidStream: 0, xidSeq: 1, procedure: 9 };
const io = { offset: 0, byteCount: 100, cacheHint: 0 };
const write = { offset: 0, stableHow: 0, cacheHint: 0 } as const;

const attempts: Readonly<Record<string, () => string>> = {
  'bind a back-control channel to the session of another user': () =>
    bind(sessionId, ChannelUse.DAFS_BACK_CONTROL_CHANNEL),
  'bind an RDMA read channel to the session of another user': () =>
    bind(sessionId, ChannelUse.DAFS_RDMA_READ_CHANNEL),
  'bind to a session that is guessed': () =>
    bind((sessionId + 1n) as SessionId, ChannelUse.DAFS_RDMA_READ_CHANNEL),
  'start the client of another user anew': () =>
    newClient().connect({ clientIdString, clientVerifier: 77n as Verifier }).status,
  'read with a stateid of another client': () =>
    own.call('READ_INLINE', { ...theirs, ...io }).status,
  'write with a stateid of another client': () =>
    own.call('WRITE_INLINE', { ...theirs, ...write, writePadded: false, data: Buffer.alloc(10) })
      .status,
  'close the open of another client': () => own.call('CLOSE', theirs).status,
  'unlock by the open of another client': () =>
    own.call('LOCKU', { ...theirs, lockType: 1, offset: 0n, length: 1n }).status,
  'have own data written into the memory of another client': () =>
    own.call('READ_DIRECT', { ...mine, ...io, readDataBuffers: [betrayed.memory] }).status,
  'have data read from the memory of another client': () =>
    own.call('WRITE_DIRECT', {
      ...mine,
      ...write,
      byteCount: 100,
      directChecksum: 0,
      writeDataBuffers: [betrayed.memory],
    }).status,
  'fetch the responses of another client': () => own.call('FETCH_RESPONSE', transaction).status,
  'check the responses of another client': () => own.call('CHECK_RESPONSE', transaction).status,
  'discard the responses of another client': () =>
    own.call('DISCARD_RESPONSES', { sessionId }).status,
  'act with a credential that nobody registered': () =>
    own.call(
      'GETATTR_INLINE',
      { filehandle: root, attrRequestBitmap: 1 },
      { credHandle: 77 as never },
    ).status,
};

const answers = Object.fromEntries(
  Object.entries(attempts).map(([name, attempt]) => [name, attempt()]),
);
process.stdout.write(JSON.stringify(answers));
process.exit();
