/**
 * Named attributes (section 6.5.25): the extended attributes of a file that are users', each as a
 * file in the file's attribute directory, under its name without the namespace.
 */
import type { FileAttributes } from '../../client/protocol/attributes.ts';
import { ObjectType } from '../../client/protocol/constants.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import type { Filehandle } from '../../client/protocol/types.ts';
import { beginsWith } from '../attribute-access.ts';
import { fileAttributesOf, hasNamedAttributes } from '../attributes.ts';
import { refuse } from '../engine/refusal.ts';
import type { Service } from '../engine/service.ts';
import { type AttributeId, type Inode, maxAttributeNameBytes } from '../store/index.ts';
import {
  directoryIdOf,
  isNamedHandle,
  type NamedPlace,
  namedAttributeIdOf,
  namedHandleOf,
  namedPlaceOf,
} from './handles.ts';

const PREFIX = new Uint8Array(Buffer.from('user.'));
const MAX_NAME_BYTES = maxAttributeNameBytes - PREFIX.length;

/** One named attribute. */
export interface NamedAttribute {
  readonly file: Inode;
  readonly number: AttributeId;
  /** With its namespace, as the store has it. */
  readonly name: Uint8Array;
  readonly value: Uint8Array;
}

/** The handle of the directory of a file's named attributes. */
export const directoryHandleOf = (file: Filehandle): Filehandle =>
  namedHandleOf({ kind: ObjectType.DAFS_TYPE_ATTRDIR, file, attribute: 0 });

/** The handle of one of a file's named attributes. */
export const attributeHandleOf = (service: Service, { id }: Inode, number: number): Filehandle =>
  namedHandleOf({
    kind: ObjectType.DAFS_TYPE_NAMEDATTR,
    file: service.filehandles.of(id),
    attribute: number,
  });

const requirePlace = (handle: Filehandle): NamedPlace =>
  namedPlaceOf(handle) ?? refuse(DafsStatus.DAFSERR_BADHANDLE);

/**
 * The file whose attribute directory a handle stands for.
 * @throws Refusal DAFSERR_NOTDIR for an attribute, DAFSERR_BADHANDLE, DAFSERR_STALE
 */
export function fileOfDirectory(service: Service, handle: Filehandle): Inode {
  const place = requirePlace(handle);
  const file = service.filehandles.inode(place.file);
  if (!hasNamedAttributes(file)) {
    refuse(DafsStatus.DAFSERR_BADHANDLE);
  }
  return place.kind === ObjectType.DAFS_TYPE_ATTRDIR ? file : refuse(DafsStatus.DAFSERR_NOTDIR);
}

/**
 * The attribute that a handle stands for.
 * @throws Refusal DAFSERR_ISDIR for a directory, DAFSERR_BADHANDLE, DAFSERR_STALE
 */
export function namedAttribute(service: Service, handle: Filehandle): NamedAttribute {
  const place = requirePlace(handle);
  const file = service.filehandles.inode(place.file);
  if (place.kind === ObjectType.DAFS_TYPE_ATTRDIR) {
    refuse(DafsStatus.DAFSERR_ISDIR);
  }
  const number = place.attribute as AttributeId;
  const found = service.store.extendedAttributes.byId(file.id, number);
  // The attributes of other namespaces are not reached this way, whatever their numbers are.
  return found !== undefined && isNamed(found.name)
    ? { file, number, ...found }
    : refuse(DafsStatus.DAFSERR_STALE);
}

/** Whether a handle of {@link isNamedHandle} stands for a directory. */
export const isAttributeDirectory = (handle: Filehandle): boolean =>
  namedPlaceOf(handle)?.kind === ObjectType.DAFS_TYPE_ATTRDIR;

/** The file that has what a handle of {@link isNamedHandle} stands for. @throws Refusal */
export const fileOfNamed = (service: Service, handle: Filehandle): Inode =>
  isAttributeDirectory(handle)
    ? fileOfDirectory(service, handle)
    : namedAttribute(service, handle).file;

/** The store's name of the attribute that a directory has under `name`. @throws Refusal */
export function storedName(name: Uint8Array): Uint8Array {
  if (name.length === 0 || name.includes(0)) {
    refuse(DafsStatus.DAFSERR_INVAL);
  }
  return name.length > MAX_NAME_BYTES
    ? refuse(DafsStatus.DAFSERR_NAMETOOLONG)
    : new Uint8Array([...PREFIX, ...name]);
}

/** The directory's name of an attribute. */
export const shownName = (name: Uint8Array): Uint8Array => name.slice(PREFIX.length);

/** Whether an extended attribute is a named one. */
export const isNamed = (name: Uint8Array): boolean => beginsWith(name, PREFIX);

/**
 * The file id of whatever a handle stands for, by which it is open.
 * @throws Refusal DAFSERR_BADHANDLE, DAFSERR_STALE; not for an attribute that is gone: it can be closed
 */
export function openIdOf(service: Service, handle: Filehandle): Inode['id'] {
  if (!isNamedHandle(handle)) {
    return service.filehandles.inode(handle).id;
  }
  const { attribute } = requirePlace(handle);
  return namedAttributeIdOf(attribute);
}

/** The attributes of whatever a handle stands for. @throws Refusal */
export function objectAttributes(
  service: Service,
  handle: Filehandle,
  bitmap: number,
): FileAttributes {
  if (!isNamedHandle(handle)) {
    const inode = service.filehandles.inode(handle);
    service.exported?.attributes.admit(inode);
    return fileAttributesOf(inode, bitmap, service.filehandles);
  }
  return isAttributeDirectory(handle)
    ? attributesOfDirectory(service, fileOfDirectory(service, handle), bitmap)
    : attributesOfNamed(service, namedAttribute(service, handle), bitmap);
}

/**
 * A named attribute is its file's: owner, permission to read and write, and times are that one's. The
 * store keeps no creation time for it.
 */
export function attributesOfNamed(
  service: Service,
  {
    file,
    number,
    value,
  }: Pick<NamedAttribute, 'file' | 'number'> & {
    readonly value: { readonly length: number };
  },
  bitmap: number,
): FileAttributes {
  return {
    ...sharedAttributes(service, file, bitmap),
    objectType: ObjectType.DAFS_TYPE_NAMEDATTR,
    mode: file.mode & 0o666,
    objectSize: value.length,
    spaceUsed: value.length,
    fileId: namedAttributeIdOf(number),
    filehandle: attributeHandleOf(service, file, number),
  };
}

/** Everybody may see which attributes there are; making and removing them is writing to the file. */
function attributesOfDirectory(service: Service, file: Inode, bitmap: number): FileAttributes {
  return {
    ...sharedAttributes(service, file, bitmap),
    objectType: ObjectType.DAFS_TYPE_ATTRDIR,
    mode: 0o555 | (file.mode & 0o222),
    objectSize: 0,
    spaceUsed: 0,
    fileId: directoryIdOf(file.id),
    filehandle: directoryHandleOf(service.filehandles.of(file.id)),
  };
}

const sharedAttributes = (service: Service, file: Inode, bitmap: number): FileAttributes => ({
  ...fileAttributesOf(file, bitmap, service.filehandles),
  namedAttr: false,
  hasNamedAttr: false,
  numLinks: 1,
  rawDev: { specdata1: 0, specdata2: 0 },
  // Every change of an attribute is one of its file's metadata.
  timeModify: file.ctime,
  timeCreate: undefined,
  inodeFlags: undefined,
});
