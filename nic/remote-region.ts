import type { Connection } from './connection.ts';
import { copyBytes, type MappedMemory } from './mapped-memory.ts';
import { fence, loadAcquire } from './memory-order.ts';
import type { MemoryRegion } from './memory-region.ts';
import type { QueuePair } from './queue-pair.ts';
import { Access } from './translation-protection-table.ts';
import { WcStatus } from './work-request.ts';

/** How late the death of a peer that only is read from may be noticed. */
const LIVENESS_MS = 5;

/**
 * Memory of the peer that is read again and again: RDMA READs that were admitted once for all of
 * their range, so that each costs a copy and no bookkeeping, and has no completion. What admitted
 * them is looked at again by `isReadable`: call it after reading, and believe nothing of what was
 * read when it says no.
 *
 * Bounds are those of the range, whatever the offset; nothing outside of it can be read. What is read
 * may change at any time, and is the peer's word.
 */
export class RemoteRegion {
  readonly bytes: number;
  readonly #queuePair: QueuePair;
  readonly #connection: Connection;
  readonly #rkey: number;
  readonly #segment: MappedMemory;
  readonly #offset: number;
  /** Views of the range alone; empty when the segment is unmapped. */
  readonly #words: Int32Array;
  readonly #floats: Float64Array;

  /** @internal Made by QueuePair.importRegion. */
  constructor(
    queuePair: QueuePair,
    connection: Connection,
    rkey: number,
    segment: MappedMemory,
    offset: number,
    bytes: number,
  ) {
    const { buffer } = segment.octets;
    this.bytes = bytes;
    this.#queuePair = queuePair;
    this.#connection = connection;
    this.#rkey = rkey;
    this.#segment = segment;
    this.#offset = offset;
    this.#words = new Int32Array(buffer, offset, bytes >> 2);
    this.#floats = new Float64Array(buffer, offset, bytes >> 3);
  }

  /**
   * Whether a read would be admitted now, and therefore was until now: the connection lives (its
   * socket is looked at when that was not done for a while), the peer answers, and its key is valid.
   * @param nowMs of performance.now(), for who knows it already.
   */
  isReadable(nowMs = performance.now()): boolean {
    const queuePair = this.#queuePair;
    const connection = this.#connection;
    queuePair.context.serviceIfDue(LIVENESS_MS, nowMs);
    if (queuePair.connection !== connection || this.#words.length === 0) return false;
    return connection.isReachable() && connection.memory.holds(this.#rkey);
  }

  /** The 32-bit word at an index; what is read afterwards is at least as new. 0 outside the range. */
  word(index: number): number {
    return loadAcquire(this.#words, index) | 0;
  }

  /** The same, at least as new as what was read before. */
  wordAfterReads(index: number): number {
    fence();
    return loadAcquire(this.#words, index) | 0;
  }

  /**
   * The 64-bit float at an index, in one piece; what is read afterwards is at least as new. NaN outside
   * the range.
   */
  float(index: number): number {
    const value = this.#floats[index];
    fence();
    return value === undefined ? Number.NaN : value;
  }

  /**
   * Copies bytes into registered memory of the queue pair's domain.
   * @returns SUCCESS, or why nothing was copied: REM_ACCESS_ERR outside the range, LOC_PROT_ERR outside
   *   the target or without LOCAL_WRITE.
   */
  read(offset: number, target: MemoryRegion, targetOffset: number, length: number): WcStatus {
    const segment = this.#segment;
    const isInside = offset >= 0 && length >= 0 && offset + length <= this.bytes;
    if (!isInside || this.#words.length === 0) return WcStatus.REM_ACCESS_ERR;
    if (!this.#mayWrite(target, targetOffset, length)) return WcStatus.LOC_PROT_ERR;
    const { mapping } = target.arena;
    copyBytes(mapping, target.offset + targetOffset, segment, this.#offset + offset, length);
    return WcStatus.SUCCESS;
  }

  #mayWrite(target: MemoryRegion, offset: number, length: number): boolean {
    if (!(offset >= 0 && offset + length <= target.bytes)) return false;
    return this.#queuePair.protectionDomain.holds(target, Access.LOCAL_WRITE);
  }
}
