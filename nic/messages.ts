/** What two NICs say to each other over the socket: greetings, refusals and news of segments. */
import { defineLayout, readU53, writeU53 } from './binary-layout.ts';
import { NicError } from './error.ts';
import { MAXIMUM_DESCRIPTORS, MAXIMUM_MESSAGE_BYTES } from './unix-socket.ts';

export const MessageType = { HELLO: 1, ACCEPT: 2, REJECT: 3, SEGMENT: 4, RELEASE: 5 } as const;
export type MessageType = (typeof MessageType)[keyof typeof MessageType];

/** Raised when the socket's messages or anything in the shared memory changes. */
const PROTOCOL_VERSION = 2;
const MAGIC = 0x43_49_4e_44; // "DNIC"

/** A greeting's own descriptors: ring, epoch, bell and table. */
export const GREETING_DESCRIPTORS = 4;
export const MAXIMUM_PRIVATE_DATA_BYTES = 1024;
const MAXIMUM_REASON_BYTES = 512;
const MAXIMUM_SLOTS = 1 << 16;
const SLOT_BYTES_UNIT = 64;
const MAXIMUM_SLOT_BYTES = (16 << 20) + SLOT_BYTES_UNIT;

/** Shared arenas that a greeting carries; what a domain has beyond them is announced afterwards. */
export const MAXIMUM_GREETING_SEGMENTS = MAXIMUM_DESCRIPTORS - GREETING_DESCRIPTORS;

const messageLayout = defineLayout('Message', 40, {
  magic: 'i32',
  version: 'i32',
  type: 'i32',
  /** Bytes at the end: private data or the reason of a refusal. */
  trailerBytes: 'i32',
  queuePairNumber: 'i32',
  slots: 'i32',
  slotBytes: 'i32',
  /** Segment entries that follow the header, each with a descriptor. */
  segments: 'i32',
  /** In RELEASE: the segment that is gone. */
  released: 'i32',
  padding: 4,
});
const { word } = messageLayout;

const segmentLayout = defineLayout('SegmentEntry', 16, {
  id: 'i32',
  writable: 'i32',
  bytes: 'u53',
});

/** A segment that the peer may map, in the order of the message's descriptors. */
export interface AnnouncedSegment {
  readonly id: number;
  readonly bytes: number;
  readonly writable: boolean;
}

/** A checked message. Which of the fields mean something depends on its type. */
export interface Message {
  readonly type: MessageType;
  readonly trailer: Uint8Array;
  readonly queuePairNumber: number;
  readonly slots: number;
  readonly slotBytes: number;
  readonly segments: readonly AnnouncedSegment[];
  readonly released: number;
}

export function encodeMessage(message: Partial<Message> & { type: MessageType }): Uint8Array {
  const trailer = message.trailer ?? new Uint8Array(0);
  const segments = message.segments ?? [];
  const trailerOffset = messageLayout.bytes + segments.length * segmentLayout.bytes;
  const octets = new Uint8Array(trailerOffset + trailer.length);
  const words = new Int32Array(octets.buffer, 0, trailerOffset / 4);
  words[word.magic] = MAGIC;
  words[word.version] = PROTOCOL_VERSION;
  words[word.type] = message.type;
  words[word.trailerBytes] = trailer.length;
  words[word.queuePairNumber] = message.queuePairNumber ?? 0;
  words[word.slots] = message.slots ?? 0;
  words[word.slotBytes] = message.slotBytes ?? 0;
  words[word.segments] = segments.length;
  words[word.released] = message.released ?? 0;
  for (const [index, { id, bytes, writable }] of segments.entries()) {
    const at = (messageLayout.bytes + index * segmentLayout.bytes) / 4;
    words[at + segmentLayout.word.id] = id;
    words[at + segmentLayout.word.writable] = writable ? 1 : 0;
    writeU53(words, at + segmentLayout.word.bytes, bytes);
  }
  octets.set(trailer, trailerOffset);
  return octets;
}

export function encodeRejection(reason: string): Uint8Array {
  const trailer = new Uint8Array(Buffer.from(reason).subarray(0, MAXIMUM_REASON_BYTES));
  return encodeMessage({ type: MessageType.REJECT, trailer });
}

/** Which types there are, and how many descriptors come with each besides its segments'. */
const descriptorCounts: Readonly<Record<number, number>> = {
  [MessageType.HELLO]: GREETING_DESCRIPTORS,
  [MessageType.ACCEPT]: GREETING_DESCRIPTORS,
  [MessageType.REJECT]: 0,
  [MessageType.SEGMENT]: 0,
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
  const words = new Int32Array(payload.slice(0, payload.length & ~3).buffer);
  const read = (at: number): number => words[at] ?? 0;
  if (read(word.magic) !== MAGIC) throw malformed('is none of the NIC');
  if (read(word.version) !== PROTOCOL_VERSION) {
    throw malformed(`is of version ${read(word.version)}, not ${PROTOCOL_VERSION}`);
  }
  const type = read(word.type);
  const count = read(word.segments);
  const ownDescriptors = descriptorCounts[type];
  if (ownDescriptors === undefined) throw malformed(`has the unknown type ${type}`);
  if (ownDescriptors + count !== descriptors.length) throw malformed('has the wrong descriptors');
  const trailerOffset = messageLayout.bytes + count * segmentLayout.bytes;
  if (count < 0 || trailerOffset + read(word.trailerBytes) !== payload.length) {
    throw malformed('lies about its length');
  }
  const message: Message = {
    type: type as MessageType,
    trailer: payload.slice(trailerOffset),
    queuePairNumber: read(word.queuePairNumber),
    slots: read(word.slots),
    slotBytes: read(word.slotBytes),
    segments: Array.from({ length: count }, (_, index) => decodeSegment(words, index)),
    released: read(word.released),
  };
  if (ownDescriptors === GREETING_DESCRIPTORS) checkGreeting(message);
  return message;
}

function decodeSegment(words: Int32Array, index: number): AnnouncedSegment {
  const at = (messageLayout.bytes + index * segmentLayout.bytes) / 4;
  return {
    id: words[at + segmentLayout.word.id] ?? 0,
    bytes: readU53(words, at + segmentLayout.word.bytes),
    writable: words[at + segmentLayout.word.writable] === 1,
  };
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
