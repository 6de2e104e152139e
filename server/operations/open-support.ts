import { CreateMode, OpenType } from '../../client/protocol/constants.ts';
import type { ArgumentsOf } from '../../client/protocol/operations.ts';
import type { StateId } from '../../client/protocol/types.ts';
import type { Exchange } from '../engine/exchange.ts';
import type { Service } from '../engine/service.ts';
import type { ShareRequest } from '../state/opens.ts';
import type { FileId } from '../store/index.ts';

export type OpenArguments = ArgumentsOf<'OPEN'>;

/** An UNCHECKED creation with the size 0 truncates a file that is there already. */
export const isTruncating = (open: OpenArguments['open']): boolean =>
  open.openType === OpenType.OPEN_CREATE &&
  open.how.createMode === CreateMode.UNCHECKED &&
  open.how.createAttrs.objectSize === 0;

/** Enters the open of an object, until the request fails after all. @throws what OpenTable.open throws */
export function registerOpen(
  service: Service,
  exchange: Exchange,
  args: OpenArguments,
  id: FileId,
  share: ShareRequest,
): StateId {
  const openCount = service.opens.size;
  const open = service.opens.open(exchange.client, id, args.owner, share);
  if (service.opens.size > openCount) {
    exchange.undo = () => service.opens.close(open);
  }
  return open.stateId as StateId;
}
