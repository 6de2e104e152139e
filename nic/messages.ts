/** What two NICs say to each other over the socket: greetings, refusals and news of segments. */
import { defineLayout, readU53, writeU53 } from './binary-layout.ts';
import { NicError } from './error.ts';
import { MAXIMUM_MESSAGE_BYTES } from './unix-socket.ts';

export const MessageType = { HELLO: 1, ACCEPT: 2, REJECT: 3, SEGMENT: 4, RELEASE: 5 } as const;
export type MessageType = (typeof MessageType)[keyof typeof MessageType];

/** Raised when the socket's messages or anything in the shared memory changes. */
const PROTOCOL_VERSION = 1;
const MAGIC = 0x43_49_4e_44; // "DNIC"

export const MAXIMUM_PRIVATE_DATA_BYTES = 1024;
const MAXIMUM_REASON_BYTES = 512;
const MAXIMUM_SLOTS = 1 << 16;
const SLOT_BYTES_UNIT = 64;
const MAXIMUM_SLOT_BYTES = (16 << 20) + SLOT_BYTES_UNIT;

const messageLayout = defineLayout('Message', 48, {
  magic: 'i32',
  version: 'i32',
  type: 'i32',
  /** Bytes that follow: private data or the reason of a refusal. */
  trailerBytes: 'i32',
  queuePairNumber: 'i32',
  slots: 'i32',
  slotBytes: 'i32',
  segment: 'i32',
  segmentBytes: 'u53',
  segmentWritable: 'i32',
  padding: 4,
});
const { word } = messageLayout;

/** A checked message. Which of the fields mean something depends on its type. */
export interface Message {
  readonly type: MessageType;
  readonly trailer: Uint8Array;
  readonly queuePairNumber: number;
  readonly slots: number;
  readonly slotBytes: number;
  readonly segment: number;
  readonly segmentBytes: number;
  readonly segmentWritable: boolean;
}

export function encodeMessage(message: Partial<Message> & { type: MessageType }): Uint8Array {
  const trailer = message.trailer ?? new Uint8Array(0);
  const octets = new Uint8Array(messageLayout.bytes + trailer.length);
  const words = new Int32Array(octets.buffer, 0, messageLayout.bytes / 4);
  words[word.magic] = MAGIC;
  words[word.version] = PROTOCOL_VERSION;
  words[word.type] = message.type;
  words[word.trailerBytes] = trailer.length;
  words[word.queuePairNumber] = message.queuePairNumber ?? 0;
  words[word.slots] = message.slots ?? 0;
  words[word.slotBytes] = message.slotBytes ?? 0;
  words[word.segment] = message.segment ?? 0;
  writeU53(words, word.segmentBytes, message.segmentBytes ?? 0);
  words[word.segmentWritable] = message.segmentWritable === true ? 1 : 0;
  octets.set(trailer, messageLayout.bytes);
  return octets;
}

export function encodeRejection(reason: string): Uint8Array {
  const trailer = new Uint8Array(Buffer.from(reason).subarray(0, MAXIMUM_REASON_BYTES));
  return encodeMessage({ type: MessageType.REJECT, trailer });
}

/** How many descriptors come with each type of message. */
const descriptorCounts: Readonly<Record<number, number>> = {
  [MessageType.HELLO]: 4,
  [MessageType.ACCEPT]: 4,
  [MessageType.REJECT]: 0,
  [MessageType.SEGMENT]: 1,
  [MessageType.RELEASE]: 0,
};

function malformed(detail: string): NicError {
  return new NicError('EPROTO', `a peer sent a message that ${detail}`);
}

/**
 * Checks a message that may hold anything.
 * @throws NicError EPROTO when it is not one of ours or lies about its parts.
 */
export function decodeMessage(payload: Uint8Array, descriptors: readonly number[]): Message {
  if (payload.length < messageLayout.bytes || payload.length > MAXIMUM_MESSAGE_BYTES) {
    throw malformed(`has ${payload.length} bytes`);
  }
  const words = new Int32Array(payload.slice(0, messageLayout.bytes).buffer);
  const read = (at: number): number => words[at] ?? 0;
  if (read(word.magic) !== MAGIC) throw malformed('is none of the NIC');
  if (read(word.version) !== PROTOCOL_VERSION) {
    throw malformed(`is of version ${read(word.version)}, not ${PROTOCOL_VERSION}`);
  }
  const type = read(word.type);
  const descriptorCount = descriptorCounts[type];
  if (descriptorCount === undefined) throw malformed(`has the unknown type ${type}`);
  if (descriptorCount !== descriptors.length) throw malformed('has the wrong descriptors');
  if (read(word.trailerBytes) !== payload.length - messageLayout.bytes) {
    throw malformed('lies about its length');
  }
  const message: Message = {
    type: type as MessageType,
    trailer: payload.slice(messageLayout.bytes),
    queuePairNumber: read(word.queuePairNumber),
    slots: read(word.slots),
    slotBytes: read(word.slotBytes),
    segment: read(word.segment),
    segmentBytes: readU53(words, word.segmentBytes),
    segmentWritable: read(word.segmentWritable) === 1,
  };
  if (type === MessageType.HELLO || type === MessageType.ACCEPT) checkGreeting(message);
  return message;
}

function checkGreeting({ slots, slotBytes, trailer }: Message): void {
  if (slots < 1 || slots > MAXIMUM_SLOTS || (slots & (slots - 1)) !== 0) {
    throw malformed(`announces a ring of ${slots} slots`);
  }
  const unitsFit = slotBytes % SLOT_BYTES_UNIT === 0;
  if (!unitsFit || slotBytes < SLOT_BYTES_UNIT || slotBytes > MAXIMUM_SLOT_BYTES) {
    throw malformed(`announces slots of ${slotBytes} bytes`);
  }
  if (trailer.length > MAXIMUM_PRIVATE_DATA_BYTES) {
    throw malformed(`carries ${trailer.length} bytes of private data`);
  }
}
