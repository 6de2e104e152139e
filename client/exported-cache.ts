import { NicError, type RemoteRegion } from '../nic/index.ts';
import { hasStatus } from './dafs-error.ts';
import { ExportedBlocks } from './exported-blocks.ts';
import { ExportedStatus } from './exported-status.ts';
import {
  DafsStatus,
  ExportedCacheLayout,
  Extension,
  type Filehandle,
  operations,
  type ResultsOf,
} from './protocol/index.ts';
import type { Session } from './session.ts';

const MAXIMUM_SLOTS = 2 ** 30;

/** What can be read of it. */
interface Readers {
  readonly blocks: ExportedBlocks;
  readonly status: ExportedStatus;
}

/**
 * What the server has in memory and lets this session read without a message and without its processor
 * (extension ORDMA), now and after each time that the session has connected anew. There is nothing
 * where the session was not granted it, nor with checksums, which nobody computes here.
 */
export class ExportedCache {
  readonly #session: Session;
  #readers: Readers | undefined;

  constructor(session: Session) {
    this.#session = session;
    this.#open();
    session.onRecovered(() => this.#open());
  }

  /** Data of files. */
  get blocks(): ExportedBlocks | undefined {
    return this.#readers?.blocks;
  }

  /** Names and attributes. */
  get status(): ExportedStatus | undefined {
    return this.#readers?.status;
  }

  #open(): void {
    const session = this.#session;
    this.#readers = undefined;
    if (!session.extensions.has(Extension.ORDMA) || session.terms.usesChecksums) {
      return;
    }
    try {
      const exported = session.call(operations.ORDMA_EXPORT, {});
      const layout = layoutOf(exported);
      const { handle, address, byteCount } = exported;
      if (layout !== undefined) {
        const { rootHandle } = session.call(operations.GET_ROOT_HANDLE, {});
        const region = session.importMemory(handle, address, byteCount);
        this.#readers = this.#read(region, layout, rootHandle);
      }
    } catch (error) {
      // A server that has no room for one more reader, or that opened less than it says.
      const isWithout = error instanceof NicError || hasStatus(error, DafsStatus.DAFSERR_RESOURCE);
      if (!isWithout) {
        throw error;
      }
    }
  }

  #read(region: RemoteRegion, layout: ExportedCacheLayout, root: Filehandle): Readers {
    const blocks = new ExportedBlocks(region, layout, (firstSlot, used) => {
      this.#session.submit(operations.ORDMA_USED, { firstSlot, used });
    });
    return { blocks, status: new ExportedStatus(region, layout, root) };
  }
}

/** The layout of an export; undefined when what the server says of it cannot be. */
function layoutOf(exported: ResultsOf<'ORDMA_EXPORT'>): ExportedCacheLayout | undefined {
  const { slots, blockBytes, byteCount } = exported;
  const isPowerOfTwo = Number.isInteger(Math.log2(blockBytes));
  if (!isPowerOfTwo || slots < 1 || slots > MAXIMUM_SLOTS) {
    return undefined;
  }
  const layout = new ExportedCacheLayout(slots, blockBytes);
  return layout.bytes === byteCount ? layout : undefined;
}
