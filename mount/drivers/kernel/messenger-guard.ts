/**
 * The messenger may wait in the kernel for a request that nobody answers any more, because the mount's
 * process was killed or one of its workers failed. The kernel takes back what these had received; what
 * it had not handed out yet, this thread refuses.
 */

import { readSync } from 'node:fs';
import { constants } from 'node:os';
import { readInto, writeFrom } from '../../../nic/system-calls-fuse.ts';
import { addressOf } from '../../../nic/system-calls-memory.ts';
import { isAnswered } from '../../kernel-abi/operations.ts';
import { InHeader, OutHeader } from '../../kernel-abi/structures.ts';
import { MessengerDescriptor } from './messenger.ts';

const { EAGAIN, EINTR, EIO, ENOENT } = constants.errno;

/** The kernel hands requests out only to who has room for the longest: 1 MiB of data and its header. */
const REQUEST_BYTES = (1 << 20) + 8192;

/** How often it is looked whether there are requests. */
const LOOK_AGAIN_MS = 10;

const { LIFE, DEVICE } = MessengerDescriptor;

/** Refuses all requests until the process ends, or the mount is gone. */
function refuseRequests(): void {
  const memory = new Uint8Array(REQUEST_BYTES);
  const address = addressOf(memory);
  const view = new DataView(memory.buffer);
  const request = InHeader.at(view);
  const reply = OutHeader.at(view);
  const sleep = new Int32Array(new SharedArrayBuffer(4));
  for (;;) {
    const count = readInto(DEVICE, address, REQUEST_BYTES);
    if (count > 0) {
      const { opcode, unique } = request;
      if (!isAnswered(opcode)) continue;
      reply.len = OutHeader.bytes;
      reply.error = -EIO;
      reply.unique = unique;
      writeFrom(DEVICE, address, OutHeader.bytes);
    } else if (count === -EAGAIN || count === -EINTR || count === -ENOENT) {
      Atomics.wait(sleep, 0, 0, LOOK_AGAIN_MS);
    } else {
      return;
    }
  }
}

// Nothing is ever sent here: this returns when the other end is closed, by whomever.
readSync(LIFE, new Uint8Array(1));
refuseRequests();
