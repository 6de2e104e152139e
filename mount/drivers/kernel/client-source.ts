/** The file system that workers serve: a session of the mount's client for each of them. */

import type { ClientIdentity } from '../../../client/session-options.ts';
import { connectFileSystem } from '../../client-file-system.ts';
import type { FileSystem } from '../../file-system.ts';

export interface ClientSourceData {
  readonly serverName: string;
  /** One for all workers: so an open file of one is an open file of all. */
  readonly identity: ClientIdentity;
  readonly isShared: boolean;
}

export function createFileSystem(data: unknown): FileSystem {
  const { serverName, identity, isShared } = data as ClientSourceData;
  return connectFileSystem(serverName, { identity, isShared });
}
