/** A store with an exported cache and a reader of it, joined by the NIC in one thread. */
import { ASK_SERVER, ExportedBlocks } from '../../../../client/exported-blocks.ts';
import { ExportedStatus } from '../../../../client/exported-status.ts';
import {
  type ExportedCacheLayout,
  type Filehandle,
  filehandleOf,
  type StateId,
} from '../../../../client/protocol/index.ts';
import { RegisteredBuffer } from '../../../../client/registration.ts';
import { Access } from '../../../../nic/index.ts';
import { ExportedCache } from '../../../../server/exported-cache/exported-cache.ts';
import type { FileId, Inode, Store } from '../../../../server/store/index.ts';
import { TestCache } from '../../block-cache/support/caches.ts';
import { atEnd, connectedSides, createArena } from '../../nic/support.ts';
import { stateIdOf } from './state-ids.ts';

const FOR_EVER = Number.MAX_SAFE_INTEGER;
const ROOT_ID = 1;
const BUFFER_BYTES = 1 << 20;

/** An export of its own memory, and a reader at the other end of a connection. */
export class ExportPair {
  readonly layout: ExportedCacheLayout;
  readonly memory: Uint8Array;
  readonly exported: ExportedCache;
  readonly reader: ExportedBlocks;
  readonly status: ExportedStatus;
  readonly buffer: RegisteredBuffer;
  readonly closeConnection: () => void;

  /** @param fileSystem the handle of the file system that there is */
  constructor(
    slots: number,
    blockBytes: number,
    fileSystem: Uint8Array = new Uint8Array(16).fill(7),
  ) {
    const [owner, peer] = connectedSides();
    this.layout = ExportedCache.layoutFor(slots * blockBytes, blockBytes);
    const { bytes } = this.layout;
    const arena = createArena(bytes, 'read');
    const access = Access.LOCAL_WRITE | Access.MW_BIND;
    const region = owner.domain.registerMemory(arena, 0, bytes, access);
    this.memory = region.memory;
    this.exported = new ExportedCache(this.layout, region.memory);
    const { rkey, address } = owner.queuePair.bindWindow(region);
    const imported = peer.queuePair.importRegion(rkey, address, bytes);
    this.reader = new ExportedBlocks(imported, this.layout, () => {});
    this.status = new ExportedStatus(imported, this.layout, filehandleOf(fileSystem, ROOT_ID));
    this.buffer = RegisteredBuffer.allocate(peer.domain, BUFFER_BYTES, 'read');
    atEnd(() => this.buffer.close());
    this.closeConnection = () => owner.queuePair.close();
  }

  get words(): Int32Array {
    return new Int32Array(this.memory.buffer, this.memory.byteOffset, this.memory.length >> 2);
  }

  get floats(): Float64Array {
    return new Float64Array(this.memory.buffer, this.memory.byteOffset, this.memory.length >> 3);
  }

  /** What the reader reads by itself; undefined when it asks the server. */
  read(handle: Filehandle, stateId: bigint, offset: number, bytes: number): Buffer | undefined {
    const file = { handle, stateId: stateId as StateId };
    this.buffer.memory.fill(0xaa, 0, Math.min(bytes + 1, this.buffer.bytes));
    const read = this.reader.read(file, offset, this.buffer, 0, bytes);
    return read === ASK_SERVER ? undefined : Buffer.from(this.buffer.memory.slice(0, read));
  }
}

export class ExportedStore {
  readonly store: Store;
  readonly pair: ExportPair;
  readonly cache: TestCache;

  constructor(store: Store, slots: number) {
    this.store = store;
    this.pair = new ExportPair(slots, store.blockBytes, store.identity);
    this.cache = new TestCache(store, slots, { exported: this.pair.exported });
  }

  /** Reads through the cache as READ does, after which readers may read by themselves. */
  admit(id: FileId, goodUntilSeconds = FOR_EVER): void {
    const { exported } = this.pair;
    exported.opens.admit(stateIdOf(id), id);
    exported.files.admit(this.store.inode(id) as Inode, goodUntilSeconds);
  }

  /** What a reader reads by itself; undefined when it asks the server. */
  read(id: FileId, offset: number, bytes: number): Buffer | undefined {
    return this.pair.read(filehandleOf(this.store.identity, id), stateIdOf(id), offset, bytes);
  }
}
