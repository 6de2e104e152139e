/**
 * POSIX access control lists as values (POSIX 1003.1e draft 17, acl(5)): what an extended attribute
 * holds, and how lists and permission bits follow each other. Who may do what by a list is decided
 * in server/access-control.ts.
 */

export const AclTag = {
  USER_OBJ: 0x01,
  USER: 0x02,
  GROUP_OBJ: 0x04,
  GROUP: 0x08,
  MASK: 0x10,
  OTHER: 0x20,
} as const;
export type AclTag = (typeof AclTag)[keyof typeof AclTag];

export interface AclEntry {
  readonly tag: AclTag;
  /** Read 4, write 2, execute 1. */
  readonly permissions: number;
  /** Of named users and groups; {@link NO_ID} for all others. */
  readonly id: number;
}

/**
 * Entries in the order of their tags, as {@link parseAcl} makes sure: one each for owner, owning group
 * and others, any number for named users and groups, and a mask, without which there are no named ones.
 */
export type Acl = readonly AclEntry[];

/** The names of the extended attributes that hold them. */
export const ACCESS_ACL_NAME = 'system.posix_acl_access';
export const DEFAULT_ACL_NAME = 'system.posix_acl_default';

export const NO_ID = 0xffff_ffff;

/** The most that Linux takes from a file system at once: a page. */
export const maxAclBytes = 4096;

const VERSION = 2;
const HEADER_BYTES = 4;
const ENTRY_BYTES = 8;

/** After an entry of each tag, which tags may follow: what makes a list well-formed. */
const successors: ReadonlyMap<AclTag | undefined, number> = new Map([
  [undefined, AclTag.USER_OBJ],
  [AclTag.USER_OBJ, AclTag.USER | AclTag.GROUP_OBJ],
  [AclTag.USER, AclTag.USER | AclTag.GROUP_OBJ],
  [AclTag.GROUP_OBJ, AclTag.GROUP | AclTag.MASK | AclTag.OTHER],
  [AclTag.GROUP, AclTag.GROUP | AclTag.MASK | AclTag.OTHER],
  [AclTag.MASK, AclTag.OTHER],
  [AclTag.OTHER, 0],
]);

const isNamed = ({ tag }: AclEntry): boolean => tag === AclTag.USER || tag === AclTag.GROUP;

/**
 * The list that an extended attribute holds: a version, then for each entry tag and permissions in 16
 * bits and an id in 32, little-endian.
 *
 * @returns undefined for what is no valid list
 */
export function parseAcl(value: Uint8Array): Acl | undefined {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const count = (value.length - HEADER_BYTES) / ENTRY_BYTES;
  const isFramed = Number.isInteger(count) && count >= 0 && value.length <= maxAclBytes;
  if (!isFramed || versionOf(value) !== VERSION) {
    return undefined;
  }
  const acl = Array.from({ length: count }, (_, index): AclEntry => {
    const offset = HEADER_BYTES + index * ENTRY_BYTES;
    const tag = view.getUint16(offset, true) as AclTag;
    const entry = { tag, permissions: view.getUint16(offset + 2, true), id: NO_ID };
    return isNamed(entry) ? { ...entry, id: view.getUint32(offset + 4, true) } : entry;
  });
  return isValid(acl) ? acl : undefined;
}

/** Whether an extended attribute holds a list of nothing, which is to have none. */
export const isEmptyAcl = (value: Uint8Array): boolean =>
  value.length === HEADER_BYTES && versionOf(value) === VERSION;

/** Whether it holds a list in a form of later times. */
export const isForeignAcl = (value: Uint8Array): boolean =>
  value.length >= HEADER_BYTES && versionOf(value) !== VERSION;

const versionOf = (value: Uint8Array): number =>
  new DataView(value.buffer, value.byteOffset, value.byteLength).getUint32(0, true);

function isValid(acl: Acl): boolean {
  let previous: AclTag | undefined;
  for (const entry of acl) {
    const isOrdered = ((successors.get(previous) ?? 0) & entry.tag) === entry.tag;
    const isKnown = successors.has(entry.tag) && entry.permissions <= 7;
    if (!isOrdered || !isKnown || (isNamed(entry) && entry.id === NO_ID)) {
      return false;
    }
    previous = entry.tag;
  }
  const hasMask = acl.some(({ tag }) => tag === AclTag.MASK);
  return previous === AclTag.OTHER && (hasMask || !acl.some(isNamed));
}

/** What an extended attribute holds for a list. */
export function formatAcl(acl: Acl): Uint8Array {
  const value = new Uint8Array(HEADER_BYTES + acl.length * ENTRY_BYTES);
  const view = new DataView(value.buffer);
  view.setUint32(0, VERSION, true);
  for (const [index, { tag, permissions, id }] of acl.entries()) {
    const offset = HEADER_BYTES + index * ENTRY_BYTES;
    view.setUint16(offset, tag, true);
    view.setUint16(offset + 2, permissions, true);
    view.setUint32(offset + 4, id, true);
  }
  return value;
}

/** Whether permission bits say all that the list says. */
export const isMinimal = (acl: Acl): boolean =>
  acl.every(({ tag }) => tag !== AclTag.MASK && tag !== AclTag.USER && tag !== AclTag.GROUP);

/** Which bits of a mode an entry stands for; the mask stands before the owning group. */
function shiftOf(tag: AclTag, hasMask: boolean): number | undefined {
  switch (tag) {
    case AclTag.USER_OBJ:
      return 6;
    case AclTag.GROUP_OBJ:
      return hasMask ? undefined : 3;
    case AclTag.MASK:
      return 3;
    case AclTag.OTHER:
      return 0;
    default:
      return undefined;
  }
}

/** `mode` with the permission bits that a file with this list has: the mask's are the group's. */
export function modeWithAcl(mode: number, acl: Acl): number {
  const hasMask = !isMinimal(acl);
  return acl.reduce((bits, { tag, permissions }) => {
    const shift = shiftOf(tag, hasMask);
    return shift === undefined ? bits : bits | (permissions << shift);
  }, mode & ~0o777);
}

/** The list after its file's mode was set to `mode`. */
export function aclWithMode(acl: Acl, mode: number): Acl {
  const hasMask = !isMinimal(acl);
  return acl.map((entry) => {
    const shift = shiftOf(entry.tag, hasMask);
    return shift === undefined ? entry : { ...entry, permissions: (mode >> shift) & 7 };
  });
}

/**
 * What a new object gets from the default list of its directory when it is made with `mode`: no
 * permission that is in one and not in the other.
 */
export function inheritAcl(defaultAcl: Acl, mode: number): { acl: Acl; mode: number } {
  const hasMask = !isMinimal(defaultAcl);
  const acl = defaultAcl.map((entry) => {
    const shift = shiftOf(entry.tag, hasMask);
    return shift === undefined
      ? entry
      : { ...entry, permissions: entry.permissions & (mode >> shift) };
  });
  return { acl, mode: modeWithAcl(mode, acl) };
}
