import { StableHow } from '../../client/protocol/constants.ts';
import type { ResultsOf } from '../../client/protocol/operations.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import type { DirectOpBuffer, Filehandle, StateId } from '../../client/protocol/types.ts';
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

/** What all kinds of writes and appends have in common. */
interface WriteArguments {
  readonly filehandle: Filehandle;
  readonly stateId: StateId;
}

/** Data that lies in the client's memory. */
export interface DirectData {
  readonly byteCount: number;
  readonly directChecksum: number;
  readonly buffers: readonly DirectOpBuffer[];
}

/** Writing files and making them durable (sections 6.5.3, 6.5.4, 6.5.8, 6.5.38 and 6.5.39). */
export const writeHandlers = {
  WRITE_INLINE(service, exchange, args) {
    const { data } = args;
    const inode = writableFile(service, exchange, args, data.length);
    write(service, exchange, inode, args.offset, data.length, copyFrom(service, data));
    return { count: data.length, ...stability(service, exchange, inode, args.stableHow) };
  },

  WRITE_DIRECT(service, exchange, args) {
    const { byteCount, directChecksum, writeDataBuffers: buffers } = args;
    const inode = writableFile(service, exchange, args, byteCount);
    const data = { byteCount, directChecksum, buffers };
    writeDirect(service, exchange, inode, args.offset, data);
    return { count: byteCount, ...stability(service, exchange, inode, args.stableHow) };
  },

  /**
   * Requests are executed one after the other, and a write happens as a whole or not at all: so the
   * file ends where it is found to end, until the data is behind that.
   */
  APPEND_INLINE(service, exchange, args) {
    const { data } = args;
    const inode = writableFile(service, exchange, args, data.length);
    const offset = inode.size;
    write(service, exchange, inode, offset, data.length, copyFrom(service, data));
    return { offset, ...stability(service, exchange, inode, args.stableHow) };
  },

  APPEND_DIRECT(service, exchange, args) {
    const { byteCount, directChecksum, writeDataBuffer } = args;
    const inode = writableFile(service, exchange, args, byteCount);
    const offset = inode.size;
    const data = { byteCount, directChecksum, buffers: [writeDataBuffer] };
    writeDirect(service, exchange, inode, offset, data);
    return { offset, ...stability(service, exchange, inode, args.stableHow) };
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
  return inode;
}

/** @throws Refusal for a wrong checksum or bad buffers, and DAFSERR_FBIG. */
function writeDirect(
  service: Service,
  exchange: Exchange,
  inode: Inode,
  offset: number,
  { byteCount, directChecksum, buffers }: DirectData,
): void {
  const { cacheMemory, transfer } = service;
  if (exchange.isSealed) {
    // Data whose checksum is wrong must not reach the file, so it has to be seen as a whole first.
    receiveStaged(service, exchange, buffers, byteCount, directChecksum);
    const data = service.staging.memory.subarray(0, byteCount);
    write(service, exchange, inode, offset, byteCount, copyFrom(service, data));
  } else {
    transfer.begin(readableMemory(exchange), buffers, byteCount, 'rdma-read');
    write(service, exchange, inode, offset, byteCount, (target, length) =>
      transfer.read(cacheMemory, target, length),
    );
  }
}

/** @throws Refusal DAFSERR_FBIG */
function write(
  service: Service,
  exchange: Exchange,
  inode: Inode,
  offset: number,
  length: number,
  emit: EmitWrite,
): void {
  if (offset > maxFileBytes - length) {
    refuse(DafsStatus.DAFSERR_FBIG);
  }
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

/** Has the file made stable if that is wanted, and says what has become of the data. */
export function stability(
  service: Service,
  exchange: Exchange,
  inode: Inode,
  stableHow: StableHow,
): Pick<ResultsOf<'WRITE_INLINE'>, 'committed' | 'verifier'> {
  const isStable = stableHow !== StableHow.UNSTABLE;
  if (isStable) {
    exchange.stableFile = inode.id;
  }
  return {
    // What is synchronised is so with all of its metadata.
    committed: isStable ? StableHow.FILE_SYNC : StableHow.UNSTABLE,
    verifier: service.writeVerifier,
  };
}
