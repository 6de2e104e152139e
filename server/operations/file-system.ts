import {
  ALL_FILE_SYSTEM_ATTRIBUTES,
  type FileSystemAttributes,
  fileSystemAttributeBitmap,
} from '../../client/protocol/attributes.ts';
import { FhExpireType } from '../../client/protocol/constants.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import { requireDefined, SUPPORTED_FILE_ATTRIBUTES } from '../attributes.ts';
import type { Handlers } from '../engine/handler.ts';
import type { Service } from '../engine/service.ts';
import { objectAttributes } from '../named-attributes/objects.ts';
import { maxFileBytes, maxLinks, maxNameBytes, rootId } from '../store/index.ts';

/** The draft demands that an append of so many bytes is atomic (section 6.1.6). */
const MAX_APPEND_BYTES = 65_536;

const SUPPORTED_FILE_SYSTEM_ATTRIBUTES = fileSystemAttributeBitmap(
  'linkSupport',
  'symlinkSupport',
  'canSetTime',
  'caseInsensitive',
  'casePreserving',
  'chownRestricted',
  'homogeneous',
  'noTrunc',
  'uniqueHandle',
  'leaseTime',
  'rdAttrError',
  'aclSupport',
  'maxLink',
  'maxName',
  'supportedFattr',
  'supportedFsattr',
  'filesAvailable',
  'filesFree',
  'filesTotal',
  'maxFileSize',
  'maxRead',
  'maxWrite',
  'spaceAvailable',
  'spaceFree',
  'spaceTotal',
  'fshandle',
  'maxAppend',
  'prefIoSize',
  'fhExpireType',
);

/** The file system as a whole, and nothing at all. */
export const fileSystemHandlers = {
  NULL() {
    return undefined;
  },

  GET_ROOT_HANDLE(service) {
    return { rootHandle: service.filehandles.of(rootId) };
  },

  GET_FSATTR(service, _exchange, args) {
    objectAttributes(service, args.filehandle, 0);
    requireDefined(args.attrRequestBitmap, ALL_FILE_SYSTEM_ATTRIBUTES);
    return { objAttributes: fileSystemAttributesOf(service, args.attrRequestBitmap) };
  },
} satisfies Handlers;

function fileSystemAttributesOf(service: Service, included: number): FileSystemAttributes {
  const { limits, cache } = service;
  // What waits in the cache will take room as soon as it is written back.
  const space = service.store.statistics(cache.dirtyBytes);
  const { freeBytes } = space;
  const maxTransferBytes = Math.min(limits.maxTransferBytes, cache.maxTransferBytes);
  return {
    included,
    linkSupport: true,
    symlinkSupport: true,
    canSetTime: true,
    caseInsensitive: false,
    casePreserving: true,
    chownRestricted: true,
    homogeneous: true,
    noTrunc: true,
    uniqueHandle: true,
    leaseTime: Math.ceil(limits.leaseMs / 1000),
    rdAttrError: DafsStatus.DAFSERR_IO,
    aclSupport: 0,
    maxLink: maxLinks,
    maxName: maxNameBytes,
    supportedFattr: SUPPORTED_FILE_ATTRIBUTES,
    supportedFsattr: SUPPORTED_FILE_SYSTEM_ATTRIBUTES,
    filesAvailable: space.freeFiles,
    filesFree: space.freeFiles,
    filesTotal: space.files + space.freeFiles,
    maxFileSize: maxFileBytes,
    maxRead: maxTransferBytes,
    maxWrite: maxTransferBytes,
    spaceAvailable: freeBytes,
    spaceFree: freeBytes,
    spaceTotal: space.totalBytes,
    fshandle: service.filehandles.fsHandle,
    maxAppend: Math.max(MAX_APPEND_BYTES, maxTransferBytes),
    prefIoSize: space.blockBytes,
    fhExpireType: FhExpireType.DAFS_FH_PERSISTENT,
  };
}
