import { Content, FallocateMode } from '../../client/protocol/extensions.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import type { Filehandle, StateId } from '../../client/protocol/types.ts';
import { requireChangeable } from '../access-control.ts';
import type { BlockCache } from '../block-cache.ts';
import type { Exchange } from '../engine/exchange.ts';
import type { Handlers } from '../engine/handler.ts';
import { refuse } from '../engine/refusal.ts';
import type { Service } from '../engine/service.ts';
import { Share } from '../state/opens.ts';
import { FileType, type Inode, maxFileBytes } from '../store/index.ts';
import { recordAccess } from './access-time.ts';
import { requireIoRight } from './io-right.ts';
import { dropPrivileges } from './privileges.ts';

/** So much data is copied before others get their turn. */
const COPY_BYTES = 4 << 20;

/** Holes, allocation and copying (extension SPACE). */
export const spaceHandlers = {
  SEEK(service, exchange, args) {
    const { id } = rangedFile(service, exchange, args, Share.READ);
    const { ranges } = service.cache;
    const offset =
      args.content === Content.DATA
        ? ranges.nextData(id, args.offset)
        : ranges.nextHole(id, args.offset);
    return { offset: offset ?? refuse(DafsStatus.DAFSERR_NXIO) };
  },

  FALLOCATE(service, exchange, args) {
    const inode = rangedFile(service, exchange, args, Share.WRITE);
    const { offset, length, mode } = args;
    const allocation = allocations[mode] ?? refuse(DafsStatus.DAFSERR_NOTSUPP);
    if (length === 0) {
      refuse(DafsStatus.DAFSERR_INVAL);
    }
    requireInFile(offset, length);
    if ((mode & ~KEEP_SIZE) !== 0) {
      requireChangeable(inode);
    }
    allocation(service.cache, inode, offset, length);
    dropPrivileges(service, exchange, inode);
    return undefined;
  },

  COPY(service, exchange, args) {
    const from = { filehandle: args.sourceFilehandle, stateId: args.sourceStateId };
    const source = rangedFile(service, exchange, from, Share.READ);
    const target = rangedFile(service, exchange, args, Share.WRITE);
    const { sourceOffset, offset, length } = args;
    const count = Math.max(0, Math.min(length, source.size - sourceOffset));
    requireInFile(offset, count);
    const places = [
      { id: source.id, offset: sourceOffset },
      { id: target.id, offset },
    ] as const;
    const copied = service.cache.ranges.copy(...places, count, COPY_BYTES);
    if (copied > 0) {
      recordAccess(service, source, exchange.credential);
      dropPrivileges(service, exchange, target);
    }
    return { count: copied };
  },
} satisfies Handlers;

type Allocation = (cache: BlockCache, inode: Inode, offset: number, length: number) => void;

/** Does something to a range and lets the file reach at least to its end. */
const growing =
  (allocation: Allocation): Allocation =>
  (cache, inode, offset, length) => {
    allocation(cache, inode, offset, length);
    if (offset + length > inode.size) {
      cache.truncate(inode.id, offset + length);
    }
  };

const allocate: Allocation = ({ ranges }, { id }, offset, length) =>
  ranges.allocate(id, offset, length);
const zero: Allocation = ({ ranges }, { id }, offset, length) => ranges.zero(id, offset, length);

const { KEEP_SIZE, PUNCH_HOLE, COLLAPSE_RANGE, ZERO_RANGE, INSERT_RANGE } = FallocateMode;

/** By mode; what is not here is DAFSERR_NOTSUPP. */
const allocations: Readonly<Record<number, Allocation>> = {
  0: growing(allocate),
  [KEEP_SIZE]: allocate,
  [ZERO_RANGE]: growing(zero),
  [ZERO_RANGE | KEEP_SIZE]: zero,
  [PUNCH_HOLE | KEEP_SIZE]: ({ ranges }, { id }, offset, length) =>
    ranges.punch(id, offset, length),
  [COLLAPSE_RANGE]: ({ ranges }, { id }, offset, length) => ranges.collapse(id, offset, length),
  [INSERT_RANGE]: ({ ranges }, { id }, offset, length) => ranges.insert(id, offset, length),
};

function rangedFile(
  service: Service,
  exchange: Exchange,
  args: { readonly filehandle: Filehandle; readonly stateId: StateId },
  share: typeof Share.READ | typeof Share.WRITE,
): Inode {
  const inode = service.filehandles.inode(args.filehandle);
  if (inode.type === FileType.DIRECTORY) {
    refuse(DafsStatus.DAFSERR_ISDIR);
  }
  requireIoRight(service, exchange, inode, args.stateId, share);
  return inode;
}

function requireInFile(offset: number, length: number): void {
  if (offset > maxFileBytes - length) {
    refuse(DafsStatus.DAFSERR_FBIG);
  }
}
