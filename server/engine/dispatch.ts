import type { AnyOperation } from '../../client/protocol/operation.ts';
import { type OperationName, operations } from '../../client/protocol/operations.ts';
import { FILEHANDLE_BYTES, type Filehandle } from '../../client/protocol/types.ts';
import { accessHandlers } from '../operations/access.ts';
import { attributeHandlers } from '../operations/attribute.ts';
import { credentialHandlers } from '../operations/credential.ts';
import { directoryHandlers } from '../operations/directory.ts';
import { extendedAttributeHandlers } from '../operations/extended-attribute.ts';
import { extensionHandlers } from '../operations/extension.ts';
import { fileSystemHandlers } from '../operations/file-system.ts';
import { lockHandlers } from '../operations/lock.ts';
import { lookupHandlers } from '../operations/lookup.ts';
import { nameHandlers } from '../operations/name.ts';
import { namedAttributeHandlers, withNamedAttributes } from '../operations/named-attribute.ts';
import { notificationHandlers } from '../operations/notification.ts';
import { openHandlers } from '../operations/open.ts';
import { ordmaHandlers } from '../operations/ordma.ts';
import { ownerLockHandlers } from '../operations/owner-lock.ts';
import { readHandlers } from '../operations/read.ts';
import { readlinkHandlers } from '../operations/readlink.ts';
import { renameHandlers } from '../operations/rename.ts';
import { responseCacheHandlers } from '../operations/response-cache.ts';
import { sessionHandlers } from '../operations/session.ts';
import { spaceHandlers } from '../operations/space.ts';
import { verifyHandlers } from '../operations/verify.ts';
import { withAttributesHandlers } from '../operations/with-attributes.ts';
import { writeHandlers } from '../operations/write.ts';
import type { Exchange } from './exchange.ts';
import type { Handlers } from './handler.ts';
import type { ENCODED, PARKED, Service } from './service.ts';

/** What must be there before a procedure can be called. */
export type Requirement = 'new channel' | 'session' | 'authentication';

/** One row of the dispatch table. Procedures without a handler are DAFSERR_NOTSUPP. */
export interface DispatchEntry {
  readonly operation: AnyOperation;
  readonly requires: Requirement;
  readonly handler:
    | ((
        service: Service,
        exchange: Exchange,
        args: never,
      ) => object | undefined | typeof PARKED | typeof ENCODED)
    | undefined;
  /** It may change what clients hold and no file: then it is done whatever becomes of the commit. */
  readonly changesHeld: boolean;
  /** What stands in a response that carries results even when the procedure failed. */
  readonly resultsOfFailure: object | undefined;
}

const fileHandlers: Handlers = {
  ...sessionHandlers,
  ...credentialHandlers,
  ...responseCacheHandlers,
  ...fileSystemHandlers,
  ...lookupHandlers,
  ...accessHandlers,
  ...attributeHandlers,
  ...verifyHandlers,
  ...openHandlers,
  ...nameHandlers,
  ...renameHandlers,
  ...directoryHandlers,
  ...readlinkHandlers,
  ...readHandlers,
  ...writeHandlers,
  ...spaceHandlers,
  ...extensionHandlers,
  ...lockHandlers,
  ...ownerLockHandlers,
  ...notificationHandlers,
  ...withAttributesHandlers,
  ...extendedAttributeHandlers,
  ...namedAttributeHandlers,
  ...ordmaHandlers,
};

/** The same, and what some of them do to named attributes. */
const handlers: Handlers = { ...fileHandlers, ...withNamedAttributes(fileHandlers) };

/** Possible before the client has authenticated (section 6.2.2). */
const beforeAuthentication: ReadonlySet<OperationName> = new Set([
  'CLIENT_AUTH',
  'DISCONNECT',
  'SECINFO',
]);

/** By their category these change files, but they need not. */
const openings: ReadonlySet<OperationName> = new Set(['OPEN', 'OPEN_GETATTR', 'CLOSE']);

const noHandle = new Uint8Array(FILEHANDLE_BYTES) as Filehandle;

const resultsOfFailure: { readonly [Name in OperationName]?: object } = {
  LOOKUP: { filehandle: noHandle, componentCount: 0 },
  SETATTR_INLINE: { attrRequestBitmap: 0 },
  SETATTR_DIRECT: { attrRequestBitmap: 0 },
};

const requirementOf = (name: OperationName, operation: AnyOperation): Requirement => {
  if (operation.channel === 'new') {
    return 'new channel';
  }
  return beforeAuthentication.has(name) ? 'session' : 'authentication';
};

/** The rows by procedure number. Numbers without a row are DAFSERR_NOTSUPP as well. */
export const dispatchTable: readonly (DispatchEntry | undefined)[] = (() => {
  const table: (DispatchEntry | undefined)[] = [];
  for (const [key, operation] of Object.entries(operations)) {
    const name = key as OperationName;
    table[operation.procedure] = {
      operation,
      requires: requirementOf(name, operation),
      handler: handlers[name] as DispatchEntry['handler'],
      changesHeld: openings.has(name),
      resultsOfFailure: resultsOfFailure[name],
    };
  }
  return table;
})();
