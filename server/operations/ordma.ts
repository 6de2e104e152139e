import type { Handlers } from '../engine/handler.ts';

/** Reading the block cache without a message (extension ORDMA). */
export const ordmaHandlers = {
  ORDMA_EXPORT({ exported }, { channel }) {
    const { layout } = exported as NonNullable<typeof exported>;
    const { handle, address } = channel.port.exportCache();
    const { slots, blockBytes, bytes } = layout;
    return { address, byteCount: bytes, handle, slots, blockBytes };
  },
} satisfies Handlers;
