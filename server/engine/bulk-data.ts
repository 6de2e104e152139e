import { Fletcher32, fletcher32 } from '../../client/protocol/checksum.ts';
import type { Codec } from '../../client/protocol/codec.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import type { DirectOpBuffer } from '../../client/protocol/types.ts';
import { HOLE } from './direct-transfer.ts';
import type { Exchange } from './exchange.ts';
import type { RemoteMemory } from './memory.ts';
import { refuse } from './refusal.ts';
import type { Service } from './service.ts';

/**
 * The channel over which the server reads a client's memory: the session's RDMA-read channel if
 * they agreed on one, otherwise the operations channel (section 3.1.2.3.5).
 *
 * @throws Refusal DAFSERR_RDMA_READ_CHANNEL_UNUSABLE when the client did not bind it.
 */
export function readableMemory(exchange: Exchange): RemoteMemory {
  const { session, channel } = exchange;
  if (!session.parameters.useRdmaReadChannel) {
    return channel.port.remoteMemory;
  }
  const bound = session.rdmaRead ?? refuse(DafsStatus.DAFSERR_RDMA_READ_CHANNEL_UNUSABLE);
  return bound.port.remoteMemory;
}

/**
 * Encodes a structure in the staging memory and writes it into the client's buffers.
 *
 * @param maxBytes what the client is ready to take, if less than its buffers hold
 * @returns its checksum, 0 where the session has none
 * @throws Refusal DAFSERR_TOOSMALL when it does not fit, DAFSERR_INVAL for bad buffers.
 */
export function sendStructure<Value>(
  service: Service,
  exchange: Exchange,
  codec: Codec<Value>,
  value: Value,
  buffers: readonly DirectOpBuffer[],
  maxBytes = Number.POSITIVE_INFINITY,
): number {
  const { stagingMessage } = service;
  stagingMessage.littleEndian = exchange.request.littleEndian;
  const length = codec.encodeAt(stagingMessage, 0, value);
  return sendStaged(service, exchange, length, buffers, maxBytes);
}

/**
 * Writes bytes into the client's buffers.
 *
 * @returns their checksum, 0 where the session has none
 * @throws Refusal DAFSERR_TOOSMALL when they do not fit, DAFSERR_INVAL for bad buffers.
 */
export function sendBytes(
  service: Service,
  exchange: Exchange,
  data: Uint8Array,
  buffers: readonly DirectOpBuffer[],
): number {
  service.staging.memory.set(data);
  return sendStaged(service, exchange, data.length, buffers, Number.POSITIVE_INFINITY);
}

function sendStaged(
  { staging, transfer }: Service,
  exchange: Exchange,
  length: number,
  buffers: readonly DirectOpBuffer[],
  maxBytes: number,
): number {
  if (length > Math.min(maxBytes, totalBytes(buffers))) {
    refuse(DafsStatus.DAFSERR_TOOSMALL);
  }
  transfer.begin(exchange.channel.port.remoteMemory, buffers, length, 'rdma-write');
  transfer.write(staging, 0, length);
  return exchange.isSealed
    ? fletcher32(staging.memory.subarray(0, length), exchange.request.littleEndian)
    : 0;
}

/**
 * Reads what a client's buffers hold into the staging memory and checks its checksum.
 *
 * @throws Refusal DAFSERR_INVAL for bad buffers, DAFSERR_CHKSUM.
 */
export function receiveStaged(
  service: Service,
  exchange: Exchange,
  buffers: readonly DirectOpBuffer[],
  length: number,
  checksum: number,
): void {
  const { staging, transfer } = service;
  if (length > staging.memory.length) {
    refuse(DafsStatus.DAFSERR_INVAL);
  }
  transfer.begin(readableMemory(exchange), buffers, length, 'rdma-read');
  transfer.read(staging, 0, length);
  const data = staging.memory.subarray(0, length);
  if (exchange.isSealed && fletcher32(data, exchange.request.littleEndian) !== checksum) {
    refuse(DafsStatus.DAFSERR_CHKSUM);
  }
}

/** Adds up the checksum of data that leaves the cache piece by piece. */
export class OutgoingChecksum {
  readonly #memory: Uint8Array;
  readonly #sum: Fletcher32;

  constructor(memory: Uint8Array, littleEndian: boolean) {
    this.#memory = memory;
    this.#sum = new Fletcher32(littleEndian);
  }

  add(offset: number, length: number): void {
    this.#sum.add(
      offset === HOLE ? new Uint8Array(length) : this.#memory.subarray(offset, offset + length),
    );
  }

  get value(): number {
    return this.#sum.value;
  }
}

export const totalBytes = (buffers: readonly DirectOpBuffer[]): number =>
  buffers.reduce((total, buffer) => total + buffer.byteCount, 0);
