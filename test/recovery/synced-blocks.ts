export const BLOCK_BYTES = 4096;

/** What stands in a block of a file. */
export const blockOf = (index: number): Buffer =>
  Buffer.alloc(BLOCK_BYTES, `${String(index).padStart(15, '0')}\n`);
