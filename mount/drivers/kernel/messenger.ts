/**
 * Delivers notifications that the kernel may keep waiting, by a process of its own
 * (messenger-main.ts).
 *
 * The kernel waits, uninterruptibly, for a page or a directory that a request holds. If this process
 * were killed just then, the thread that waits could not end, and would hold all of the process's
 * descriptors: the request would never be taken back, nor would any other, and whoever uses the mount
 * would hang for good. So who waits must not be who answers.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { readSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { closeDescriptor } from '../../../nic/system-calls.ts';
import { createSocketPair } from '../../../nic/system-calls-fuse.ts';
import { programAt } from '../../../nic/thread.ts';
import { OutHeader } from '../../kernel-abi/structures.ts';

const program = programAt(new URL('./messenger-main.ts', import.meta.url));

/** So much is collected before it is handed over; less than a socket takes at once. */
const BUFFER_BYTES = 32_768;

/** What the messenger finds under these numbers. */
export const MessengerDescriptor = {
  /** Where notifications come from, and acknowledgements go to. */
  NOTIFICATIONS: 3,
  /** Ends when the mount does, or its process. */
  LIFE: 4,
  /** A channel of the mount that no worker reads. */
  DEVICE: 5,
} as const;

/** The messenger has ended before the mount. */
export class MessengerError extends Error {
  readonly code = 'MESSENGER_ENDED';
}

/** The messenger as the listener has it. It belongs to one thread. */
export class Messenger {
  readonly #child: ChildProcess;
  readonly #socket: number;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  readonly #answer = new Uint8Array(1);
  #used = 0;

  /**
   * Starts the process. It can be told something at once.
   * @param lifeFd as {@link MessengerDescriptor} describes it
   */
  constructor(deviceFd: number, lifeFd: number) {
    const [here, there] = createSocketPair('close-on-exec');
    this.#socket = here;
    // A session of its own: Ctrl-C in the terminal is for the mount, which ends the messenger.
    this.#child = spawn(process.execPath, [...process.execArgv, fileURLToPath(program)], {
      detached: true,
      cwd: '/',
      stdio: ['ignore', 'inherit', 'inherit', there, lifeFd, deviceFd],
    });
    this.#child.on('error', () => {});
    closeDescriptor(there);
  }

  /** Takes the first `bytes` bytes of `message`, a notification, for delivery. */
  readonly take = (message: Uint8Array, bytes: number): boolean => {
    if (this.#used + bytes > BUFFER_BYTES) this.#send();
    this.#buffer.set(message.subarray(0, bytes), this.#used);
    this.#used += bytes;
    return true;
  };

  /** Returns when the kernel has taken all notifications. @throws MessengerError */
  settle(): void {
    // A message of no kind asks for an answer when it has come through.
    const marker = new Uint8Array(OutHeader.bytes);
    OutHeader.at(new DataView(marker.buffer)).len = OutHeader.bytes;
    this.take(marker, marker.byteLength);
    this.#send();
    if (readSync(this.#socket, this.#answer) === 0) throw ended();
  }

  /** Lets the process end, and waits until it has. */
  async close(): Promise<void> {
    closeDescriptor(this.#socket);
    const { exitCode, signalCode, pid } = this.#child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    await new Promise((resolve) => this.#child.once('exit', resolve));
  }

  #send(): void {
    let sent = 0;
    try {
      while (sent < this.#used) {
        sent += writeSync(this.#socket, this.#buffer, sent, this.#used - sent);
      }
    } catch (error) {
      throw ended(error);
    }
    this.#used = 0;
  }
}

function ended(cause?: unknown): MessengerError {
  return new MessengerError('the process that tells the kernel of changes has ended', { cause });
}
