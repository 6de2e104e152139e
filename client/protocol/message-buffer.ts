import { ProtocolError } from './protocol-error.ts';

/** What the two sides of a session agreed upon and every message of it obeys. */
export interface WireOptions {
  /** The byte order that the client chose (section 6.1.1.5). */
  littleEndian: boolean;
  /** Where padded inline data begins, in bytes from the start of the message (section 4.2.1.1). */
  inlineWriteHeaderBytes?: number;
}

/**
 * One message, or one direct buffer, in memory that somebody else owns, usually a registered slot.
 * It is made once per slot and reused for every message in it: codecs allocate nothing for it.
 */
export class MessageBuffer {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** The memory below `bytes`, and where `bytes` begins in it: opaque fields become views of it. */
  readonly memory: ArrayBufferLike;
  readonly origin: number;
  littleEndian: boolean;
  inlineWriteHeaderBytes: number;
  /** Bytes of the message: set by encoders, and by the receiver from its work completion. */
  length = 0;
  /** Views that fixedView() gave, by the 8-byte unit in which they start. */
  readonly #fixedViews: Uint8Array[] = [];

  /** @throws ProtocolError INVALID_VALUE when the memory does not start on 8 bytes (section 6.1.1.1). */
  constructor(bytes: Uint8Array, options: WireOptions) {
    if (bytes.byteOffset % 8 !== 0) {
      throw new ProtocolError('INVALID_VALUE', 'message', 'does not start on an 8-byte boundary');
    }
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.memory = bytes.buffer;
    this.origin = bytes.byteOffset;
    this.littleEndian = options.littleEndian;
    this.inlineWriteHeaderBytes = options.inlineWriteHeaderBytes ?? 0;
  }

  /**
   * A view of a field in the fixed section. Making a view costs as much as decoding the rest of a
   * small message, and the fields of one slot's messages lie at the same few positions: so each is
   * made once, and shows whatever message the slot holds.
   */
  fixedView(position: number, byteLength: number): Uint8Array {
    const index = position >> 3;
    const known = this.#fixedViews[index];
    if (known !== undefined && known.length === byteLength) return known;
    const view = new Uint8Array(this.memory, this.origin + position, byteLength);
    this.#fixedViews[index] = view;
    return view;
  }

  /** A buffer over fresh private memory. */
  static allocate(byteLength: number, options: WireOptions): MessageBuffer {
    return new MessageBuffer(new Uint8Array(byteLength), options);
  }
}
