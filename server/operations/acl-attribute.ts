import { DafsStatus } from '../../client/protocol/status.ts';
import { type Credential, ModeBit, maySetGid } from '../access-control.ts';
import type { Exchange } from '../engine/exchange.ts';
import { refuse } from '../engine/refusal.ts';
import type { Service } from '../engine/service.ts';
import {
  ACCESS_ACL_NAME,
  type Acl,
  AttributeKind,
  DEFAULT_ACL_NAME,
  FileType,
  formatAcl,
  type Inode,
  inheritAcl,
  isEmptyAcl,
  isForeignAcl,
  isMinimal,
  maxAclBytes,
  modeWithAcl,
  parseAcl,
} from '../store/index.ts';

/** Sets an access control list, undefined for none. @throws Refusal */
type SetAcl = (service: Service, exchange: Exchange, inode: Inode, acl: Acl | undefined) => void;

const accessName = new Uint8Array(Buffer.from(ACCESS_ACL_NAME));
const defaultName = new Uint8Array(Buffer.from(DEFAULT_ACL_NAME));

const setters: ReadonlyMap<string, SetAcl> = new Map([
  [ACCESS_ACL_NAME, setAccessAcl],
  [DEFAULT_ACL_NAME, setDefaultAcl],
]);

/** How the attribute of this name is set, if it is an access control list. */
export const aclSetterFor = (name: Uint8Array): SetAcl | undefined =>
  setters.get(Buffer.from(name).toString('latin1'));

/**
 * The list that a value stands for; undefined for an empty one, which removes it.
 *
 * @throws Refusal DAFSERR_XATTR2BIG, DAFSERR_INVAL, DAFSERR_NOTSUPP (another version)
 */
export function requireAcl(value: Uint8Array): Acl | undefined {
  if (value.length > maxAclBytes) {
    refuse(DafsStatus.DAFSERR_XATTR2BIG);
  }
  if (value.length === 0 || isEmptyAcl(value)) {
    return undefined;
  }
  if (isForeignAcl(value)) {
    refuse(DafsStatus.DAFSERR_NOTSUPP);
  }
  return parseAcl(value) ?? refuse(DafsStatus.DAFSERR_INVAL);
}

/** The mode follows the list, and a list that says no more than the mode is not kept. */
function setAccessAcl(
  service: Service,
  { credential }: Exchange,
  inode: Inode,
  acl: Acl | undefined,
): void {
  if (acl === undefined) {
    service.store.extendedAttributes.remove(inode.id, accessName);
    return;
  }
  const mode = withSetGidOfMembers(modeWithAcl(inode.mode, acl), credential, inode.gid);
  keep(service, inode, accessName, isMinimal(acl) ? undefined : acl);
  service.store.setAttributes(inode.id, { mode });
}

/** As with chmod: whoever is not in the group takes the setgid bit off. */
const withSetGidOfMembers = (mode: number, credential: Credential, gid: number): number =>
  maySetGid(credential, gid) ? mode : mode & ~ModeBit.SET_GID;

/** @throws Refusal DAFSERR_ACCES: only directories hand lists down. */
function setDefaultAcl(
  service: Service,
  _exchange: Exchange,
  inode: Inode,
  acl: Acl | undefined,
): void {
  if (acl !== undefined && inode.type !== FileType.DIRECTORY) {
    refuse(DafsStatus.DAFSERR_ACCES);
  }
  keep(service, inode, defaultName, acl);
}

function keep({ store }: Service, inode: Inode, name: Uint8Array, acl: Acl | undefined): void {
  if (acl === undefined) {
    store.extendedAttributes.remove(inode.id, name);
  } else {
    store.extendedAttributes.set(inode.id, name, formatAcl(acl), 'either');
  }
}

/** What an object is made with: the mode, and the lists that it inherits. */
export interface Inheritance {
  readonly mode: number;
  readonly accessAcl: Acl | undefined;
  readonly defaultAcl: Acl | undefined;
}

/**
 * What a new object in `directory` gets of its default access control list. The umask of its creator
 * counts only where there is none.
 */
export function inheritance(
  { store }: Service,
  directory: Inode,
  type: FileType,
  mode: number,
  umask: number,
): Inheritance {
  const hasDefault = (directory.attributeKinds & AttributeKind.DEFAULT_ACL) !== 0;
  const value =
    hasDefault && type !== FileType.SYMBOLIC_LINK
      ? store.extendedAttributes.get(directory.id, defaultName)
      : undefined;
  const defaultAcl = value && parseAcl(value);
  if (defaultAcl === undefined) {
    return { mode: mode & ~umask, accessAcl: undefined, defaultAcl: undefined };
  }
  const { acl, mode: inheritedMode } = inheritAcl(defaultAcl, mode);
  return {
    mode: inheritedMode,
    accessAcl: isMinimal(acl) ? undefined : acl,
    defaultAcl: type === FileType.DIRECTORY ? defaultAcl : undefined,
  };
}

/** What the lists take of their owner's capacity. */
export const inheritedBytes = ({ accessAcl, defaultAcl }: Inheritance): number =>
  bytesOf(accessName, accessAcl) + bytesOf(defaultName, defaultAcl);

const bytesOf = (name: Uint8Array, acl: Acl | undefined): number =>
  acl === undefined ? 0 : name.length + formatAcl(acl).length;

/** Gives a new object the lists that it inherits. */
export function keepInherited(
  service: Service,
  inode: Inode,
  { accessAcl, defaultAcl }: Inheritance,
): void {
  if (accessAcl !== undefined) {
    keep(service, inode, accessName, accessAcl);
  }
  if (defaultAcl !== undefined) {
    keep(service, inode, defaultName, defaultAcl);
  }
}
