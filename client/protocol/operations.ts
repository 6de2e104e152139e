/** The one table of all procedures: client and server both read it (section 6.1.10). */

import type { AnyOperation, Operation } from './operation.ts';
import { attributeOperations } from './operations/attribute.ts';
import { backControlOperations } from './operations/back-control.ts';
import { extendedAttributeOperations } from './operations/extended-attribute.ts';
import { extensionOperations } from './operations/extension.ts';
import { fencingOperations } from './operations/fencing.ts';
import { ioOperations } from './operations/io.ts';
import { lockOperations } from './operations/lock.ts';
import { nameOperations } from './operations/name.ts';
import { notificationOperations } from './operations/notification.ts';
import { openOperations } from './operations/open.ts';
import { ordmaOperations } from './operations/ordma.ts';
import { ownerLockOperations } from './operations/owner-lock.ts';
import { responseCacheOperations } from './operations/response-cache.ts';
import { sessionOperations } from './operations/session.ts';
import { spaceOperations } from './operations/space.ts';
import { withAttributesOperations } from './operations/with-attributes.ts';
import type { ProcedureName } from './procedure.ts';

export const operations = {
  ...sessionOperations,
  ...responseCacheOperations,
  ...fencingOperations,
  ...attributeOperations,
  ...nameOperations,
  ...openOperations,
  ...ioOperations,
  ...lockOperations,
  ...backControlOperations,
  ...extensionOperations,
  ...ownerLockOperations,
  ...notificationOperations,
  ...withAttributesOperations,
  ...extendedAttributeOperations,
  ...spaceOperations,
  ...ordmaOperations,
} as const satisfies Record<ProcedureName, AnyOperation>;

export type Operations = typeof operations;
export type OperationName = keyof Operations;

/** The arguments that a procedure takes, by its name. */
export type ArgumentsOf<Name extends OperationName> =
  Operations[Name] extends Operation<infer Arguments, infer _> ? Arguments : never;

/** The results that a procedure gives, by its name. */
export type ResultsOf<Name extends OperationName> =
  Operations[Name] extends Operation<infer _, infer Results> ? Results : never;

/** The row of a procedure number; `undefined` for numbers that nobody defined. */
export const operationByProcedure: ReadonlyMap<number, AnyOperation> = new Map(
  Object.values(operations).map((row) => [row.procedure, row]),
);
