/** Decoders of what comes over connections, from the kernel and from peers of the NIC. */
import { BackControl } from '../../client/back-control.ts';
import type { Channel } from '../../client/channel.ts';
import { DafsError } from '../../client/dafs-error.ts';
import {
  type AnyOperation,
  decodeRequestHeader,
  decodeResponseHeader,
  directoryEntriesCodec,
  encodeRequestHeader,
  encodeResponseHeader,
  fileAttributesCodec,
  linkContentsCodec,
  MessageBuffer,
  operationByProcedure,
  operations,
  PROTOCOL_VERSION,
  ProtocolError,
  RequestHeader,
  ResponseHeader,
  requestIsLittleEndian,
} from '../../client/protocol/index.ts';
import { Request } from '../../client/request.ts';
import { NicError } from '../../nic/index.ts';
import { decodeMessage, encodeMessage, MessageType } from '../../nic/messages.ts';
import { everyFileAttribute } from '../golden/attribute-vectors.ts';
import { directEntries, directLink } from '../golden/name-vectors.ts';
import { bytesOf, type GoldenVector } from '../golden/vector.ts';
import { goldenVectors } from '../golden/vectors.ts';
import type { Target } from './support/fuzz.ts';

const isProtocolError = (error: unknown): boolean => error instanceof ProtocolError;

/** A message in memory that has more behind it, which no decoder may look at. */
function received(input: Uint8Array, littleEndian: boolean): MessageBuffer {
  const memory = new Uint8Array(input.length + 4096).fill(0xa5);
  memory.set(input);
  const message = new MessageBuffer(memory, { littleEndian });
  message.length = input.length;
  return message;
}

/** Looks at everything that was decoded. @throws Error when a part lies outside of the message */
function visit(value: unknown, message: MessageBuffer): void {
  if (value instanceof Uint8Array) {
    const isWithin = value.byteOffset + value.length <= message.bytes.byteOffset + message.length;
    if (value.buffer === message.bytes.buffer && !isWithin) {
      throw new Error('what was decoded lies outside of the message');
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const part of Object.values(value)) {
      visit(part, message);
    }
  }
}

const isOfBackControl = ({ operation }: GoldenVector): boolean => operation.startsWith('BC_');

function requestMessage(vector: GoldenVector, littleEndian: boolean): Uint8Array {
  const { operation, value, inlineWriteHeaderBytes } = vector;
  const row: AnyOperation = operations[operation];
  const message = MessageBuffer.allocate(4096, { littleEndian, inlineWriteHeaderBytes });
  row.arguments.encode(message, value);
  const header = { ...new RequestHeader(), procedure: row.procedure };
  encodeRequestHeader(message, { ...header, protocolVersion: PROTOCOL_VERSION });
  return message.bytes.slice(0, message.length);
}

const requestMessages = (isWanted: (vector: GoldenVector) => boolean): Uint8Array[] =>
  goldenVectors
    .filter(({ side }) => side === 'arguments')
    .filter(isWanted)
    .flatMap((vector) => [true, false].map((isLittle) => requestMessage(vector, isLittle)));

const requests: Target = {
  name: 'requests at the server',
  seeds: requestMessages((vector) => !isOfBackControl(vector)),
  decode(input) {
    const message = received(input, requestIsLittleEndian(input));
    const header = new RequestHeader();
    decodeRequestHeader(message, header);
    visit(operationByProcedure.get(header.procedure)?.arguments.decode(message), message);
  },
  isPrecise: isProtocolError,
};

const names = Object.keys(operations) as (keyof typeof operations)[];

/** Two bytes that say what was asked, and in which byte order, before the message. */
const responses: Target = {
  name: 'responses at the client',
  seeds: goldenVectors
    .filter(({ side }) => side === 'results')
    .map(({ operation, value, external, inlineWriteHeaderBytes }) => {
      const options = { littleEndian: true, inlineWriteHeaderBytes };
      const message = MessageBuffer.allocate(4096, options);
      operations[operation].results.encode(message, value as never);
      const header = { ...new ResponseHeader(), protocolVersion: PROTOCOL_VERSION };
      encodeResponseHeader(message, { ...header, status: external ?? 0 });
      return Uint8Array.of(
        names.indexOf(operation),
        1,
        ...message.bytes.subarray(0, message.length),
      );
    }),
  decode(input) {
    const operation: AnyOperation =
      operations[names[(input[0] ?? 0) % names.length] as (typeof names)[number]];
    const message = received(input.subarray(2), (input[1] ?? 0) % 2 === 1);
    const header = new ResponseHeader();
    decodeResponseHeader(message, header);
    const request = new Request<unknown, unknown>(operation, {}, 0);
    // Whatever it is, it is taken without an exception, and told to who asked.
    request.complete(header.status, message);
    visit(request.results, message);
  },
  isPrecise: (error) => error instanceof ProtocolError || error instanceof DafsError,
};

const directBuffers: Target = {
  name: 'direct buffers',
  seeds: [everyFileAttribute, directEntries, directLink].flatMap(({ fields }, index) =>
    [true, false].map((littleEndian) =>
      Uint8Array.of(index, Number(littleEndian), ...bytesOf(fields, littleEndian)),
    ),
  ),
  decode(input) {
    const codecs = [fileAttributesCodec, directoryEntriesCodec, linkContentsCodec];
    const message = received(input.subarray(2), (input[1] ?? 0) % 2 === 1);
    visit(codecs[(input[0] ?? 0) % 3]?.decodeAt(message, 0, message.length), message);
  },
  isPrecise: isProtocolError,
};

const backControl: Target = {
  name: 'back-control at the client',
  seeds: requestMessages(isOfBackControl),
  decode(input) {
    const message = received(input, true);
    const answers: MessageBuffer[] = [];
    const channel: Pick<Channel, 'capacity' | 'receiveSlot' | 'sendSlot' | 'postReceive' | 'send'> =
      {
        capacity: 1,
        receiveSlot: () => message,
        sendSlot: (slot) =>
          (answers[slot] ??= MessageBuffer.allocate(4096, { littleEndian: true })),
        postReceive: () => {},
        send: () => {},
      };
    const control = new BackControl(
      channel as Channel,
      (directive) => {
        visit(directive.arguments, message);
        directive.answer({} as never);
      },
      false,
    );
    control.receive(0, input.length);
  },
  isPrecise: isProtocolError,
};

const segments = [
  { id: 1, bytes: 4096, writable: true },
  { id: 2, bytes: 8192, writable: false },
];

/** The number of descriptors that came along, before the message. */
const connectionManagement: Target = {
  name: 'connection management',
  seeds: [
    { type: MessageType.HELLO, slots: 64, slotBytes: 4096, trailer: Buffer.from('private') },
    { type: MessageType.ACCEPT, slots: 8, slotBytes: 128, segments },
    { type: MessageType.REJECT, trailer: Buffer.from('why not') },
    { type: MessageType.SEGMENT, segments },
    { type: MessageType.RELEASE, released: 7 },
  ].map((message, index) =>
    Uint8Array.of([4, 6, 0, 2, 0][index] as number, ...encodeMessage(message)),
  ),
  decode(input) {
    decodeMessage(input.subarray(1), new Array<number>((input[0] ?? 0) % 8).fill(-1));
  },
  isPrecise: (error) => error instanceof NicError && error.code === 'EPROTO',
};

export const messageTargets: readonly Target[] = [
  requests,
  responses,
  directBuffers,
  backControl,
  connectionManagement,
];
