import { DafsStatus } from '../../client/protocol/status.ts';
import type { Handlers } from '../engine/handler.ts';
import { refuse } from '../engine/refusal.ts';

/** Reading the block cache without a message (extension ORDMA). */
export const ordmaHandlers = {
  ORDMA_EXPORT({ exported }, { channel }) {
    const { layout } = exported as NonNullable<typeof exported>;
    const { handle, address } = channel.port.exportCache();
    const { slots, blockBytes, bytes } = layout;
    return { address, byteCount: bytes, handle, slots, blockBytes };
  },

  ORDMA_USED({ cache, exported }, _exchange, { firstSlot, used }) {
    const { slots } = (exported as NonNullable<typeof exported>).layout;
    if (firstSlot % 8 !== 0 || firstSlot + (used.length - 1) * 8 >= slots) {
      refuse(DafsStatus.DAFSERR_INVAL);
    }
    cache.used(firstSlot, used);
    return {};
  },
} satisfies Handlers;
