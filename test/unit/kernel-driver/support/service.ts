import { CacheMode } from '../../../../mount/drivers/kernel/cache-board.ts';
import type { Exchange } from '../../../../mount/drivers/kernel/exchange.ts';
import { FreshDirectories } from '../../../../mount/drivers/kernel/fresh-directories.ts';
import {
  createParkedMemory,
  ParkedRequests,
} from '../../../../mount/drivers/kernel/parked-requests.ts';
import { PendingRequests } from '../../../../mount/drivers/kernel/pending-requests.ts';
import type { Service } from '../../../../mount/drivers/kernel/service.ts';
import { StableWrites } from '../../../../mount/drivers/kernel/stable-writes.ts';
import { WriteOrder } from '../../../../mount/drivers/kernel/write-order.ts';
import type { FileSystem } from '../../../../mount/file-system.ts';
import { SetxattrIn } from '../../../../mount/kernel-abi/structures.ts';

/** No write is expected to be synced. */
export const neverStable = new StableWrites(StableWrites.createMemory(), {
  mode: () => CacheMode.SHARED,
  modes: () => 0,
});

/** No directory is known to have been made here. */
const noneFresh = new FreshDirectories(FreshDirectories.createMemory(), {
  mode: () => CacheMode.SHARED,
  modes: () => 0,
});

/** What handlers work with where nothing is cached, nothing foreseen, and no kernel is there. */
export function plainService(exchange: Exchange, fileSystem: FileSystem): Service {
  return {
    exchange,
    fileSystem,
    policy: {
      validity: { attributesSeconds: 1, entrySeconds: 1, negativeSeconds: 0 },
      fileFlags: () => 0,
      directoryFlags: () => 0,
      forgetAttributes: () => {},
    },
    foresight: { attributes: () => undefined, lacks: () => false, made: () => {} },
    freshDirectories: noneFresh,
    setxattrInBytes: SetxattrIn.bytes,
    deviceFd: -1,
    parked: new ParkedRequests(createParkedMemory()),
    order: new WriteOrder(WriteOrder.createMemory(2), 0),
    pending: new PendingRequests(exchange),
    stableWrites: neverStable,
  };
}
