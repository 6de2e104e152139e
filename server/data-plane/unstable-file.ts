import { rmSync } from 'node:fs';
import { Arena, type ArenaSharing, type FileArena } from '../../nic/index.ts';
import { UnstableRecord } from '../block-cache/unstable-record.ts';
import type { Store } from '../store/index.ts';
import { UnstableLayout, unstablePath, writeUnstableHeader } from '../store/unstable-layout.ts';

/** Memory is put aside in pieces of so many bytes, or of one slot. */
const RESERVED_BYTES = 4 << 20;
/** After tmpfs had no room, it is asked again when so much time has passed. */
const RETRY_MS = 1000;

export interface UnstableFileOptions {
  readonly directory: string | undefined;
  /** What clients are to know the unstable data by. */
  readonly verifier: bigint;
  readonly slots: number;
  /** What lies between the description and the blocks of the slots. */
  readonly indexBytes: number;
  readonly sharing: Exclude<ArenaSharing, 'write'>;
  /** Told once, in words for a person, when tmpfs has no more room. */
  readonly report: (message: string) => void;
}

/**
 * The memory of a block cache in a file that outlives the server (store/left-data.ts reads it): a
 * description of what is in it, then what the caller wants, then the slots' blocks. The file becomes
 * as large in memory as the cache has become: tmpfs is asked for room before a slot is used the first
 * time.
 */
export class UnstableFile {
  readonly arena: Arena;
  readonly record: UnstableRecord;
  /** Where the memory begins that is the caller's. */
  readonly offset: number;
  readonly #path: string;
  readonly #file: FileArena;
  readonly #options: UnstableFileOptions;
  readonly #blockBytes: number;
  readonly #blocksOffset: number;
  #reservedSlots = 0;
  #retryAtMs = 0;
  #isReported = false;

  /** @throws NicError or the system's error when there is no such memory. Nothing is left then. */
  constructor(store: Store, options: UnstableFileOptions) {
    const layout = new UnstableLayout(options.slots);
    this.offset = layout.bytes;
    this.#options = options;
    this.#blockBytes = store.blockBytes;
    this.#blocksOffset = layout.bytes + options.indexBytes;
    this.#path = unstablePath(store.path, store.identity, options.directory);
    // What the store did not take is nothing.
    rmSync(this.#path, { force: true });
    const bytes = this.#blocksOffset + options.slots * store.blockBytes;
    this.#file = Arena.inFile(this.#path, bytes, options.sharing);
    this.arena = this.#file.arena;
    if (!this.#file.reserve(0, this.#blocksOffset) || !this.reserve(0)) {
      this.close(true);
      throw new Error('it is full');
    }
    writeUnstableHeader(this.arena.memory, {
      store,
      slots: options.slots,
      blocksOffset: this.#blocksOffset,
      verifier: options.verifier,
    });
    this.record = new UnstableRecord(layout, this.arena.memory.buffer);
  }

  /** Whether the slot has memory. */
  reserve(slot: number): boolean {
    return slot < this.#reservedSlots || this.#reserveTo(slot);
  }

  #reserveTo(slot: number): boolean {
    const now = performance.now();
    if (now < this.#retryAtMs) {
      return false;
    }
    const { slots } = this.#options;
    const wanted = Math.max(
      slot + 1,
      this.#reservedSlots + Math.ceil(RESERVED_BYTES / this.#blockBytes),
    );
    const end = Math.min(wanted, slots);
    const from = this.#blocksOffset + this.#reservedSlots * this.#blockBytes;
    if (!this.#file.reserve(from, (end - this.#reservedSlots) * this.#blockBytes)) {
      this.#retryAtMs = now + RETRY_MS;
      this.#report();
      return false;
    }
    this.#reservedSlots = end;
    return true;
  }

  #report(): void {
    if (!this.#isReported) {
      this.#isReported = true;
      const bytes = this.#reservedSlots * this.#blockBytes;
      this.#options.report(
        `${this.#path} has no more room: the block cache stays at ${bytes} bytes`,
      );
    }
  }

  /** @param isObsolete Everything is in the database: the file is removed. */
  close(isObsolete: boolean): void {
    this.arena.close();
    if (isObsolete) {
      rmSync(this.#path, { force: true });
    }
  }
}
