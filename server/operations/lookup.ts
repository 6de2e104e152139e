import { DafsStatus } from '../../client/protocol/status.ts';
import { FILEHANDLE_BYTES, type Filehandle } from '../../client/protocol/types.ts';
import { type Credential, Permission, permits } from '../access-control.ts';
import type { Handlers } from '../engine/handler.ts';
import { refuse } from '../engine/refusal.ts';
import type { Service } from '../engine/service.ts';
import { FileType, type Inode, maxNameBytes, rootId } from '../store/index.ts';

const noHandle = new Uint8Array(FILEHANDLE_BYTES) as Filehandle;

/** From names to filehandles (sections 6.5.21 and 6.5.22). */
export const lookupHandlers = {
  LOOKUP(service, exchange, args) {
    const { path } = args;
    requireNames(path);
    const directory = service.filehandles.inode(args.directory);
    const walk = walkPath(service, exchange.credential, directory, path, path.length);
    exchange.status = walk.status;
    return {
      filehandle: walk.componentCount > 0 ? service.filehandles.of(walk.inode.id) : noHandle,
      componentCount: walk.componentCount,
    };
  },

  LOOKUPP(service, exchange, args) {
    const directory = service.filehandles.inode(args.filehandle);
    if (directory.type !== FileType.DIRECTORY) {
      refuse(DafsStatus.DAFSERR_NOTDIR);
    }
    if (!permits(directory, exchange.credential, Permission.EXECUTE)) {
      refuse(DafsStatus.DAFSERR_ACCES);
    }
    if (directory.id === rootId) {
      refuse(DafsStatus.DAFSERR_NOENT);
    }
    return { filehandle: service.filehandles.of(directory.parent) };
  },
} satisfies Handlers;

/** How far a walk along a path came. */
export interface Walk {
  /** The last object that was reached; where the walk began, if none. */
  inode: Inode;
  componentCount: number;
  /** Why it ended: DAFS_STATUS_OK when all components were found. */
  status: DafsStatus;
}

/** @throws Refusal DAFSERR_INVAL for an empty path or an empty component. */
export function requireNames(path: readonly Uint8Array[]): void {
  if (path.length === 0) {
    refuse(DafsStatus.DAFSERR_INVAL);
  }
  for (const name of path) {
    if (name.length === 0) {
      refuse(DafsStatus.DAFSERR_INVAL);
    }
  }
}

/** Looks the first `count` names of `path` up, one in the other; links are not followed. */
export function walkPath(
  service: Service,
  credential: Credential,
  start: Inode,
  path: readonly Uint8Array[],
  count: number,
): Walk {
  const walk: Walk = { inode: start, componentCount: 0, status: DafsStatus.DAFS_STATUS_OK };
  while (walk.componentCount < count) {
    const name = path[walk.componentCount] as Uint8Array;
    walk.status = searchStatus(walk.inode, credential, name);
    if (walk.status !== DafsStatus.DAFS_STATUS_OK) {
      return walk;
    }
    const id = service.store.lookup(walk.inode.id, name);
    const inode = id === undefined ? undefined : service.store.inode(id);
    if (inode === undefined) {
      walk.status = DafsStatus.DAFSERR_NOENT;
      return walk;
    }
    service.exported?.names.admit(walk.inode, name, inode.id);
    walk.inode = inode;
    walk.componentCount += 1;
  }
  return walk;
}

/** Whether a name may be looked up in a directory. */
export function searchStatus(
  directory: Inode,
  credential: Credential,
  name: Uint8Array,
): DafsStatus {
  if (directory.type === FileType.SYMBOLIC_LINK) {
    return DafsStatus.DAFSERR_SYMLINK;
  }
  if (directory.type !== FileType.DIRECTORY) {
    return DafsStatus.DAFSERR_NOTDIR;
  }
  if (!permits(directory, credential, Permission.EXECUTE)) {
    return DafsStatus.DAFSERR_ACCES;
  }
  return name.length > maxNameBytes ? DafsStatus.DAFSERR_NAMETOOLONG : DafsStatus.DAFS_STATUS_OK;
}
