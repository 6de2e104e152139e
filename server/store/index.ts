export {
  StoreError,
  type StoreErrorCode,
  StoreOpenError,
  type StoreOpenErrorCode,
} from './errors.ts';
export type { AttributeEntry, AttributeOption } from './extended-attributes.ts';
export { Store } from './store.ts';
export {
  type AttributeChanges,
  type AttributeId,
  AttributeKind,
  type DeviceNumber,
  type FileId,
  FileType,
  type Inode,
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
