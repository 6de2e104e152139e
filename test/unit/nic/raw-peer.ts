/**
 * A peer that speaks the NIC's protocol by hand, so that it can break it anywhere. Whoever makes one
 * closes it.
 */

import { type MappedMemory, SharedSegment } from '../../../nic/mapped-memory.ts';
import { encodeMessage, type Message, MessageType } from '../../../nic/messages.ts';
import { closeDescriptor, createSocket } from '../../../nic/system-calls.ts';
import { PAGE_BYTES } from '../../../nic/system-calls-memory.ts';
import { TABLE_BYTES } from '../../../nic/translation-protection-table.ts';
import {
  connectSocketTo,
  type ReceivedMessage,
  receiveMessage,
  sendMessage,
} from '../../../nic/unix-socket.ts';

export const SLOTS = 4;
export const SLOT_BYTES = 128;
const RTS = 3;
/** Where the words of the peer's page lie that the other side reads. */
export const PageWord = {
  STATE: 0,
  REFUSAL: 1,
  REFUSED: 2,
  CONSUMED: 16,
  NOT_READY: 17,
  ACTIVE: 32,
};

export interface GreetingParts {
  message: Partial<Message>;
  descriptors: number[];
}

export class RawPeer {
  readonly socket = createSocket();
  readonly ring = new SharedSegment('raw-ring', PAGE_BYTES + SLOTS * SLOT_BYTES, 'read');
  readonly epoch = new SharedSegment('raw-epoch', PAGE_BYTES, 'read');
  readonly bell = new SharedSegment('raw-bell', PAGE_BYTES, 'write');
  readonly table = new SharedSegment('raw-table', TABLE_BYTES, 'read');
  #closed = false;

  constructor(path: string) {
    connectSocketTo(this.socket, path);
    this.words[PageWord.STATE] = RTS;
  }

  get words(): Int32Array {
    return this.ring.memory.words;
  }

  /** Says hello, changed as the test wants it. */
  greet(change: (parts: GreetingParts) => void = () => undefined): void {
    const segments = [this.ring, this.epoch, this.bell, this.table];
    const parts: GreetingParts = {
      message: { slots: SLOTS, slotBytes: SLOT_BYTES },
      descriptors: segments.map(({ descriptor }) => descriptor),
    };
    change(parts);
    this.say({ type: MessageType.HELLO, ...parts.message }, parts.descriptors);
  }

  say(message: Partial<Message> & { type: MessageType }, descriptors: number[] = []): boolean {
    return sendMessage(this.socket, encodeMessage(message), descriptors);
  }

  sayRaw(payload: Uint8Array, descriptors: number[] = []): boolean {
    return sendMessage(this.socket, payload, descriptors);
  }

  hear(): ReceivedMessage | 'end' | undefined {
    const received = receiveMessage(this.socket);
    if (received !== undefined && received !== 'end') received.descriptors.forEach(closeDescriptor);
    return received;
  }

  /** Writes message `number` into the ring: its operation, length and immediate as given. */
  publish(number: number, operation: number, byteLength: number, immediate = 0): void {
    const at = (PAGE_BYTES + (number % SLOTS) * SLOT_BYTES) / 4;
    this.words[at + 1] = operation;
    this.words[at + 2] = byteLength;
    this.words[at + 3] = immediate;
    Atomics.store(this.words, at, number + 1);
  }

  /** Offers memory for remote access under `id`. */
  share(id: number, memory: SharedSegment): void {
    const { bytes } = memory.memory;
    const segments = [{ id, bytes, writable: memory.sharing === 'write' }];
    this.say({ type: MessageType.SEGMENT, segments }, [memory.descriptor]);
  }

  /** Writes the 16 words of a table entry. */
  writeEntry(index: number, words: readonly number[]): void {
    const memory: MappedMemory = this.table.memory;
    memory.words.set(words, index * 16);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeDescriptor(this.socket);
    for (const segment of [this.ring, this.epoch, this.bell, this.table]) segment.close();
  }
}
