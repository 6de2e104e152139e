import {
  ClaimType,
  CreateMode,
  DelegationType,
  DeleteDisposition,
  OpenShare,
  OpenType,
} from '../../client/protocol/constants.ts';
import {
  CLAIM_FH,
  OPEN_COHERENT,
  OPEN_SHARE_ACCESS_APPEND,
} from '../../client/protocol/extensions.ts';
import type { ResultsOf } from '../../client/protocol/operations.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import type { ChangeInfo, Filehandle, StateId } from '../../client/protocol/types.ts';
import { Permission, requireChangeable, requirePermission } from '../access-control.ts';
import type { Exchange } from '../engine/exchange.ts';
import type { Handlers } from '../engine/handler.ts';
import { refuse } from '../engine/refusal.ts';
import type { Service } from '../engine/service.ts';
import { isNamedHandle } from '../named-attributes/handles.ts';
import { openIdOf } from '../named-attributes/objects.ts';
import { Share, type ShareRequest } from '../state/opens.ts';
import { FileType, type Inode } from '../store/index.ts';
import { changeInfo, createObject, requireDirectory, requireModifiable } from './create-object.ts';
import { matchesVerifier, timesOfVerifier } from './exclusive-create.ts';
import { requireNames, searchStatus, walkPath } from './lookup.ts';
import { openAttributeByHandle, openAttributeByName } from './open-named-attribute.ts';
import { isTruncating, type OpenArguments, registerOpen } from './open-support.ts';
import { dropPrivileges } from './privileges.ts';

type Creation = Extract<OpenArguments['open'], { openType: typeof OpenType.OPEN_CREATE }>['how'];

/** Opening and closing files (sections 6.5.7, 6.5.24 and 6.5.26). */
export const openHandlers = {
  OPEN(service, exchange, args) {
    const share = shareRequestOf(args);
    if (args.owner.length > service.limits.maxIdentifierBytes) {
      refuse(DafsStatus.DAFSERR_INVAL);
    }
    service.opens.requireRoom(exchange.client, share);
    const { claim } = args;
    switch (claim.claimType) {
      case ClaimType.CLAIM_NULL:
        return isNamedHandle(claim.dirHandle)
          ? openAttributeByName(service, exchange, args, claim.dirHandle, claim.pathname, share)
          : openByName(service, exchange, args, claim.dirHandle, claim.pathname, share);
      case ClaimType.CLAIM_CREATE_UNLINKED:
        return openUnlinked(service, exchange, args, claim.dirHandle, share);
      case CLAIM_FH:
        return isNamedHandle(claim.filehandle)
          ? openAttributeByHandle(service, exchange, args, claim.filehandle, share)
          : openByHandle(service, exchange, args, claim.filehandle, share);
      case ClaimType.CLAIM_DELEGATE_CUR:
        // No delegation is ever given, so there is none that could be claimed.
        return refuse(DafsStatus.DAFSERR_BAD_STATEID);
      default:
        return refuse(DafsStatus.DAFSERR_NOTSUPP);
    }
  },

  OPEN_DOWNGRADE(service, exchange, args) {
    const id = openIdOf(service, args.filehandle);
    const open = service.opens.find(args.stateId, exchange.client, id);
    const access = args.shareAccess & ~OPEN_SHARE_ACCESS_APPEND;
    service.opens.downgrade(open, access, args.shareDeny, shareKeyOf(args));
    return undefined;
  },

  CLOSE(service, exchange, args) {
    const id = openIdOf(service, args.filehandle);
    service.opens.close(service.opens.find(args.stateId, exchange.client, id));
    const inode = isNamedHandle(args.filehandle) ? undefined : service.store.inode(id);
    if (inode !== undefined) {
      // What was written has taken its attributes off the list.
      service.exported?.attributes.admit(inode);
    }
    return undefined;
  },
} satisfies Handlers;

function openByName(
  service: Service,
  exchange: Exchange,
  args: OpenArguments,
  handle: Filehandle,
  path: readonly Uint8Array[],
  share: ShareRequest,
): ResultsOf<'OPEN'> {
  requireNames(path);
  const directory = parentDirectory(service, exchange, handle, path);
  const name = path[path.length - 1] as Uint8Array;
  const before = directory.change;
  const id = service.store.lookup(directory.id, name);
  const existing = id === undefined ? undefined : service.store.inode(id);
  const inode = existing ?? createFile(service, exchange, directory, name, args.open);
  const stateId =
    existing === undefined
      ? registerOpen(service, exchange, args, inode.id, share)
      : openExisting(service, exchange, args, existing, share);
  return openResults(service, exchange, inode, stateId, changeInfo(before, directory), path.length);
}

function openExisting(
  service: Service,
  exchange: Exchange,
  args: OpenArguments,
  inode: Inode,
  share: ShareRequest,
): StateId {
  requireOpenable(inode, args.open);
  requireOpenPermission(exchange, inode, share.access);
  requireAppending(inode, args, share.access);
  const stateId = registerOpen(service, exchange, args, inode.id, share);
  if (isTruncating(args.open)) {
    truncate(service, exchange, inode, share);
  }
  return stateId;
}

/** Makes a file that has no name until a LINK gives it one; it ends with its last open otherwise. */
function openUnlinked(
  service: Service,
  exchange: Exchange,
  args: OpenArguments,
  handle: Filehandle,
  share: ShareRequest,
): ResultsOf<'OPEN'> {
  const directory = service.filehandles.inode(handle);
  requireDirectory(directory);
  if (args.open.openType !== OpenType.OPEN_CREATE) {
    refuse(DafsStatus.DAFSERR_INVAL);
  }
  const inode = createFile(service, exchange, directory, undefined, args.open);
  const stateId = registerOpen(service, exchange, args, inode.id, share);
  const change = changeInfo(directory.change, directory);
  return openResults(service, exchange, inode, stateId, change, 0);
}

function openByHandle(
  service: Service,
  exchange: Exchange,
  args: OpenArguments,
  handle: Filehandle,
  share: ShareRequest,
): ResultsOf<'OPEN'> {
  const inode = service.filehandles.inode(handle);
  const open = inode.type === FileType.DIRECTORY ? openDirectory : openExisting;
  const stateId = open(service, exchange, args, inode, share);
  return openResults(service, exchange, inode, stateId, { before: 0n, after: 0n, atomic: true }, 0);
}

/** A directory that is open outlives its removal, as files do. It can be read only. */
function openDirectory(
  service: Service,
  exchange: Exchange,
  args: OpenArguments,
  inode: Inode,
  share: ShareRequest,
): StateId {
  if (args.open.openType !== OpenType.OPEN_NOCREATE || share.access !== Share.READ) {
    refuse(DafsStatus.DAFSERR_ISDIR);
  }
  requireOpenPermission(exchange, inode, share.access);
  return registerOpen(service, exchange, args, inode.id, share);
}

/** The directory of the last name. A link on the way there is DAFSERR_NOTDIR (section 6.5.24). */
function parentDirectory(
  service: Service,
  exchange: Exchange,
  handle: Filehandle,
  path: readonly Uint8Array[],
): Inode {
  const start = service.filehandles.inode(handle);
  const { credential } = exchange;
  const walk = walkPath(service, credential, start, path, path.length - 1);
  const last = path[path.length - 1] as Uint8Array;
  const status =
    walk.status === DafsStatus.DAFS_STATUS_OK
      ? searchStatus(walk.inode, credential, last)
      : walk.status;
  if (status !== DafsStatus.DAFS_STATUS_OK) {
    refuse(status === DafsStatus.DAFSERR_SYMLINK ? DafsStatus.DAFSERR_NOTDIR : status);
  }
  return walk.inode;
}

function createFile(
  service: Service,
  exchange: Exchange,
  directory: Inode,
  name: Uint8Array | undefined,
  open: OpenArguments['open'],
): Inode {
  if (open.openType !== OpenType.OPEN_CREATE) {
    refuse(DafsStatus.DAFSERR_NOENT);
  }
  requireModifiable(exchange, directory);
  const { how } = open;
  const attributes = how.createMode === CreateMode.EXCLUSIVE ? {} : how.createAttrs;
  const description = { type: FileType.REGULAR };
  const inode = createObject(service, exchange, directory, name, description, attributes);
  if (how.createMode === CreateMode.EXCLUSIVE) {
    service.store.setAttributes(inode.id, timesOfVerifier(how.createVerifier));
  }
  return inode;
}

/** @throws Refusal when a file of that name exists and the way of creation does not allow it. */
function requireOpenable(existing: Inode, open: OpenArguments['open']): void {
  if (open.openType === OpenType.OPEN_CREATE && excludes(open.how, existing)) {
    refuse(DafsStatus.DAFSERR_EXIST);
  }
  requireRegular(existing);
}

const excludes = (how: Creation, existing: Inode): boolean =>
  how.createMode === CreateMode.GUARDED ||
  (how.createMode === CreateMode.EXCLUSIVE && !matchesVerifier(existing, how.createVerifier));

function requireRegular(inode: Inode): void {
  if (inode.type === FileType.REGULAR) {
    return;
  }
  refuse(
    inode.type === FileType.DIRECTORY
      ? DafsStatus.DAFSERR_ISDIR
      : inode.type === FileType.SYMBOLIC_LINK
        ? DafsStatus.DAFSERR_SYMLINK
        : DafsStatus.DAFSERR_INVAL,
  );
}

function requireOpenPermission(exchange: Exchange, inode: Inode, access: number): void {
  const wanted =
    ((access & Share.READ) !== 0 ? Permission.READ : 0) |
    ((access & Share.WRITE) !== 0 ? Permission.WRITE : 0);
  requirePermission(inode, exchange.credential, wanted);
}

/** @throws Refusal DAFSERR_PERM to open an append-only file for anything but reading and appending. */
function requireAppending(inode: Inode, args: OpenArguments, access: number): void {
  const isAppending = (args.shareAccess & OPEN_SHARE_ACCESS_APPEND) !== 0;
  const overwrites = (access & Share.WRITE) !== 0 && !isAppending;
  if (overwrites || isTruncating(args.open)) {
    requireChangeable(inode);
  }
}

function truncate(service: Service, exchange: Exchange, inode: Inode, share: ShareRequest): void {
  if ((share.access & Share.WRITE) === 0) {
    requirePermission(inode, exchange.credential, Permission.WRITE);
  }
  service.cache.truncate(inode.id, 0);
  dropPrivileges(service, exchange, inode);
}

const openResults = (
  service: Service,
  exchange: Exchange,
  inode: Inode,
  stateId: StateId,
  change: ChangeInfo,
  componentCount: number,
): ResultsOf<'OPEN'> => ({
  filehandle: service.filehandles.of(inode.id),
  stateId,
  changeInfo: change,
  componentCount,
  resultFlags: service.notifications.isCoherent(exchange.client, inode.id) ? OPEN_COHERENT : 0,
  delegation: { delegationType: DelegationType.OPEN_DELEGATE_NONE },
});

const shareRequestOf = (args: OpenArguments): ShareRequest => ({
  access: args.shareAccess & ~OPEN_SHARE_ACCESS_APPEND,
  deny: args.shareDeny,
  shareKey: shareKeyOf(args),
  deniesRemoval: args.deleteDisp === DeleteDisposition.DELETE_DENY,
});

/** @throws Refusal DAFSERR_INVAL for a share key type that does not exist. */
function shareKeyOf(args: { shareKeyType: number; shareKey: bigint }): bigint | undefined {
  if (args.shareKeyType === OpenShare.DAFS_OPEN_SHARE_KEY_NONE) {
    return undefined;
  }
  return args.shareKeyType === OpenShare.DAFS_OPEN_SHARE_KEY_BOTH
    ? args.shareKey
    : refuse(DafsStatus.DAFSERR_INVAL);
}
