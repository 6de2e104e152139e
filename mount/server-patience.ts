/** How long a mount waits for a server that is away. */

import type { RecoveryOptions } from '../client/session-options.ts';
import type { MountOptions } from './mount-options.ts';
import { findMount } from './mount-table.ts';
import { isBeingKilled } from './processes.ts';

/** Plain data, for threads. */
export interface ServerPatience {
  /** Where the file system is mounted: once it is not any more, nobody waits. */
  readonly directory: string;
  /** Infinity: as long as it takes. */
  readonly timeoutMs: number;
}

export const serverPatience = (
  directory: string,
  { soft, serverTimeoutMs }: MountOptions,
): ServerPatience => ({
  directory,
  timeoutMs: soft ? serverTimeoutMs : Number.POSITIVE_INFINITY,
});

/**
 * What that means for a session.
 * @param callerPid who waits for what the session does; 0: nobody who could be asked
 */
export const recoveryFor = (
  { directory, timeoutMs }: ServerPatience,
  callerPid: () => number = () => 0,
): RecoveryOptions => ({
  timeoutMs,
  isGivenUp() {
    const pid = callerPid();
    return (pid !== 0 && isBeingKilled(pid)) || findMount(directory) === undefined;
  },
});
