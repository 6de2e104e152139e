import { linkContentsCodec } from '../../client/protocol/operations/name.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import type { Filehandle } from '../../client/protocol/types.ts';
import { sendStructure } from '../engine/bulk-data.ts';
import type { Exchange } from '../engine/exchange.ts';
import type { Handlers } from '../engine/handler.ts';
import { refuse } from '../engine/refusal.ts';
import type { Service } from '../engine/service.ts';
import { FileType } from '../store/index.ts';
import { recordAccess } from './access-time.ts';

/** The contents of symbolic links (sections 6.5.31 and 6.5.32). */
export const readlinkHandlers = {
  READLINK_INLINE(service, exchange, args) {
    return { link: targetOf(service, exchange, args.filehandle) };
  },

  READLINK_DIRECT(service, exchange, args) {
    const target = targetOf(service, exchange, args.filehandle);
    const buffers = [args.buffer];
    return {
      directChecksum: sendStructure(service, exchange, linkContentsCodec, target, buffers),
    };
  },
} satisfies Handlers;

/** @throws Refusal DAFSERR_INVAL when the file is no symbolic link. */
function targetOf(service: Service, { credential }: Exchange, handle: Filehandle): Uint8Array {
  const inode = service.filehandles.inode(handle);
  if (inode.type !== FileType.SYMBOLIC_LINK) {
    refuse(DafsStatus.DAFSERR_INVAL);
  }
  const target = service.store.readLink(inode.id);
  recordAccess(service, inode, credential);
  return target;
}
