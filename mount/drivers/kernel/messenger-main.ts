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

/** Passes messages on until there will be none any more. */
function deliver(): void {
  const send = toDevice(DEVICE);
  const buffer = new Uint8Array(BUFFER_BYTES);
  const message = new Uint8Array(BUFFER_BYTES);
  const header = OutHeader.at(new DataView(message.buffer));
  const answer = Uint8Array.of(1);
  for (let filled = 0; ; ) {
    const count = readSync(NOTIFICATIONS, buffer, filled, BUFFER_BYTES - filled, null);
    if (count === 0) return;
    filled += count;
    let start = 0;
    while (filled - start >= OutHeader.bytes) {
      message.set(buffer.subarray(start, start + OutHeader.bytes));
      const { len } = header;
      if (filled - start < len) break;
      message.set(buffer.subarray(start, start + len));
      if (header.error === 0) writeSync(NOTIFICATIONS, answer);
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
