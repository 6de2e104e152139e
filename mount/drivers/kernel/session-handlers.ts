/**
 * Requests that are about the conversation itself. Nodeids are the server's file ids and nobody
 * keeps a table of them, so there is nothing to forget.
 */

import { constants } from 'node:os';
import { InterruptIn } from '../../kernel-abi/structures.ts';
import type { Service } from './service.ts';

const { EIO } = constants.errno;

export function sessionHandlers({ exchange, fileSystem, parked }: Service) {
  const interruptIn = exchange.input(InterruptIn);

  return {
    forget(): void {},

    batchForget(): void {},

    /** Not answered: what it interrupts is. */
    interrupt(): void {
      const { locks } = fileSystem;
      if (locks === undefined) return;
      // The kernel names nobody. While the server is away it counts whether he is being killed.
      exchange.caller.pid = parked.waiterOf(interruptIn.unique);
      parked.interrupt(interruptIn.unique, locks);
    },

    /** The main thread has answered the one INIT that there is. */
    init(): void {
      exchange.answerError(EIO);
    },

    /** Sent before an unmount ends by kernels that wait for it; what follows is ENODEV. */
    destroy(): void {
      exchange.answer(0);
    },
  };
}
