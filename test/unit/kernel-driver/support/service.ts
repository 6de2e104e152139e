import type { Exchange } from '../../../../mount/drivers/kernel/exchange.ts';
import {
  createParkedMemory,
  ParkedRequests,
} from '../../../../mount/drivers/kernel/parked-requests.ts';
import { PendingSyncs } from '../../../../mount/drivers/kernel/pending-syncs.ts';
import type { Service } from '../../../../mount/drivers/kernel/service.ts';
import { WriteOrder } from '../../../../mount/drivers/kernel/write-order.ts';
import type { FileSystem } from '../../../../mount/file-system.ts';
import { SetxattrIn } from '../../../../mount/kernel-abi/structures.ts';

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
    setxattrInBytes: SetxattrIn.bytes,
    deviceFd: -1,
    parked: new ParkedRequests(createParkedMemory()),
    order: new WriteOrder(WriteOrder.createMemory(2), 0),
    syncs: new PendingSyncs((unique, errno) => exchange.answerEarlier(unique, errno)),
  };
}
