import { DafsStatus } from '../../client/protocol/status.ts';
import type { StateId } from '../../client/protocol/types.ts';
import {
  Permission,
  requireChangeable,
  requireMutable,
  requirePermission,
} from '../access-control.ts';
import type { Exchange } from '../engine/exchange.ts';
import { refuse } from '../engine/refusal.ts';
import type { Service } from '../engine/service.ts';
import { ANONYMOUS_STATEID, BYPASS_STATEID, Share } from '../state/opens.ts';
import { FileType, type Inode } from '../store/index.ts';

/**
 * Whether a request may read or write (`share`) the contents of a file. An open gives the right by
 * itself: permissions were checked when it was made. Without one the mode decides, and what others
 * deny.
 *
 * @throws Refusal DAFSERR_INVAL unless it is a regular file, DAFSERR_PERM where chattr(1) forbids it,
 * DAFSERR_ACCES, DAFSERR_LOCKED, or what OpenTable.find throws.
 */
export function requireIoRight(
  service: Service,
  exchange: Exchange,
  inode: Inode,
  stateId: StateId,
  share: typeof Share.READ | typeof Share.WRITE,
): void {
  if (inode.type !== FileType.REGULAR) {
    refuse(DafsStatus.DAFSERR_INVAL);
  }
  if (share === Share.WRITE) {
    requireMutable(inode);
  }
  const bypasses = stateId === BYPASS_STATEID;
  if (stateId !== ANONYMOUS_STATEID && !bypasses) {
    const open = service.opens.find(stateId, exchange.client, inode.id);
    if ((open.access & share) === 0) {
      refuse(DafsStatus.DAFSERR_ACCES);
    }
    return;
  }
  const permission = share === Share.READ ? Permission.READ : Permission.WRITE;
  requirePermission(inode, exchange.credential, permission);
  if (share === Share.WRITE) {
    // Only an open for appending gives the right to add to what can only be added to.
    requireChangeable(inode);
  }
  const passesDenials = bypasses && share === Share.READ;
  if (!passesDenials && service.opens.isDenied(inode.id, share)) {
    refuse(DafsStatus.DAFSERR_LOCKED);
  }
}
