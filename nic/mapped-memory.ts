/** Mapped memory with the views that the NIC works through, and segments that peers can map too. */

import { fstatSync } from 'node:fs';
import { NicError } from './error.ts';
import {
  addSeals,
  closeDescriptor,
  createMemoryFile,
  getSeals,
  isOrdinaryMemoryFile,
  mapPrivate,
  mapShared,
  Seal,
  unmap,
  viewMemory,
} from './system-calls.ts';
import { PAGE_BYTES, wholePages } from './system-calls-memory.ts';

/** A mapping of this process. After `unmap` all its views have length 0. */
export class MappedMemory {
  readonly address: number;
  readonly bytes: number;
  readonly writable: boolean;
  /** A Buffer, because its `copy` moves bytes without making an object. */
  readonly octets: Buffer;
  readonly words: Int32Array;
  readonly floats: Float64Array;
  readonly quads: BigUint64Array;

  private constructor(address: number, bytes: number, writable: boolean) {
    const buffer = viewMemory(address, bytes);
    this.address = address;
    this.bytes = bytes;
    this.writable = writable;
    this.octets = Buffer.from(buffer);
    this.words = new Int32Array(buffer);
    this.floats = new Float64Array(buffer);
    this.quads = new BigUint64Array(buffer);
  }

  /** Memory of this process alone. */
  static private(bytes: number): MappedMemory {
    const whole = wholePages(bytes);
    return new MappedMemory(mapPrivate(whole), whole, true);
  }

  static ofDescriptor(descriptor: number, bytes: number, writable: boolean): MappedMemory {
    return new MappedMemory(mapShared(descriptor, bytes, writable), bytes, writable);
  }

  unmap(): void {
    // Detaching the buffer first turns a forgotten view into an empty array instead of a crash.
    (this.octets.buffer as ArrayBuffer).transfer();
    unmap(this.address, this.bytes);
  }
}

/** What peers may do with a segment that they map. */
export type SegmentSharing = 'read' | 'write';

/** Memory that peers map through its descriptor. */
export interface Segment {
  readonly descriptor: number;
  readonly memory: MappedMemory;
  close(): void;
}

/** Memory of this process that peers map, which goes with the last process that maps it. */
export class SharedSegment implements Segment {
  readonly descriptor: number;
  readonly memory: MappedMemory;
  readonly sharing: SegmentSharing;

  constructor(name: string, bytes: number, sharing: SegmentSharing) {
    const whole = wholePages(bytes);
    this.sharing = sharing;
    this.descriptor = createMemoryFile(name, whole);
    this.memory = MappedMemory.ofDescriptor(this.descriptor, whole, true);
    // FUTURE_WRITE leaves the mapping made above writable and refuses every later one.
    const future = sharing === 'read' ? Seal.FUTURE_WRITE : 0;
    addSeals(this.descriptor, Seal.SHRINK | Seal.GROW | Seal.SEAL | future);
  }

  close(): void {
    this.memory.unmap();
    closeDescriptor(this.descriptor);
  }
}

/** What a peer may send besides segments that nobody can cut short: nothing, or a file on tmpfs. */
export type ForeignSegmentKind = 'sealed' | 'file';

/**
 * What a peer of that user may send for reading. To cut a file short kills who reads it with SIGBUS;
 * this user and the superuser can kill the process anyway (kill(2)).
 */
export function foreignSegmentKind(peerUid: number): ForeignSegmentKind {
  return peerUid === 0 || peerUid === process.getuid?.() ? 'file' : 'sealed';
}

/**
 * Maps a segment that a peer sent, which closes the descriptor in any case.
 *
 * The peer may be hostile: were the segment not sealed against shrinking, it could cut it short and
 * kill this process with SIGBUS; memory of another kind (a file on a disk, huge pages) could fail or
 * stall in the middle of a load.
 * @throws NicError EPROTO for a segment that is not as it must be.
 */
export function mapForeignSegment(
  descriptor: number,
  bytes: number,
  writable: boolean,
  kind: ForeignSegmentKind = 'sealed',
): MappedMemory {
  try {
    const problem = foreignSegmentProblem(descriptor, bytes, kind === 'file' && !writable);
    if (problem !== undefined) throw new NicError('EPROTO', `a peer's segment ${problem}`);
    return MappedMemory.ofDescriptor(descriptor, bytes, writable);
  } finally {
    closeDescriptor(descriptor);
  }
}

function foreignSegmentProblem(
  descriptor: number,
  bytes: number,
  mayBeFile: boolean,
): string | undefined {
  if (!isOrdinaryMemoryFile(descriptor)) return 'is not ordinary shared memory';
  let seals: number;
  try {
    seals = getSeals(descriptor);
  } catch {
    return 'cannot be sealed';
  }
  // A file on tmpfs has this one seal, and gets no other.
  const isAcceptedFile = mayBeFile && seals === Seal.SEAL;
  if ((seals & Seal.SHRINK) === 0 && !isAcceptedFile) return 'is not sealed against shrinking';
  const { size } = fstatSync(descriptor);
  if (size !== bytes) return `has ${size} bytes instead of ${bytes}`;
  if (bytes % PAGE_BYTES !== 0) return `has ${bytes} bytes, which are no whole pages`;
  return undefined;
}

/** Up to this many bytes, a loop over words beats the call that moves memory. */
const LOOP_BYTES = 128;
/** Offsets that 32 bits hold keep the loop in integers, without which it is four times as slow. */
const LOOP_LIMIT = 2 ** 31 - LOOP_BYTES;

/** Copies bytes between mappings; the caller has checked the bounds of both. */
export function copyBytes(
  target: MappedMemory,
  targetOffset: number,
  source: MappedMemory,
  sourceOffset: number,
  length: number,
): void {
  const isShort = length <= LOOP_BYTES && sourceOffset < LOOP_LIMIT && targetOffset < LOOP_LIMIT;
  if (!isShort || ((targetOffset | sourceOffset | length) & 3) !== 0) {
    source.octets.copy(target.octets, targetOffset, sourceOffset, sourceOffset + length);
    return;
  }
  const from = source.words;
  const to = target.words;
  const read = sourceOffset >> 2;
  const write = targetOffset >> 2;
  const count = length >> 2;
  for (let word = 0; word < count; word++) to[write + word] = from[read + word] as number;
}
