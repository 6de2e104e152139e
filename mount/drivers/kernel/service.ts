/** What the handlers of a worker share. */

import type { FileSystem } from '../../file-system.ts';
import type { CachePolicy } from './cache-policy.ts';
import type { Exchange } from './exchange.ts';
import type { Foresight } from './foresight.ts';
import type { FreshDirectories } from './fresh-directories.ts';
import type { ParkedRequests } from './parked-requests.ts';
import type { PendingRequests } from './pending-requests.ts';
import type { StableWrites } from './stable-writes.ts';
import type { WriteOrder } from './write-order.ts';

/** What the handlers of one worker work with. */
export interface Service {
  readonly exchange: Exchange;
  readonly fileSystem: FileSystem;
  /** How long the kernel may believe replies, and what it keeps of open files. */
  readonly policy: Pick<
    CachePolicy,
    'validity' | 'fileFlags' | 'directoryFlags' | 'forgetAttributes'
  >;
  /** What the kernel need not be told by the server. */
  readonly foresight: Pick<Foresight, 'attributes' | 'lacks' | 'made'>;
  /** Names that the server need not be asked for. */
  readonly freshDirectories: Pick<FreshDirectories, 'begin' | 'made' | 'adds' | 'forget' | 'lacks'>;
  /** What stands before the name in a SETXATTR: older kernels send the first two words alone. */
  readonly setxattrInBytes: number;
  /** The channel that requests come in by. */
  readonly deviceFd: number;
  /** The lock waits of the whole mount. */
  readonly parked: ParkedRequests;
  /** What this worker answers later. */
  readonly pending: Pick<PendingRequests, 'add'>;
  /** Which writes are synced right after. */
  readonly stableWrites: Pick<StableWrites, 'beginWrite' | 'endWrite' | 'becameStable' | 'sync'>;
  /** Lets no READ overtake a WRITE. */
  readonly order: Pick<WriteOrder, 'awaitWrites'>;
}

/** Answers the request that the exchange holds, or throws what a FileSystem throws. */
export type Handler = () => void;
