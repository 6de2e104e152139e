import { READ_INLINE_DATA_OFFSET } from '../../client/protocol/operations/io.ts';
import type { StateId } from '../../client/protocol/types.ts';
import { OutgoingChecksum } from '../engine/bulk-data.ts';
import { HOLE } from '../engine/direct-transfer.ts';
import type { Exchange } from '../engine/exchange.ts';
import type { Handlers } from '../engine/handler.ts';
import type { Service } from '../engine/service.ts';
import { ANONYMOUS_STATEID, BYPASS_STATEID, Share } from '../state/opens.ts';
import type { Inode } from '../store/index.ts';
import { accessTimeGoodUntil, recordAccess } from './access-time.ts';
import { requireIoRight } from './io-right.ts';

/** Reading files (sections 6.5.27 and 6.5.28). */
export const readHandlers = {
  READ_INLINE(service, exchange, args) {
    const inode = service.filehandles.inode(args.filehandle);
    requireIoRight(service, exchange, inode, args.stateId, Share.READ);
    // The data is put where it belongs in the response, so that encoding does not copy it again.
    const room = exchange.response.bytes.subarray(READ_INLINE_DATA_OFFSET);
    const length = Math.min(transferable(service, args.byteCount), room.length);
    const { memory } = service.cacheMemory;
    let position = 0;
    const bytesRead = service.cache.read(inode.id, args.offset, length, (offset, pieceLength) => {
      if (offset === HOLE) {
        room.fill(0, position, position + pieceLength);
      } else {
        room.set(memory.subarray(offset, offset + pieceLength), position);
      }
      position += pieceLength;
    });
    recordRead(service, exchange, inode, bytesRead);
    admitReaders(service, inode, args.stateId);
    return { eof: args.offset + bytesRead >= inode.size, readData: room.subarray(0, bytesRead) };
  },

  READ_DIRECT(service, exchange, args) {
    const { cache, cacheMemory, transfer } = service;
    const inode = service.filehandles.inode(args.filehandle);
    requireIoRight(service, exchange, inode, args.stateId, Share.READ);
    const length = transferable(service, args.byteCount);
    const { remoteMemory } = exchange.channel.port;
    transfer.begin(remoteMemory, args.readDataBuffers, length, 'rdma-write');
    const checksum = exchange.isSealed
      ? new OutgoingChecksum(cacheMemory.memory, exchange.request.littleEndian)
      : undefined;
    const bytesRead = cache.read(inode.id, args.offset, length, (offset, pieceLength) => {
      transfer.write(cacheMemory, offset, pieceLength);
      checksum?.add(offset, pieceLength);
    });
    recordRead(service, exchange, inode, bytesRead);
    admitReaders(service, inode, args.stateId);
    return {
      eof: args.offset + bytesRead >= inode.size,
      bytesRead,
      directChecksum: checksum?.value ?? 0,
    };
  },
} satisfies Handlers;

/** Who reads nothing has not read. */
function recordRead(
  service: Service,
  { credential }: Exchange,
  inode: Inode,
  bytesRead: number,
): void {
  if (bytesRead > 0) {
    recordAccess(service, inode, credential);
  }
}

/** A longer read returns less than was asked for, which the draft allows. */
const transferable = (service: Service, byteCount: number): number =>
  Math.min(byteCount, service.limits.maxTransferBytes, service.cache.maxTransferBytes);

/** Lets clients read the file by themselves from now on, as long as reading it changes nothing. */
function admitReaders({ exported }: Service, inode: Inode, stateId: StateId): void {
  const goodUntil = accessTimeGoodUntil(inode);
  if (exported === undefined || goodUntil === Number.NEGATIVE_INFINITY) {
    return;
  }
  exported.files.admit(inode, goodUntil);
  if (stateId !== ANONYMOUS_STATEID && stateId !== BYPASS_STATEID) {
    exported.opens.admit(stateId, inode.id);
  }
}
