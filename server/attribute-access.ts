/**
 * Who may read and change which extended attributes, as Linux decides for a local file system
 * (xattr(7)). The namespace that a name begins with says whose the attribute is: users', the
 * superuser's, or the kernel's.
 */
import { Capability } from '../client/protocol/extensions.ts';
import { DafsStatus } from '../client/protocol/status.ts';
import {
  type Credential,
  isCapable,
  isOwner,
  ModeBit,
  Permission,
  type Protected,
  requireChangeable,
  requireOwner,
  requirePermission,
} from './access-control.ts';
import { refuse } from './engine/refusal.ts';
import {
  ACCESS_ACL_NAME,
  DEFAULT_ACL_NAME,
  FileType,
  maxAttributeNameBytes,
} from './store/index.ts';

export type AttributeUse = 'read' | 'write';

interface Namespace {
  readonly prefix: Uint8Array;
  /** @throws Refusal */
  require(file: Protected, credential: Credential, use: AttributeUse, name: Uint8Array): void;
  /** Whether listings show the attributes to `credential`. */
  isListed(credential: Credential): boolean;
}

/** What a program may do beyond its user's rights: capabilities(7). */
const FILE_CAPABILITY_NAME = Buffer.from('security.capability');

const mayAdminister = (credential: Credential): boolean =>
  isCapable(credential, Capability.SYS_ADMIN);

const everybody = (): boolean => true;

const namespace = (
  prefix: string,
  require: Namespace['require'],
  isListed: Namespace['isListed'] = everybody,
): Namespace => ({ prefix: new Uint8Array(Buffer.from(prefix)), require, isListed });

/** What somebody may not even know of is not there for him. */
const refusedTo = (use: AttributeUse): never =>
  refuse(use === 'read' ? DafsStatus.DAFSERR_NOXATTR : DafsStatus.DAFSERR_PERM);

/** For the contents' readers and writers; other objects than these two have no contents of users. */
function requireUser(file: Protected, credential: Credential, use: AttributeUse): void {
  const isDirectory = file.type === FileType.DIRECTORY;
  if (file.type !== FileType.REGULAR && !isDirectory) {
    refusedTo(use);
  }
  const isSticky = isDirectory && (file.mode & ModeBit.STICKY) !== 0;
  if (isSticky && use === 'write' && !isOwner(file, credential)) {
    refuse(DafsStatus.DAFSERR_PERM);
  }
  requirePermission(file, credential, use === 'read' ? Permission.READ : Permission.WRITE);
}

function requireTrusted(_file: Protected, credential: Credential, use: AttributeUse): void {
  if (!mayAdminister(credential)) {
    refusedTo(use);
  }
}

/** Everybody may know what the kernel has to know of a file anyway. */
function requireSecurity(
  _file: Protected,
  credential: Credential,
  use: AttributeUse,
  name: Uint8Array,
): void {
  const wanted = FILE_CAPABILITY_NAME.equals(name) ? Capability.SETFCAP : Capability.SYS_ADMIN;
  if (use === 'write' && !isCapable(credential, wanted)) {
    refuse(DafsStatus.DAFSERR_PERM);
  }
}

/** Access control lists are set by the owner and read by all; links have none. */
function requireSystem(
  file: Protected,
  credential: Credential,
  use: AttributeUse,
  name: Uint8Array,
): void {
  const isAcl = aclNames.has(Buffer.from(name).toString('latin1'));
  if (!isAcl || file.type === FileType.SYMBOLIC_LINK) {
    refuse(DafsStatus.DAFSERR_NOTSUPP);
  }
  if (use === 'write') {
    requireOwner(file, credential);
  }
}

const aclNames: ReadonlySet<string> = new Set([ACCESS_ACL_NAME, DEFAULT_ACL_NAME]);

const namespaces: readonly Namespace[] = [
  namespace('user.', requireUser),
  namespace('trusted.', requireTrusted, mayAdminister),
  namespace('security.', requireSecurity),
  namespace('system.', requireSystem),
];

/** Whether a name begins with the bytes of another. */
export const beginsWith = (name: Uint8Array, prefix: Uint8Array): boolean =>
  prefix.every((byte, index) => byte === name[index]);

const namespaceOf = (name: Uint8Array): Namespace | undefined =>
  namespaces.find(({ prefix }) => beginsWith(name, prefix));

/**
 * Whether somebody may read or change the users' attributes of a file.
 * @throws Refusal DAFSERR_ACCES, DAFSERR_PERM
 */
export function requireUserAttributeAccess(
  file: Protected,
  credential: Credential,
  use: AttributeUse,
): void {
  if (use === 'write') {
    requireChangeable(file);
  }
  requireUser(file, credential, use);
}

/**
 * @throws Refusal DAFSERR_NAMETOOLONG; DAFSERR_INVAL for a name that is none or a namespace alone;
 * DAFSERR_NOTSUPP for another namespace; DAFSERR_ACCES, DAFSERR_PERM, or DAFSERR_NOXATTR where the
 * caller may not know whether there is such an attribute.
 */
export function requireAttributeAccess(
  file: Protected,
  credential: Credential,
  name: Uint8Array,
  use: AttributeUse,
): void {
  if (name.length > maxAttributeNameBytes) {
    refuse(DafsStatus.DAFSERR_NAMETOOLONG);
  }
  const found = namespaceOf(name);
  if (found === undefined && name.length > 0) {
    refuse(DafsStatus.DAFSERR_NOTSUPP);
  }
  if (found === undefined || name.length === found.prefix.length || name.includes(0)) {
    refuse(DafsStatus.DAFSERR_INVAL);
  }
  if (use === 'write') {
    requireChangeable(file);
  }
  found.require(file, credential, use, name);
}

/** Whether a listing for `credential` has the attribute in it. */
export const isListed = (name: Uint8Array, credential: Credential): boolean =>
  namespaceOf(name)?.isListed(credential) ?? false;
