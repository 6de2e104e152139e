import { AccessRight } from '../../client/protocol/constants.ts';
import { type Credential, isImmutable, Permission, permits } from '../access-control.ts';
import type { Handlers } from '../engine/handler.ts';
import { FileType, type Inode } from '../store/index.ts';

const R = AccessRight;

/** Which permission bit each right needs, and what the server can judge for each kind of object. */
const directoryRights: readonly (readonly [number, number])[] = [
  [R.ACCESS_READ, Permission.READ],
  [R.ACCESS_LOOKUP, Permission.EXECUTE],
  [R.ACCESS_MODIFY, Permission.WRITE],
  [R.ACCESS_EXTEND, Permission.WRITE],
  [R.ACCESS_DELETE, Permission.WRITE],
  [R.ACCESS_EXECUTE, Permission.EXECUTE],
];
const otherRights: readonly (readonly [number, number])[] = [
  [R.ACCESS_READ, Permission.READ],
  [R.ACCESS_MODIFY, Permission.WRITE],
  [R.ACCESS_EXTEND, Permission.WRITE],
  [R.ACCESS_EXECUTE, Permission.EXECUTE],
];

/** What a user may do with a file (section 6.5.2). */
export const accessHandlers = {
  ACCESS(service, exchange, args) {
    const inode = service.filehandles.inode(args.filehandle);
    const rights = inode.type === FileType.DIRECTORY ? directoryRights : otherRights;
    let supported = 0;
    let access = 0;
    for (const [right, permission] of rights) {
      if ((args.access & right) !== 0) {
        supported |= right;
        access |= isAllowed(inode, exchange.credential, permission) ? right : 0;
      }
    }
    return { supported, access };
  },
} satisfies Handlers;

const isAllowed = (inode: Inode, credential: Credential, permission: number): boolean =>
  permits(inode, credential, permission) &&
  !(permission === Permission.WRITE && isImmutable(inode));
