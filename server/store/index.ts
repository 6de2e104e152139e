export {
  StoreError,
  type StoreErrorCode,
  StoreOpenError,
  type StoreOpenErrorCode,
} from './errors.ts';
export type { AttributeEntry, AttributeOption } from './extended-attributes.ts';
export type { LogSync, OpenLogSync } from './log-sync.ts';
export { LogSyncThread } from './log-sync-thread.ts';
export {
  ACCESS_ACL_NAME,
  type Acl,
  type AclEntry,
  AclTag,
  DEFAULT_ACL_NAME,
  formatAcl,
  inheritAcl,
  isEmptyAcl,
  isForeignAcl,
  isMinimal,
  maxAclBytes,
  modeWithAcl,
  NO_ID,
  parseAcl,
} from './posix-acl.ts';
export { StateKind, StateTable } from './state-table.ts';
export { Store } from './store.ts';
export type { TransactionObserver } from './transaction.ts';
export {
  type AttributeChanges,
  type AttributeId,
  AttributeKind,
  type Capacity,
  type DeviceNumber,
  type FileId,
  FileType,
  type Inode,
  InodeFlag,
  inheritedFlags,
  maxAttributeNameBytes,
  maxAttributeValueBytes,
  maxFileBytes,
  maxLinks,
  maxNameBytes,
  maxTargetBytes,
  type NewObject,
  rootId,
  type StoreOptions,
  type StoreStatistics,
  type Time,
} from './types.ts';
