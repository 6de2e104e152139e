import { writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { UnstableRecord } from '../../../../server/block-cache/unstable-record.ts';
import type { Store } from '../../../../server/store/index.ts';
import {
  UnstableLayout,
  unstablePath,
  writeUnstableHeader,
} from '../../../../server/store/unstable-layout.ts';
import { killedCopy, openStore } from '../../store/support/stores.ts';
import { TestCache } from './caches.ts';

export const verifier = 0x0123_4567_89ab_cdefn;

/** A cache whose memory can be left behind, as that of a killed server is. */
export class Survivor extends TestCache {
  readonly store: Store;
  /** What would be in the file. */
  readonly file: Uint8Array;

  constructor(store: Store, slots: number) {
    const layout = new UnstableLayout(slots);
    const file = new Uint8Array(layout.bytes + slots * store.blockBytes);
    const blocksOffset = layout.bytes;
    writeUnstableHeader(file, { store, slots, blocksOffset, verifier });
    const unstable = new UnstableRecord(layout, file.buffer);
    super(store, slots, { unstable }, file.subarray(blocksOffset));
    this.store = store;
    this.file = file;
  }

  /** What is left when the process is killed now: path of the database; the file lies beside it. */
  killedCopy(): string {
    const path = killedCopy(this.store);
    writeFileSync(leftPath(path, this.store), this.file, { mode: 0o600 });
    return path;
  }

  /** The store that the next process opens. */
  successor(): Store {
    return successorAt(this.killedCopy());
  }
}

export const leftPath = (path: string, { identity }: Store): string =>
  unstablePath(path, identity, dirname(path));

export const successorAt = (path: string): Store =>
  openStore(path, undefined, undefined, undefined, dirname(path));
