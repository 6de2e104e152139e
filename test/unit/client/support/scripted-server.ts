/**
 * A server that does as a test wants: just enough of DAFS to connect to, in a process of its own,
 * over the real NIC. Run with the socket's path and the name of a script; says `ready` when it
 * listens.
 */
import { Channel } from '../../../../client/channel.ts';
import {
  type AnyOperation,
  DafsStatus,
  decodeRequestHeader,
  encodeHeaderOnly,
  encodeRequestHeader,
  encodeResponseHeader,
  type Filehandle,
  fletcher32,
  type MessageBuffer,
  operationByProcedure,
  PROTOCOL_VERSION,
  RequestHeader,
  ResponseHeader,
  requestIsLittleEndian,
  StableHow,
  sealMessage,
  verifyMessage,
} from '../../../../client/protocol/index.ts';
import {
  Access,
  Arena,
  Context,
  createWorkCompletions,
  Listener,
  Opcode,
  SendFlag,
  WcOpcode,
  WcStatus,
} from '../../../../nic/index.ts';
import { scripts } from './scripts.ts';

export const FILE_BYTES = 4 << 20;
const CAPACITY = 16;
const MESSAGE_BYTES = 16_384;

export interface Script {
  /** Overrides of what CLIENT_CONNECT_AUTH answers. */
  readonly terms?: Record<string, unknown>;
  /** target_nreq of every response but the first. */
  targetNreq?(peer: Peer): number;
  /** Looks at a request before it is answered; true when it is not to be answered. */
  intercept?(peer: Peer, slot: number): boolean;
  /** Changes a response that is complete, before it is sent. */
  tamper?(peer: Peer, response: MessageBuffer): void;
  /** What it answers to procedures that it does not really have. */
  results?(operation: AnyOperation): object | undefined;
  /** Limits how much READ and WRITE move at once, in bytes. */
  readonly transferBytes?: number;
  /** Whether WRITE promises nothing, whatever it is asked for. */
  readonly leavesUnstable?: boolean;
}

type Handler = (peer: Peer, argument: never) => unknown;

const context = Context.open();
const domain = context.allocateProtectionDomain();
const queue = context.createCompletionQueue(1024);
const group = context.createCompletionGroup();
group.add(queue);
const fileArena = Arena.create(FILE_BYTES, 'none');
const file = domain.registerMemory(fileArena, 0, FILE_BYTES, Access.LOCAL_WRITE);
const peers = new Map<number, Peer>();

/** One connection. */
export class Peer {
  readonly channel: Channel;
  readonly header = new RequestHeader();
  readonly response = new ResponseHeader();
  readonly script: Script;
  littleEndian = true;
  usesChecksums = false;
  requests = 0;
  /** What CONNECT_BIND made of this connection; 0 is the operations channel. */
  use = 0;

  constructor(script: Script) {
    this.script = script;
    this.channel = new Channel(domain, queue, {
      capacity: CAPACITY,
      maximumSendBytes: MESSAGE_BYTES,
      maximumReceiveBytes: MESSAGE_BYTES,
      littleEndian: true,
    });
  }

  receive(slot: number, byteLength: number): void {
    const request = this.channel.receiveSlot(slot);
    request.length = byteLength;
    if (this.requests === 0) {
      this.littleEndian = requestIsLittleEndian(request.bytes);
    }
    for (let index = 0; index < CAPACITY; index += 1) {
      this.channel.receiveSlot(index).littleEndian = this.littleEndian;
      this.channel.sendSlot(index).littleEndian = this.littleEndian;
    }
    if (this.use === 1) {
      directiveAnswered(this, request);
      this.channel.postReceive(slot);
      return;
    }
    decodeRequestHeader(request, this.header);
    if (this.usesChecksums && this.requests > 0) {
      verifyMessage(request);
    }
    this.requests += 1;
    if (this.requests === 1 || !this.script.intercept?.(this, slot)) {
      this.answer(slot);
    }
  }

  /** Answers the request in `slot`, whose header is in `this.header`. */
  answer(slot: number): void {
    const request = this.channel.receiveSlot(slot);
    decodeRequestHeader(request, this.header);
    const operation = operationByProcedure.get(this.header.procedure) as AnyOperation;
    const response = this.channel.sendSlot(slot);
    let status: number = DafsStatus.DAFS_STATUS_OK;
    try {
      const results =
        this.script.results?.(operation) ??
        handlerOf(operation)(this, operation.arguments.decode(request) as never);
      operation.results.encode(response, results);
    } catch (error) {
      if (typeof error !== 'number') throw error;
      status = error;
      encodeHeaderOnly(response);
    }
    this.respond(slot, status);
  }

  respond(slot: number, status: number): void {
    const response = this.channel.sendSlot(slot);
    const { header } = this;
    Object.assign(this.response, {
      protocolVersion: PROTOCOL_VERSION,
      targetNreq: this.requests === 1 ? CAPACITY : (this.script.targetNreq?.(this) ?? CAPACITY),
      streamId: header.streamId,
      seqNumber: header.seqNumber,
      analyzerLow: header.analyzerLow,
      analyzerHigh: header.analyzerHigh,
      status,
    });
    encodeResponseHeader(response, this.response);
    if (this.usesChecksums && this.requests > 1) {
      sealMessage(response);
    }
    if (this.requests > 1) this.script.tamper?.(this, response);
    this.channel.postReceive(slot);
    this.channel.send(slot);
  }

  rdma(opcode: Opcode, range: { address: number; handle: number }, offset: number, bytes: number) {
    const { queuePair } = this.channel;
    queuePair.postSend({
      wrId: 0,
      opcode,
      flags: SendFlag.SIGNALED,
      sgList: [{ lkey: file.lkey, address: file.address + offset, length: bytes }],
      remoteAddress: range.address,
      rkey: range.handle,
    });
  }
}

const root = Uint8Array.from({ length: 64 }, (_, index) => index) as Filehandle;

function moved(peer: Peer, offset: number, wanted: number): number {
  const limit = peer.script.transferBytes ?? FILE_BYTES;
  return Math.max(0, Math.min(wanted, limit, FILE_BYTES - offset));
}

const handlers: Record<string, Handler> = {
  CLIENT_CONNECT_AUTH: (peer, argument: Record<string, number>) => {
    peer.usesChecksums = Boolean(argument.useChecksums);
    return {
      ...argument,
      sessionId: 11n,
      clientId: 12n,
      maxRequests: Math.min(CAPACITY, argument.maxRequests as number),
      authRes: { authType: (argument.authReq as unknown as { authType: number }).authType },
      trusted: true,
      ...peer.script.terms,
    };
  },
  CONNECT_BIND: (peer, argument: { channelUse: number; authReq: { authType: number } }) => {
    peer.usesChecksums = [...peers.values()].some((other) => other.usesChecksums);
    peer.use = argument.channelUse;
    return { ...argument, authRes: argument.authReq, trusted: true };
  },
  NULL: () => ({}),
  DISCONNECT: () => ({}),
  REGISTER_CRED: (_, { cred }: { cred: { uid: number } }) => ({ credHandle: cred.uid + 100 }),
  RELEASE_CRED: () => ({}),
  GET_ROOT_HANDLE: () => ({ rootHandle: root }),
  GET_FSATTR: () => ({ objAttributes: { maxRead: FILE_BYTES, maxWrite: FILE_BYTES } }),
  GETATTR_INLINE: (peer) => {
    throw peer.header.credHandle === 0 ? DafsStatus.DAFSERR_NOENT : DafsStatus.DAFSERR_ACCES;
  },
  READLINK_INLINE: () => ({ link: new TextEncoder().encode('somewhere') }),
  READ_INLINE: (peer, { offset, byteCount }: { offset: number; byteCount: number }) => {
    const bytes = moved(peer, offset, byteCount);
    const readData = file.memory.subarray(offset, offset + bytes);
    return { eof: offset + bytes >= FILE_BYTES, readData };
  },
  READ_DIRECT: (
    peer,
    argument: { offset: number; byteCount: number; readDataBuffers: never[] },
  ) => {
    const bytes = moved(peer, argument.offset, argument.byteCount);
    peer.rdma(Opcode.RDMA_WRITE, argument.readDataBuffers[0] as never, argument.offset, bytes);
    return {
      eof: argument.offset + bytes >= FILE_BYTES,
      bytesRead: bytes,
      directChecksum: sum(peer, argument.offset, bytes),
    };
  },
  WRITE_INLINE: (
    peer,
    { offset, data, stableHow }: { offset: number; data: Uint8Array; stableHow: StableHow },
  ) => {
    const bytes = moved(peer, offset, data.length);
    file.memory.set(data.subarray(0, bytes), offset);
    return { count: bytes, committed: committed(peer, stableHow), verifier: 5n };
  },
  WRITE_DIRECT: (
    peer,
    argument: {
      offset: number;
      byteCount: number;
      stableHow: StableHow;
      directChecksum: number;
      writeDataBuffers: never[];
    },
  ) => {
    const bytes = moved(peer, argument.offset, argument.byteCount);
    peer.rdma(Opcode.RDMA_READ, argument.writeDataBuffers[0] as never, argument.offset, bytes);
    if (argument.directChecksum !== sum(peer, argument.offset, argument.byteCount)) {
      throw DafsStatus.DAFSERR_CHKSUM;
    }
    return { count: bytes, committed: committed(peer, argument.stableHow), verifier: 5n };
  },
};

const committed = (peer: Peer, asked: StableHow): StableHow =>
  peer.script.leavesUnstable === true ? StableHow.UNSTABLE : asked;

function sum(peer: Peer, offset: number, bytes: number): number {
  return peer.usesChecksums
    ? fletcher32(file.memory.subarray(offset, offset + bytes), peer.littleEndian)
    : 0;
}

function handlerOf(operation: AnyOperation): Handler {
  const handler = handlers[operation.name.slice('DAFS_PROC_'.length)];
  if (!handler) throw DafsStatus.DAFSERR_NOTSUPP;
  return handler;
}

/** Sends a request on the back-control channel; its answer's status goes to standard output. */
export function sendDirective(encode: (message: MessageBuffer) => AnyOperation): void {
  const peer = [...peers.values()].find((other) => other.use === 1) as Peer;
  const message = peer.channel.sendSlot(0);
  const header = new RequestHeader();
  header.procedure = encode(message).procedure;
  header.protocolVersion = PROTOCOL_VERSION;
  encodeRequestHeader(message, header);
  if (peer.usesChecksums) sealMessage(message);
  peer.channel.send(0);
}

function directiveAnswered(peer: Peer, answer: MessageBuffer): void {
  if (peer.usesChecksums) verifyMessage(answer);
  console.log(`directive answered ${answer.view.getUint32(28, peer.littleEndian)}`);
}

function main(path: string, scriptName: string): void {
  const listener = Listener.listen(path);
  const script = scripts[scriptName] as Script;
  const completions = createWorkCompletions(16);
  file.memory.forEach((_, index) => {
    file.memory[index] = (index * 7 + (index >> 8)) & 0xff;
  });
  console.log('ready');
  for (;;) {
    const request = listener.accept(peers.size === 0 ? 50 : 0);
    if (request) {
      const peer = new Peer(script);
      peers.set(peer.channel.queuePair.number, peer);
      request.accept(peer.channel.queuePair);
    }
    const count = group.wait(completions, 2);
    for (const completion of completions.slice(0, count)) {
      if (completion.status === WcStatus.SUCCESS && completion.opcode === WcOpcode.RECV) {
        peers.get(completion.qpNumber)?.receive(completion.wrId, completion.byteLength);
      }
    }
  }
}

if (import.meta.main) {
  main(process.argv[2] as string, process.argv[3] as string);
}
