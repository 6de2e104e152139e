/** Writing at the end of a file, wherever that is: APPEND_INLINE and APPEND_DIRECT (6.5.3, 6.5.4). */

import { DafsError } from './dafs-error.ts';
import type { StableHow } from './protocol/index.ts';
import type { RegisteredBuffer } from './registration.ts';
import type { Session } from './session.ts';
import {
  type AppendResult,
  type FileReference,
  joined,
  type TransferLimits,
  type TransferRequests,
} from './transfer-requests.ts';

/**
 * Appends. What fits into one transfer lies in the file in one piece, whoever else appends at the same
 * time. What is longer is appended in several pieces, one after the other, and others' may lie between.
 */
export class Appends {
  readonly #session: Session;
  readonly #requests: TransferRequests;
  readonly #limits: TransferLimits;

  constructor(session: Session, requests: TransferRequests, limits: TransferLimits) {
    this.#session = session;
    this.#requests = requests;
    this.#limits = limits;
  }

  /** Appends any memory that is not empty. @throws DafsError EFBIG, ENOSPC, EDQUOT, … */
  append(
    file: FileReference,
    data: Uint8Array,
    stability: StableHow,
    credential: number,
  ): AppendResult {
    if (data.length <= this.#limits.inlineWriteBytes) {
      return this.#session.wait(this.#requests.appendInline(file, data, stability, credential));
    }
    return this.#inPieces(data.length, (position, bytes) => {
      const piece = data.subarray(position, position + bytes);
      return this.#throughSlot(file, piece, stability, credential);
    });
  }

  /** Appends registered memory that is not empty, which the server fetches by itself. */
  appendRegistered(
    file: FileReference,
    buffer: RegisteredBuffer,
    bufferOffset: number,
    bytes: number,
    stability: StableHow,
    credential: number,
  ): AppendResult {
    return this.#inPieces(bytes, (position, length) => {
      const from = bufferOffset + position;
      return this.#session.wait(
        this.#requests.appendDirect(file, buffer, from, length, stability, credential),
      );
    });
  }

  #throughSlot(
    file: FileReference,
    data: Uint8Array,
    stability: StableHow,
    credential: number,
  ): AppendResult {
    const { transfers } = this.#session;
    return transfers.use('APPEND_DIRECT', (slot) => {
      slot.memory.set(data);
      const { buffer } = transfers;
      const { offset } = slot;
      return this.#session.wait(
        this.#requests.appendDirect(file, buffer, offset, data.length, stability, credential),
      );
    });
  }

  /** One after the other: a later piece must not be in the file when an earlier one is not. */
  #inPieces(
    total: number,
    append: (position: number, bytes: number) => AppendResult,
  ): AppendResult {
    const pieceBytes = this.#limits.directWriteBytes;
    let sum = append(0, Math.min(total, pieceBytes));
    try {
      while (sum.bytes < total) {
        const next = append(sum.bytes, Math.min(total - sum.bytes, pieceBytes));
        sum = { ...joined(sum, next), endOffset: next.endOffset };
      }
    } catch (error) {
      // What is in the file is told; asking for the rest again tells why it is not.
      if (!(error instanceof DafsError)) throw error;
    }
    return sum;
  }
}
