import { type Found, isDirectory } from './path-walk.ts';
import { AccessRight } from './protocol/index.ts';

/** What access() asks for. */
export type Permission = 'read' | 'write' | 'execute';

/** The right that a permission is in the protocol, which knows directories apart. */
export function rightFor(permission: Permission, found: Found): number {
  const { ACCESS_READ, ACCESS_MODIFY, ACCESS_LOOKUP, ACCESS_EXECUTE } = AccessRight;
  const execute = isDirectory(found) ? ACCESS_LOOKUP : ACCESS_EXECUTE;
  return { read: ACCESS_READ, write: ACCESS_MODIFY, execute }[permission];
}
