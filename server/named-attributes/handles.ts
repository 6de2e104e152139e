import { ObjectType } from '../../client/protocol/constants.ts';
import { FILEHANDLE_BYTES, type Filehandle, FSHANDLE_BYTES } from '../../client/protocol/types.ts';
import type { FileId } from '../store/index.ts';

/**
 * Filehandles of named attributes and their directories are those of the file that they belong to,
 * with the kind of the object behind the file's id (1 byte, then 7 zeros), and for an attribute its
 * number in the store (8 bytes, the first one the most significant).
 */
const KIND = FSHANDLE_BYTES + 8;
const ATTRIBUTE = KIND + 8;

/** Which of the two a handle stands for. */
export type NamedKind = typeof ObjectType.DAFS_TYPE_ATTRDIR | typeof ObjectType.DAFS_TYPE_NAMEDATTR;

/** What such a handle says. */
export interface NamedPlace {
  readonly kind: NamedKind;
  /** The file that has the attributes. */
  readonly file: Filehandle;
  /** The number of the attribute; 0 for the directory. */
  readonly attribute: number;
}

/** File ids are counted up from 1 and never come near. */
const FIRST_DIRECTORY_ID = 2 ** 51;
const FIRST_ATTRIBUTE_ID = 2 ** 52;

/** The file id of a file's attribute directory, which is no other object's. */
export const directoryIdOf = (file: FileId): FileId => (FIRST_DIRECTORY_ID + file) as FileId;
/** The file id of a named attribute, which is no other object's. */
export const namedAttributeIdOf = (attribute: number): FileId =>
  (FIRST_ATTRIBUTE_ID + attribute) as FileId;

/** Whether an id is one of these two, and so none of the store's. */
export const isNamedId = (id: FileId): boolean => id >= FIRST_DIRECTORY_ID;

/** Whether a handle stands for a named attribute or a directory of them, if for anything. */
export const isNamedHandle = (handle: Filehandle): boolean =>
  handle[KIND] === ObjectType.DAFS_TYPE_ATTRDIR || handle[KIND] === ObjectType.DAFS_TYPE_NAMEDATTR;

export function namedHandleOf({ file, kind, attribute }: NamedPlace): Filehandle {
  const handle = new Uint8Array(FILEHANDLE_BYTES) as Filehandle;
  handle.set(file.subarray(0, KIND));
  handle[KIND] = kind;
  new DataView(handle.buffer).setBigUint64(ATTRIBUTE, BigInt(attribute));
  return handle;
}

/** What a handle says; undefined when we cannot have made it. */
export function namedPlaceOf(handle: Filehandle): NamedPlace | undefined {
  const view = new DataView(handle.buffer, handle.byteOffset, handle.byteLength);
  const attribute = view.getBigUint64(ATTRIBUTE);
  const file = handle.slice().fill(0, KIND) as Filehandle;
  const place = { kind: handle[KIND] as NamedKind, file, attribute: Number(attribute) };
  const isDirectory = place.kind === ObjectType.DAFS_TYPE_ATTRDIR;
  const isOurs =
    isNamedHandle(handle) &&
    attribute < BigInt(FIRST_ATTRIBUTE_ID) &&
    isDirectory === (attribute === 0n) &&
    Buffer.compare(handle, namedHandleOf(place)) === 0;
  return isOurs ? place : undefined;
}
