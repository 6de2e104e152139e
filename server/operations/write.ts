import { StableHow } from '../../client/protocol/constants.ts';
import type { ResultsOf } from '../../client/protocol/operations.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import type { Filehandle, StateId } from '../../client/protocol/types.ts';
import type { EmitWrite } from '../block-cache.ts';
import { readableMemory, receiveStaged } from '../engine/bulk-data.ts';
import type { Exchange } from '../engine/exchange.ts';
import type { Handlers } from '../engine/handler.ts';
import { refuse } from '../engine/refusal.ts';
import type { Service } from '../engine/service.ts';
import { Share } from '../state/opens.ts';
import { FileType, type Inode, maxFileBytes, rootId } from '../store/index.ts';
import { requireIoRight } from './io-right.ts';
import { dropPrivileges } from './privileges.ts';

/** What all kinds of writes have in common. */
interface WriteArguments {
  readonly filehandle: Filehandle;
  readonly stateId: StateId;
  readonly offset: number;
  readonly stableHow: StableHow;
}

/** Writing files and making them durable (sections 6.5.8, 6.5.38 and 6.5.39). */
export const writeHandlers = {
  WRITE_INLINE(service, exchange, args) {
    const { data } = args;
    const inode = writableFile(service, exchange, args, data.length);
    write(service, exchange, inode, args.offset, data.length, copyFrom(service, data));
    return writeResults(service, exchange, inode, data.length, args.stableHow);
  },

  WRITE_DIRECT(service, exchange, args) {
    const { byteCount, writeDataBuffers: buffers } = args;
    const { cacheMemory, transfer } = service;
    const inode = writableFile(service, exchange, args, byteCount);
    if (exchange.isSealed) {
      // Data whose checksum is wrong must not reach the file, so it has to be seen as a whole first.
      receiveStaged(service, exchange, buffers, byteCount, args.directChecksum);
      const data = service.staging.memory.subarray(0, byteCount);
      write(service, exchange, inode, args.offset, byteCount, copyFrom(service, data));
    } else {
      transfer.begin(readableMemory(exchange), buffers, byteCount, 'rdma-read');
      write(service, exchange, inode, args.offset, byteCount, (offset, length) =>
        transfer.read(cacheMemory, offset, length),
      );
    }
    return writeResults(service, exchange, inode, byteCount, args.stableHow);
  },

  /**
   * A whole file is committed whatever the range is. Beyond the draft, a directory's handle commits
   * its entries, and the root's the whole file system (see README.md).
   */
  COMMIT(service, exchange, args) {
    const inode = service.filehandles.inode(args.filehandle);
    if (inode.type !== FileType.REGULAR && inode.type !== FileType.DIRECTORY) {
      refuse(DafsStatus.DAFSERR_INVAL);
    }
    exchange.stableFile = inode.id === rootId ? 'all' : inode.id;
    return { writeverf: service.writeVerifier };
  },
} satisfies Handlers;

/** @throws Refusal when the request may not write so many bytes there. */
function writableFile(
  service: Service,
  exchange: Exchange,
  args: WriteArguments,
  byteCount: number,
): Inode {
  const inode = service.filehandles.inode(args.filehandle);
  requireIoRight(service, exchange, inode, args.stateId, Share.WRITE);
  if (byteCount > Math.min(service.limits.maxTransferBytes, service.cache.maxTransferBytes)) {
    refuse(DafsStatus.DAFSERR_WRITE_TOOBIG);
  }
  if (args.offset > maxFileBytes - byteCount) {
    refuse(DafsStatus.DAFSERR_FBIG);
  }
  return inode;
}

function write(
  service: Service,
  exchange: Exchange,
  inode: Inode,
  offset: number,
  length: number,
  emit: EmitWrite,
): void {
  if (length === 0) {
    return;
  }
  service.cache.write(inode.id, offset, length, emit);
  dropPrivileges(service, exchange, inode);
}

/** Fills the cache with the pieces of `data`, one after the other. */
function copyFrom({ cacheMemory: { memory } }: Service, data: Uint8Array): EmitWrite {
  let position = 0;
  return (offset, length) => {
    memory.set(data.subarray(position, position + length), offset);
    position += length;
  };
}

function writeResults(
  service: Service,
  exchange: Exchange,
  inode: Inode,
  count: number,
  stableHow: StableHow,
): ResultsOf<'WRITE_INLINE'> {
  const isStable = stableHow !== StableHow.UNSTABLE;
  if (isStable) {
    exchange.stableFile = inode.id;
  }
  return {
    count,
    // What is synchronised is so with all of its metadata.
    committed: isStable ? StableHow.FILE_SYNC : StableHow.UNSTABLE,
    verifier: service.writeVerifier,
  };
}
