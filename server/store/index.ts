export {
  StoreError,
  type StoreErrorCode,
  StoreOpenError,
  type StoreOpenErrorCode,
} from './errors.ts';
export { Store } from './store.ts';
export {
  type AttributeChanges,
  type DeviceNumber,
  type FileId,
  FileType,
  type Inode,
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
