/** Where JavaScript's memory lies, for system calls that are given addresses. */

import koffi from 'koffi';

const memmove = koffi
  .load(null)
  .func('uintptr_t memmove(void *target, void *source, size_t bytes)');

export const PAGE_BYTES = 4096;

/** Rounds up to whole pages. */
export function wholePages(bytes: number): number {
  return Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
}

/** The address of the first byte of `memory`, whose backing store must not move (an arena's). */
export function addressOf(memory: Uint8Array): number {
  return memmove(memory, memory, 0) as number;
}

/** The part of `memory` that begins on a page; the backing store must not move. */
export function fromPage<Memory extends Uint8Array>(memory: Memory): Memory {
  const skipped = -addressOf(memory) & (PAGE_BYTES - 1);
  return memory.subarray(skipped) as Memory;
}
