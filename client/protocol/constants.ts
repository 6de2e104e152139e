/** Constants of the procedures' arguments and results, verbatim from section 6. */

/** The protocol version that we speak: DAFS 1.0 (see DECISIONS.md). */
export const PROTOCOL_VERSION = 1;

/** Both sides hold receive buffers of at least this size for the first exchange (3.2.6.3). */
export const FIRST_EXCHANGE_BYTES = 4096;

/** Chaining flags of the request header (section 4.3.2). */
export const ChainFlag = {
  DAFS_CHF_FORW: 0x01,
  DAFS_CHF_BACK: 0x02,
  DAFS_CHF_SAVE: 0x04,
  DAFS_CHF_FH: 0x08,
  DAFS_CHF_STATEID: 0x10,
} as const;

/** Special conditions of the response header (section 6.1.3). */
export const SpecialCondition = {
  DAFS_SPCOND_LMOVED: 0x0001,
  DAFS_SPCOND_FAILOVER: 0x0002,
} as const;

export const AuthType = {
  DAFS_AUTH_NONE: 0,
  DAFS_AUTH_TEXT: 1,
  DAFS_AUTH_GSS: 2,
  DAFS_AUTH_DEFAULT: 3,
} as const;
export type AuthType = (typeof AuthType)[keyof typeof AuthType];

export const GssProcedure = { DAFS_GSS_OP_INIT: 1, DAFS_GSS_OP_CONTINUE_INIT: 2 } as const;

export const GssService = {
  DAFS_GSS_SVC_AUTH: 1,
  DAFS_GSS_SVC_INTEGRITY: 2,
  DAFS_GSS_SVC_PRIVACY: 3,
} as const;

/** What CONNECT_BIND binds a connection as (section 6.2.5). */
export const ChannelUse = { DAFS_BACK_CONTROL_CHANNEL: 1, DAFS_RDMA_READ_CHANNEL: 2 } as const;

export const CredType = {
  DAFS_CRED_NAME: 0,
  DAFS_CRED_ID: 1,
  DAFS_CRED_GSS: 2,
  DAFS_CRED_DEFAULT: 3,
} as const;

/** Access rights of ACCESS (section 6.5.2). */
export const AccessRight = {
  ACCESS_READ: 0x01,
  ACCESS_LOOKUP: 0x02,
  ACCESS_MODIFY: 0x04,
  ACCESS_EXTEND: 0x08,
  ACCESS_DELETE: 0x10,
  ACCESS_EXECUTE: 0x20,
} as const;

/** Types of file objects (section 6.5.9; DAFS_TYPE_REG: see DECISIONS.md). */
export const ObjectType = {
  DAFS_TYPE_INVALID: 0,
  DAFS_TYPE_REG: 1,
  DAFS_TYPE_DIR: 2,
  DAFS_TYPE_BLK: 3,
  DAFS_TYPE_CHR: 4,
  DAFS_TYPE_LNK: 5,
  DAFS_TYPE_SOCK: 6,
  DAFS_TYPE_FIFO: 7,
  DAFS_TYPE_ATTRDIR: 8,
  DAFS_TYPE_NAMEDATTR: 9,
} as const;
export type ObjectType = (typeof ObjectType)[keyof typeof ObjectType];

/** How stable written data must be (sections 6.5.3 and 6.5.38). */
export const StableHow = { UNSTABLE: 0, DATA_SYNC: 1, FILE_SYNC: 2 } as const;
export type StableHow = (typeof StableHow)[keyof typeof StableHow];

export const AccessPattern = {
  DAFS_CACHE_HINT_NORMAL: 0,
  DAFS_CACHE_HINT_RANDOM: 1,
  DAFS_CACHE_HINT_SEQUENTIAL: 2,
  DAFS_CACHE_HINT_WILLNEED: 3,
  DAFS_CACHE_HINT_DONTNEED: 4,
} as const;

/** Cache hints: the prefetch bit, a read weight of 1 to 7, a write weight of 1 to 7. */
export const CacheHint = {
  dafs_prefetch: 0x01,
  dafs_readhint_1: 0x02,
  dafs_readhint_2: 0x04,
  dafs_readhint_3: 0x06,
  dafs_readhint_4: 0x08,
  dafs_readhint_5: 0x0a,
  dafs_readhint_6: 0x0c,
  dafs_readhint_7: 0x0e,
  dafs_writehint_1: 0x10,
  dafs_writehint_2: 0x20,
  dafs_writehint_3: 0x30,
  dafs_writehint_4: 0x40,
  dafs_writehint_5: 0x50,
  dafs_writehint_6: 0x60,
  dafs_writehint_7: 0x70,
} as const;

export const LockType = {
  READ_LT: 1,
  WRITE_LT: 2,
  READW_LT: 3,
  WRITEW_LT: 4,
  ABORT_LT: 5,
} as const;
export type LockType = (typeof LockType)[keyof typeof LockType];

/** Options of LOCK, a bitmap (section 6.5.18; REPAIR: see DECISIONS.md). */
export const LockOption = { RECLAIM: 1, PERSIST: 2, AUTORECOVERY: 4, REPAIR: 8 } as const;

export const CreateMode = { UNCHECKED: 0, GUARDED: 1, EXCLUSIVE: 2 } as const;
export const OpenType = { OPEN_NOCREATE: 0, OPEN_CREATE: 1 } as const;

export const ClaimType = {
  CLAIM_NULL: 0,
  CLAIM_PREVIOUS: 1,
  CLAIM_DELEGATE_CUR: 2,
  CLAIM_DELEGATE_PREV: 3,
  CLAIM_CREATE_UNLINKED: 4,
} as const;

export const DeleteDisposition = { DELETE_DONT_CARE: 0, DELETE_DENY: 1 } as const;
export const LimitBy = { DAFS_LIMIT_SIZE: 1, DAFS_LIMIT_BLOCKS: 2 } as const;

export const DelegationType = {
  OPEN_DELEGATE_NONE: 0,
  OPEN_DELEGATE_READ: 1,
  OPEN_DELEGATE_WRITE: 2,
} as const;
export type DelegationType = (typeof DelegationType)[keyof typeof DelegationType];

export const OpenShare = {
  DAFS_OPEN_SHARE_ACCESS_READ: 1,
  DAFS_OPEN_SHARE_ACCESS_WRITE: 2,
  DAFS_OPEN_SHARE_ACCESS_BOTH: 3,
  DAFS_OPEN_SHARE_DENY_NONE: 0,
  DAFS_OPEN_SHARE_DENY_READ: 1,
  DAFS_OPEN_SHARE_DENY_WRITE: 2,
  DAFS_OPEN_SHARE_DENY_BOTH: 3,
  DAFS_OPEN_SHARE_KEY_NONE: 0,
  DAFS_OPEN_SHARE_KEY_BOTH: 3,
} as const;

/** Set in OPEN's result_flags when locks on the file are mandatory. */
export const OPEN_RESULT_MLOCK = 1;

export const RemoveMode = { UNCHECKED_REMOVE: 0, CHECK_OPEN: 1 } as const;

/** The enumerations of SET_FENCING_LIST (section 6.4.2). */
export const FencedObject = { FILE: 1, FILESYSTEM: 2 } as const;
export const FencingAccess = { ALLOW: 1, DENY: 2 } as const;
export const FencingUpdate = { OVERWRITE: 1, APPEND: 2, REMOVE: 3 } as const;

/** Access control entries (section 6.1.4). */
export const AceType = {
  DAFS_ACE_ACCESS_ALLOWED_ACE_TYPE: 0,
  DAFS_ACE_ACCESS_DENIED_ACE_TYPE: 1,
  DAFS_ACE_SYSTEM_AUDIT_ACE_TYPE: 2,
  DAFS_ACE_SYSTEM_ALARM_ACE_TYPE: 4,
} as const;

export const AceFlag = {
  DAFS_ACE_FILE_INHERIT_ACE: 0x01,
  DAFS_ACE_DIRECTORY_INHERIT_ACE: 0x02,
  DAFS_ACE_NO_PROPAGATE_INHERIT_ACE: 0x04,
  DAFS_ACE_INHERIT_ONLY_ACE: 0x08,
  DAFS_ACE_SUCCESSFUL_ACCESS_ACE_FLAG: 0x10,
  DAFS_ACE_FAILED_ACCESS_ACE_FLAG: 0x20,
  DAFS_ACE_IDENTIFIER_GROUP: 0x40,
} as const;

export const AceMask = {
  DAFS_ACE_READ_DATA: 0x000001,
  DAFS_ACE_LIST_DIRECTORY: 0x000001,
  DAFS_ACE_WRITE_DATA: 0x000002,
  DAFS_ACE_ADD_FILE: 0x000002,
  DAFS_ACE_APPEND_DATA: 0x000004,
  DAFS_ACE_ADD_SUBDIRECTORY: 0x000004,
  DAFS_ACE_READ_NAMED_ATTRS: 0x000008,
  DAFS_ACE_WRITE_NAMED_ATTRS: 0x000010,
  DAFS_ACE_EXECUTE: 0x000020,
  DAFS_ACE_DELETE_CHILD: 0x000040,
  DAFS_ACE_READ_ATTRIBUTES: 0x000080,
  DAFS_ACE_WRITE_ATTRIBUTES: 0x000100,
  DAFS_ACE_DELETE: 0x010000,
  DAFS_ACE_READ_ACL: 0x020000,
  DAFS_ACE_WRITE_ACL: 0x040000,
  DAFS_ACE_WRITE_OWNER: 0x080000,
  DAFS_ACE_SYNCHRONIZE: 0x100000,
} as const;

/** Values of file-system attributes (section 6.1.6). */
export const AclSupport = {
  DAFS_ACL_SUPPORT_ALLOW: 1,
  DAFS_ACL_SUPPORT_DENY: 2,
  DAFS_ACL_SUPPORT_AUDIT: 4,
  DAFS_ACL_SUPPORT_ALARM: 8,
} as const;

export const FhExpireType = {
  DAFS_FH_PERSISTENT: 0,
  DAFS_FH_NOEXPIRE_WITH_OPEN: 1,
  DAFS_FH_VOLATILE_ANY: 2,
  DAFS_FH_VOL_RENAME: 8,
} as const;
