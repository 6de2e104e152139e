import { type Announcements, announcedSegment } from './announcements.ts';
import { NicError, requireInteger } from './error.ts';
import {
  encodeMessage,
  encodeRejection,
  MAXIMUM_GREETING_SEGMENTS,
  MAXIMUM_PRIVATE_DATA_BYTES,
  type MessageType,
} from './messages.ts';
import type { QueuePair } from './queue-pair.ts';
import { sendMessage } from './unix-socket.ts';

/**
 * Sends what a peer needs to reach a queue pair: its ring, epoch, bell and table, the arenas that its
 * domain shares, and private data.
 * @throws NicError ECONNRESET when the peer is gone.
 */
export function greet(
  announcements: Announcements,
  type: typeof MessageType.HELLO | typeof MessageType.ACCEPT,
  queuePair: QueuePair,
  privateData: Uint8Array,
): void {
  const { ring, context, protectionDomain, number } = queuePair;
  const shared = protectionDomain.arenas.forAll();
  const first = shared.slice(0, MAXIMUM_GREETING_SEGMENTS);
  const payload = encodeMessage({
    type,
    queuePairNumber: number,
    slots: ring.slots,
    slotBytes: ring.slotBytes,
    segments: first.map(([arena, id]) => announcedSegment(id, arena)),
    trailer: privateData,
  });
  const { epochSegment, bellSegment } = context.doorbell;
  const own = [ring.segment, epochSegment, bellSegment, protectionDomain.table.segment];
  const descriptors = [...own, ...first.map(([arena]) => arena)];
  try {
    const numbers = descriptors.map(({ descriptor }) => descriptor);
    sendMessage(announcements.socket, payload, numbers);
  } catch (error) {
    if (!(error instanceof NicError)) throw error;
    throw new NicError('ECONNRESET', 'the peer left during the handshake');
  }
  for (const [arena, id] of shared.slice(first.length)) announcements.announce(id, arena);
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
