/**
 * The messenger's process: writes each notification that it is sent to the device, one by one, and
 * answers when it is asked to. The guard (messenger-guard.ts) frees it when nobody else can.
 */

import { readSync, writeSync } from 'node:fs';
import { startThread } from '../../../nic/thread.ts';
import { OutHeader } from '../../kernel-abi/structures.ts';
import { MessengerDescriptor } from './messenger.ts';
import { toDevice } from './notifier.ts';

const { NOTIFICATIONS, DEVICE } = MessengerDescriptor;
const BUFFER_BYTES = 65_536;

/** @returns the bytes taken; 0: there will be none any more, and nobody is left to be answered */
function receive(buffer: Uint8Array, at: number): number {
  try {
    return readSync(NOTIFICATIONS, buffer, at, BUFFER_BYTES - at, null);
  } catch (error) {
    // The mount's process was killed before it had read an answer.
    if ((error as NodeJS.ErrnoException).code === 'ECONNRESET') return 0;
    throw error;
  }
}

/** Says that everything so far has come through, if anybody is left to hear it. */
function answer(): void {
  try {
    writeSync(NOTIFICATIONS, Uint8Array.of(1));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
  }
}

/** Passes messages on until there will be none any more. */
function deliver(): void {
  const send = toDevice(DEVICE);
  const buffer = new Uint8Array(BUFFER_BYTES);
  const message = new Uint8Array(BUFFER_BYTES);
  const header = OutHeader.at(new DataView(message.buffer));
  for (let filled = 0; ; ) {
    const count = receive(buffer, filled);
    if (count === 0) return;
    filled += count;
    let start = 0;
    while (filled - start >= OutHeader.bytes) {
      message.set(buffer.subarray(start, start + OutHeader.bytes));
      const { len } = header;
      if (filled - start < len) break;
      message.set(buffer.subarray(start, start + len));
      if (header.error === 0) answer();
      else send(message, len);
      start += len;
    }
    buffer.copyWithin(0, start, filled);
    filled -= start;
  }
}

const guard = startThread(new URL('./messenger-guard.ts', import.meta.url));
guard.once('online', () => {
  deliver();
  process.exit(0);
});
