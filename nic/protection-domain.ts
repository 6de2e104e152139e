import type { Announcements } from './announcements.ts';
import type { Arena } from './arena.ts';
import type { Context } from './context.ts';
import { NicError, requireInteger } from './error.ts';
import { MemoryRegion } from './memory-region.ts';
import { MemoryWindow } from './memory-window.ts';
import { QueuePair, type QueuePairOptions } from './queue-pair.ts';
import { SharedArenas } from './shared-arenas.ts';
import { SharedReceiveQueue } from './shared-receive-queue.ts';
import {
  Access,
  keyIndex,
  REMOTE_ACCESS,
  REMOTE_CHANGE,
  TranslationProtectionTable,
} from './translation-protection-table.ts';

const ALL_ACCESS = Access.LOCAL_WRITE | REMOTE_ACCESS | Access.MW_BIND;
const ANY_QUEUE_PAIR = 0;

/** Keeps apart what does not belong together: regions serve only queue pairs of their own domain. */
export class ProtectionDomain {
  /** @internal */ readonly context: Context;
  /** @internal */ readonly table = new TranslationProtectionTable();
  /** @internal What peers are sent of its memory. */ readonly arenas = new SharedArenas();
  /** @internal */ readonly queuePairs = new Set<QueuePair>();
  /** @internal */ readonly sharedReceiveQueues = new Set<SharedReceiveQueue>();
  readonly #regions: (MemoryRegion | undefined)[] = [];
  #registered = 0;
  #changeable = 0;

  /** @internal Made by Context.allocateProtectionDomain. */
  constructor(context: Context) {
    this.context = context;
  }

  /**
   * Registers part of an arena.
   * @param access of Access; 0 is memory to send from only.
   * @throws NicError INVALID_ARGUMENT when the piece lies outside the arena, the rights contradict one
   *   another or the arena was not made to be shared so; ENOMEM when the table is full.
   */
  registerMemory(arena: Arena, offset: number, bytes: number, access: number): MemoryRegion {
    requireInteger('offset', offset, 0, arena.bytes);
    requireInteger('bytes', bytes, 1, arena.bytes - offset);
    requireInteger('access', access, 0, ALL_ACCESS);
    requireCompatible(arena, access);
    const region = new MemoryRegion(
      this,
      arena,
      offset,
      bytes,
      access,
      this.context.keys.allocate(),
    );
    this.#regions[keyIndex(region.lkey)] = region;
    this.#registered++;
    if ((access & REMOTE_CHANGE) !== 0) this.#changeable++;
    arena.regions++;
    if ((access & REMOTE_ACCESS) !== 0) this.#publish(region, offset);
    return region;
  }

  #publish(region: MemoryRegion, offset: number): void {
    this.table.publish(region.rkey, {
      access: region.access,
      address: region.address,
      bytes: region.bytes,
      segment: this.arenas.shareWithAll(region.arena),
      segmentOffset: offset,
      queuePair: ANY_QUEUE_PAIR,
    });
  }

  /** @internal Opens a region to a connected peer. @throws NicError INVALID_ARGUMENT, ENOMEM */
  bindWindow(queuePair: number, peer: Announcements, region: MemoryRegion): MemoryWindow {
    const { address, bytes, arena, offset } = region;
    if (!this.holds(region, Access.MW_BIND)) {
      throw new NicError('INVALID_ARGUMENT', 'windows need a region of the domain with MW_BIND');
    }
    const window = new MemoryWindow(this, region, this.context.keys.allocate());
    region.windows++;
    this.table.publish(window.rkey, {
      access: Access.REMOTE_READ,
      address,
      bytes,
      segment: this.arenas.shareWith(arena, peer),
      segmentOffset: offset,
      queuePair,
    });
    return window;
  }

  /** @internal */
  withdrawWindow({ rkey, region }: MemoryWindow): void {
    this.table.withdraw(rkey);
    region.windows--;
    this.context.keys.release(rkey);
  }

  /** @internal */
  withdraw(region: MemoryRegion): void {
    this.table.withdraw(region.rkey);
    this.#regions[keyIndex(region.lkey)] = undefined;
    if ((region.access & REMOTE_CHANGE) !== 0) {
      for (const { connection } of this.queuePairs) connection?.awaitQuiet();
      this.#changeable--;
    }
    this.#registered--;
    region.arena.regions--;
    this.context.keys.release(region.lkey);
  }

  /** @internal Whether peers may change memory of this domain. */
  get isChangeable(): boolean {
    return this.#changeable > 0;
  }

  /** @internal The region in which an lkey grants this access, or undefined. */
  find(lkey: number, address: number, length: number, access: number): MemoryRegion | undefined {
    const region = this.#regions[keyIndex(lkey)];
    if (region === undefined || region.lkey !== lkey) return undefined;
    if ((region.access & access) !== access) return undefined;
    if (!(length >= 0 && address >= region.address)) return undefined;
    return address + length <= region.address + region.bytes ? region : undefined;
  }

  /** @internal Whether a region is registered here now with this access. */
  holds(region: MemoryRegion, access: number): boolean {
    return this.#regions[keyIndex(region.lkey)] === region && (region.access & access) === access;
  }

  /**
   * Makes a queue pair in RESET.
   * @throws NicError INVALID_ARGUMENT when a size is out of range or a queue is of another context.
   */
  createQueuePair(options: QueuePairOptions): QueuePair {
    const queuePair = new QueuePair(this, options);
    this.queuePairs.add(queuePair);
    return queuePair;
  }

  createSharedReceiveQueue(options: { maxWr: number }): SharedReceiveQueue {
    return new SharedReceiveQueue(this, options.maxWr);
  }

  /** @throws NicError BUSY while it has queues or regions. */
  close(): void {
    if (this.queuePairs.size + this.sharedReceiveQueues.size + this.#registered > 0) {
      throw new NicError('BUSY', 'the protection domain still has queues or regions');
    }
    if (this.context.domains.delete(this)) this.table.close();
  }

  /** @internal Deregisters and closes all that is left, when the context closes. */
  dismantle(): void {
    for (const queuePair of this.queuePairs) queuePair.close();
    for (const queue of this.sharedReceiveQueues) queue.close();
    for (const region of this.#regions) region?.deregister();
    this.arenas.close();
    this.close();
  }
}

function requireCompatible(arena: Arena, access: number): void {
  const needsLocalWrite = (access & REMOTE_CHANGE) !== 0;
  if (needsLocalWrite && (access & Access.LOCAL_WRITE) === 0) {
    throw new NicError('INVALID_ARGUMENT', 'remote write and atomic access need LOCAL_WRITE too');
  }
  const shared = arena.remote !== 'none';
  if ((access & (REMOTE_ACCESS | Access.MW_BIND)) !== 0 && !shared) {
    throw new NicError('INVALID_ARGUMENT', "remote access to an arena made with remote 'none'");
  }
  if (needsLocalWrite && arena.remote !== 'write') {
    throw new NicError('INVALID_ARGUMENT', "remote writes need an arena made with remote 'write'");
  }
}
