/** INIT on the wire: the first request that comes out of the device of a new mount. */

import { constants } from 'node:os';
import { Epoll, EpollEvent, readInto, writeFrom } from '../../../nic/system-calls-fuse.ts';
import { addressOf } from '../../../nic/system-calls-memory.ts';
import { CommandError } from '../../command-error.ts';
import { KERNEL_VERSION, MIN_READ_BUFFER_BYTES } from '../../kernel-abi/constants.ts';
import { InHeader, InitIn, InitOut, OutHeader } from '../../kernel-abi/structures.ts';
import {
  type InitAnswer,
  type InitOffer,
  type NegotiationChoices,
  negotiate,
} from './negotiation.ts';

const { EAGAIN, EINTR, EPROTO } = constants.errno;

/** The kernel sends INIT before mount(2) returns; only a machine in trouble takes longer. */
const INIT_TIMEOUT_MS = 10_000;

const BODY = InHeader.bytes;
const LOW_WORD = 0xffffffffn;

/** Memory for one request and one reply outside of any worker. */
class Conversation {
  readonly #fd: number;
  readonly #memory = new Uint8Array(MIN_READ_BUFFER_BYTES);
  readonly view = new DataView(this.#memory.buffer);
  readonly #address = addressOf(this.#memory);
  readonly header = InHeader.at(this.view);

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** The next request; throws when there is none in time. */
  receive(): void {
    const deadline = performance.now() + INIT_TIMEOUT_MS;
    const epoll = new Epoll();
    epoll.add(this.#fd, EpollEvent.IN, 0);
    try {
      for (;;) {
        const count = readInto(this.#fd, this.#address, this.#memory.byteLength);
        if (count > 0) return;
        const leftMs = deadline - performance.now();
        if ((count !== -EAGAIN && count !== -EINTR) || leftMs <= 0) {
          throw new CommandError(
            'MOUNT_FAILED',
            `the kernel does not begin the conversation (${count})`,
          );
        }
        epoll.wait(leftMs);
      }
    } finally {
      epoll.close();
    }
  }

  /** Replies with what `fill` puts behind the header. */
  reply(error: number, bytes: number, fill: (view: DataView, offset: number) => void): void {
    const { unique } = this.header;
    const out = OutHeader.at(this.view);
    fill(this.view, OutHeader.bytes);
    out.len = OutHeader.bytes + bytes;
    out.error = error;
    out.unique = unique;
    const written = writeFrom(this.#fd, this.#address, out.len);
    if (written !== out.len) {
      throw new CommandError('MOUNT_FAILED', `the kernel refuses the answer to INIT (${written})`);
    }
  }
}

/** Without INIT_EXT the kernel sends the first four words alone, and what follows is not its own. */
function readOffer(view: DataView, length: number): InitOffer {
  const input = InitIn.at(view, BODY);
  const extended = length >= BODY + InitIn.bytes;
  const high = extended ? BigInt(input.flags2) : 0n;
  return {
    major: input.major,
    minor: input.minor,
    maxReadahead: input.maxReadahead,
    flags: BigInt(input.flags) | (high << 32n),
  };
}

function writeAnswer(view: DataView, offset: number, answer: InitAnswer): void {
  const out = InitOut.at(view, offset);
  out.clear();
  out.major = answer.major;
  out.minor = answer.minor;
  out.maxReadahead = answer.maxReadahead;
  out.flags = Number(answer.flags & LOW_WORD);
  out.flags2 = Number(answer.flags >> 32n);
  out.maxBackground = answer.maxBackground;
  out.congestionThreshold = answer.congestionThreshold;
  out.maxWrite = answer.maxWrite;
  out.timeGran = 1;
  out.maxPages = answer.maxPages;
}

/** Our version alone, to a kernel with a newer major one: it then sends an INIT of ours. */
function writeVersion(view: DataView, offset: number): void {
  const out = InitOut.at(view, offset);
  out.clear();
  out.major = KERNEL_VERSION;
}

/**
 * Receives INIT and answers it.
 * @throws NegotiationError when the kernel is too old, CommandError when there is no conversation
 */
export function answerInit(fd: number, choices: NegotiationChoices): InitAnswer {
  const conversation = new Conversation(fd);
  for (;;) {
    conversation.receive();
    const offer = readOffer(conversation.view, conversation.header.len);
    let answer: InitAnswer | undefined;
    try {
      answer = negotiate(offer, choices);
    } catch (error) {
      conversation.reply(-EPROTO, 0, () => {});
      throw error;
    }
    if (answer !== undefined) {
      const agreed = answer;
      conversation.reply(0, InitOut.bytes, (view, offset) => writeAnswer(view, offset, agreed));
      return agreed;
    }
    conversation.reply(0, InitOut.bytes, writeVersion);
  }
}
