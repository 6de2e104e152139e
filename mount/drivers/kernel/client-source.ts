/** What the threads of a mount work with: a session of the mount's client for each of them. */

import type { ClientIdentity } from '../../../client/session-options.ts';
import { connectFileSystem } from '../../client-file-system.ts';
import { connectListener } from '../../client-listener.ts';
import type { FileSystem } from '../../file-system.ts';
import type { CreateListener } from '../../listener.ts';
import { recoveryFor, type ServerPatience } from '../../server-patience.ts';
import type { SynchronousChanges } from '../../synchronous-changes.ts';
import type { WorkerPlace } from './worker.ts';

export interface ClientSourceData {
  readonly serverName: string;
  /** One for all workers: so an open file of one is an open file of all. */
  readonly identity: ClientIdentity;
  readonly isShared: boolean;
  readonly ordma: boolean;
  /** Where locks are kept on the server, what was locked (client-locks.ts). */
  readonly lockedFiles: SharedArrayBuffer | undefined;
  readonly synchronous: SynchronousChanges | undefined;
  readonly patience: ServerPatience;
}

export function createFileSystem(data: unknown, place: WorkerPlace): FileSystem {
  const { serverName, patience, ...options } = data as ClientSourceData;
  const { beforeSleep, callerPid } = place;
  const recovery = recoveryFor(patience, callerPid);
  return connectFileSystem(serverName, { ...options, beforeSleep, recovery });
}

export const createListener: CreateListener = (data, handlers) => {
  const { serverName, ...options } = data as ClientSourceData;
  return connectListener(serverName, options, handlers);
};
