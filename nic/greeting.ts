import { NicError, requireInteger } from './error.ts';
import {
  encodeMessage,
  encodeRejection,
  MAXIMUM_PRIVATE_DATA_BYTES,
  type MessageType,
} from './messages.ts';
import type { QueuePair } from './queue-pair.ts';
import { sendMessage } from './unix-socket.ts';

/**
 * Sends what a peer needs to reach a queue pair: its ring, epoch, bell and table, and private data.
 * @throws NicError INVALID_ARGUMENT for too much private data, ECONNRESET when the peer is gone.
 */
export function sendGreeting(
  socket: number,
  type: typeof MessageType.HELLO | typeof MessageType.ACCEPT,
  queuePair: QueuePair,
  privateData: Uint8Array,
): void {
  const { ring, context, protectionDomain, number } = queuePair;
  const payload = encodeMessage({
    type,
    queuePairNumber: number,
    slots: ring.slots,
    slotBytes: ring.slotBytes,
    trailer: privateData,
  });
  const { epochSegment, bellSegment } = context.doorbell;
  const descriptors = [ring.segment, epochSegment, bellSegment, protectionDomain.table.segment];
  try {
    sendMessage(
      socket,
      payload,
      descriptors.map(({ descriptor }) => descriptor),
    );
  } catch (error) {
    if (!(error instanceof NicError)) throw error;
    throw new NicError('ECONNRESET', 'the peer left during the handshake');
  }
}

/** @throws NicError INVALID_ARGUMENT when there is more of it than a greeting can carry. */
export function requirePrivateData(privateData: Uint8Array): void {
  requireInteger("private data's bytes", privateData.length, 0, MAXIMUM_PRIVATE_DATA_BYTES);
}

/** Tells a peer why it is not connected, if it still listens. */
export function refuse(socket: number, reason: string): void {
  try {
    sendMessage(socket, encodeRejection(reason), []);
  } catch (error) {
    if (!(error instanceof NicError)) throw error;
  }
}
