/** Writing at the end of a file, wherever that is: APPEND_INLINE and APPEND_DIRECT (6.5.3, 6.5.4). */

import { DafsError } from './dafs-error.ts';
import type { StableHow } from './protocol/index.ts';
import type { RegisteredBuffer } from './registration.ts';
import type { Session } from './session.ts';
import type {
  AppendResult,
  FileReference,
  TransferLimits,
  TransferRequests,
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
    const slot = transfers.acquire();
    if (slot === undefined) {
      const reason = 'every slot of the transfer arena is in use by an unfinished transfer';
      throw DafsError.local('APPEND_DIRECT', 'INVALID_ARGUMENT', 'ENOBUFS', reason);
    }
    try {
      slot.memory.set(data);
      const { buffer } = transfers;
      const { offset } = slot;
      return this.#session.wait(
        this.#requests.appendDirect(file, buffer, offset, data.length, stability, credential),
      );
    } finally {
      transfers.release(slot);
    }
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
        const committed = Math.min(sum.committed, next.committed) as StableHow;
        // The older verifier stays, so that a later COMMIT notices that it changed.
        sum = { ...next, bytes: sum.bytes + next.bytes, committed, verifier: sum.verifier };
      }
    } catch (error) {
      // What is in the file is told; asking for the rest again tells why it is not.
      if (!(error instanceof DafsError)) throw error;
    }
    return sum;
  }
}
