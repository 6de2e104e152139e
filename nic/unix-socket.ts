/** Messages with descriptors over SOCK_SEQPACKET sockets: connection management, never data. */
import { NicError } from './error.ts';
import { MappedMemory } from './mapped-memory.ts';
import {
  bindSocket,
  closeDescriptor,
  connectSocket,
  PollEvent,
  pollDescriptors,
  receiveMessageHeader,
  sendMessageHeader,
} from './system-calls.ts';

/** No message of ours is longer; a longer one is cut by the kernel and refused here. */
export const MAXIMUM_MESSAGE_BYTES = 4096;
/** No message of ours carries more descriptors. */
export const MAXIMUM_DESCRIPTORS = 128;

// One page of structures for the calls: each thread loads its own copy of this module.
const scratch = MappedMemory.private(16_384);
const view = new DataView(scratch.octets.buffer);
const NAME = 0;
const NAME_BYTES = 110;
const HEADER = 128;
const HEADER_FLAGS = HEADER + 48;
const HEADER_CONTROL_BYTES = HEADER + 40;
const VECTOR = 192;
const CONTROL = 256;
const CONTROL_HEADER_BYTES = 16;
const CONTROL_BYTES = CONTROL_HEADER_BYTES + MAXIMUM_DESCRIPTORS * 4;
const PAYLOAD = 4096;

const AF_UNIX = 1;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_CTRUNC = 8;
const MSG_TRUNC = 0x20;

/** Writes a sockaddr_un and returns its length. */
function writeSocketName(path: string): number {
  const name = Buffer.from(path);
  if (name.length > NAME_BYTES - 3) {
    throw new NicError('ENAMETOOLONG', `the socket path ${path} is longer than 107 bytes`);
  }
  scratch.octets.fill(0, NAME, NAME + NAME_BYTES);
  view.setUint16(NAME, AF_UNIX, true);
  scratch.octets.set(name, NAME + 2);
  return name.length + 3;
}

export function bindSocketTo(socket: number, path: string): void {
  const bytes = writeSocketName(path);
  bindSocket(socket, scratch.address + NAME, bytes);
}

/** Connects; false when the listener's backlog is full just now. */
export function connectSocketTo(socket: number, path: string): boolean {
  const bytes = writeSocketName(path);
  return connectSocket(socket, scratch.address + NAME, bytes);
}

function writeMessageHeader(payloadBytes: number, controlBytes: number): void {
  scratch.octets.fill(0, HEADER, HEADER + 56);
  view.setBigUint64(VECTOR, BigInt(scratch.address + PAYLOAD), true);
  view.setBigUint64(VECTOR + 8, BigInt(payloadBytes), true);
  view.setBigUint64(HEADER + 16, BigInt(scratch.address + VECTOR), true);
  view.setBigUint64(HEADER + 24, 1n, true);
  if (controlBytes === 0) return;
  view.setBigUint64(HEADER + 32, BigInt(scratch.address + CONTROL), true);
  view.setBigUint64(HEADER_CONTROL_BYTES, BigInt(controlBytes), true);
}

/**
 * Sends one message with copies of the descriptors.
 * @returns false when the peer's queue is full.
 * @throws NicError EPIPE or ECONNRESET when the peer is gone.
 */
export function sendMessage(socket: number, payload: Uint8Array, descriptors: readonly number[]) {
  const rightsBytes = CONTROL_HEADER_BYTES + descriptors.length * 4;
  writeMessageHeader(payload.length, descriptors.length === 0 ? 0 : Math.ceil(rightsBytes / 8) * 8);
  view.setBigUint64(CONTROL, BigInt(rightsBytes), true);
  view.setInt32(CONTROL + 8, SOL_SOCKET, true);
  view.setInt32(CONTROL + 12, SCM_RIGHTS, true);
  for (const [index, descriptor] of descriptors.entries()) {
    view.setInt32(CONTROL + CONTROL_HEADER_BYTES + index * 4, descriptor, true);
  }
  scratch.octets.set(payload, PAYLOAD);
  return sendMessageHeader(socket, scratch.address + HEADER);
}

/** A message as it came: what it says is not yet checked. */
export interface ReceivedMessage {
  readonly payload: Uint8Array;
  readonly descriptors: number[];
}

/**
 * Receives one message; its descriptors belong to the caller.
 * @returns undefined when there is none yet, 'end' when the peer is gone.
 * @throws NicError EPROTO for a message that was cut, whose descriptors are then closed.
 */
export function receiveMessage(socket: number): ReceivedMessage | 'end' | undefined {
  writeMessageHeader(MAXIMUM_MESSAGE_BYTES, CONTROL_BYTES);
  let bytes: number | undefined;
  try {
    bytes = receiveMessageHeader(socket, scratch.address + HEADER);
  } catch (error) {
    if (error instanceof NicError && error.code === 'ECONNRESET') return 'end';
    throw error;
  }
  if (bytes === undefined) return undefined;
  const descriptors = receivedDescriptors();
  if ((view.getUint32(HEADER_FLAGS, true) & (MSG_CTRUNC | MSG_TRUNC)) !== 0) {
    descriptors.forEach(closeDescriptor);
    throw new NicError('EPROTO', 'a peer sent a message longer than any of ours');
  }
  // The kernel reports the end of the connection as an empty message; nobody of ours sends one.
  if (bytes === 0) {
    descriptors.forEach(closeDescriptor);
    return 'end';
  }
  return {
    payload: Uint8Array.from(scratch.octets.subarray(PAYLOAD, PAYLOAD + bytes)),
    descriptors,
  };
}

function receivedDescriptors(): number[] {
  const end = CONTROL + Number(view.getBigUint64(HEADER_CONTROL_BYTES, true));
  const descriptors: number[] = [];
  let at = CONTROL;
  while (at + CONTROL_HEADER_BYTES <= end) {
    const bytes = Number(view.getBigUint64(at, true));
    if (bytes < CONTROL_HEADER_BYTES) break;
    const isRights =
      view.getInt32(at + 8, true) === SOL_SOCKET && view.getInt32(at + 12, true) === SCM_RIGHTS;
    for (let word = at + CONTROL_HEADER_BYTES; isRights && word + 4 <= at + bytes; word += 4) {
      descriptors.push(view.getInt32(word, true));
    }
    at += Math.ceil(bytes / 8) * 8;
  }
  return descriptors;
}

/** Waits until the socket has something to read, has ended, or the time is over. */
export function awaitReadable(sockets: readonly number[], timeoutMs: number): void {
  const set = new PollSet();
  try {
    set.assign(sockets);
    set.poll(timeoutMs);
  } finally {
    set.close();
  }
}

/** Whether the other end is closed. */
export function hasHungUp(socket: number): boolean {
  const set = new PollSet();
  try {
    set.assign([socket]);
    set.poll(0);
    return (set.events(0) & (PollEvent.HUP | PollEvent.ERR)) !== 0;
  } finally {
    set.close();
  }
}

/** Descriptors watched together with poll(2), without an allocation per call. */
export class PollSet {
  #memory: MappedMemory | undefined;
  #view: DataView = new DataView(new ArrayBuffer(0));
  #count = 0;

  assign(sockets: readonly number[]): void {
    const bytes = sockets.length * 8;
    if (this.#memory === undefined || this.#memory.bytes < bytes) {
      this.#memory?.unmap();
      this.#memory = MappedMemory.private(Math.max(bytes, 1));
      this.#view = new DataView(this.#memory.octets.buffer);
    }
    this.#count = sockets.length;
    for (const [index, socket] of sockets.entries()) {
      this.#view.setInt32(index * 8, socket, true);
      this.#view.setInt16(index * 8 + 4, PollEvent.IN, true);
    }
  }

  /** How many are ready. */
  poll(timeoutMs: number): number {
    if (this.#memory === undefined) return 0;
    return pollDescriptors(this.#memory.address, this.#count, timeoutMs);
  }

  /** The events of one descriptor after `poll`. */
  events(index: number): number {
    return this.#view.getInt16(index * 8 + 6, true);
  }

  close(): void {
    this.#memory?.unmap();
    this.#memory = undefined;
    this.#count = 0;
  }
}
