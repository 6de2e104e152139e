import { ASK_SERVER, ExportedBlocks } from '../../client/exported-blocks.ts';
import { ExportedStatus } from '../../client/exported-status.ts';
import {
  ATTRIBUTES_TYPE_SHIFT,
  AttributesEntry,
  ExportedCacheLayout,
  FileEntry,
  filehandleOf,
  NameEntry,
  NO_SLOT,
  ObjectType,
  OpenEntry,
  PackedName,
  type StateId,
} from '../../client/protocol/index.ts';
import type { RegisteredBuffer } from '../../client/registration.ts';
import { type RemoteRegion, WcStatus } from '../../nic/index.ts';
import type { Target } from './support/fuzz.ts';

const layout = new ExportedCacheLayout(4, 512);
const FILE_ID = 5;
const STATE_ID = 0x1_0000_0007n as StateId;
const file = { handle: filehandleOf(new Uint8Array(8), FILE_ID), stateId: STATE_ID };
const FILE_BYTES = 1700;
const DIRECTORY_ID = 6;
const directory = filehandleOf(new Uint8Array(16), DIRECTORY_ID);
const NAME = Buffer.from('name');
const root = { uid: 0, gid: 0, groups: [], capabilities: undefined };

/** What is asked for: offset and length, within the file, at its end, behind it, over all blocks. */
const reads: readonly (readonly [number, number])[] = [
  [0, 512],
  [100, 1000],
  [1600, 512],
  [4096, 512],
  [0, 4096],
];
/** Where in the client's buffer the data go. */
const BUFFER_OFFSET = 64;

/** An index as a server makes it: one file, one open of it, all of its blocks, and its name. */
function soundIndex(): Uint8Array {
  const index = new Uint8Array(layout.blocksOffset);
  const words = new Int32Array(index.buffer);
  const floats = new Float64Array(index.buffer);
  words.fill(NO_SLOT, layout.slotNextWord, layout.bucketsWord + layout.buckets);
  const entry = layout.fileSetWord(FILE_ID);
  words[entry + FileEntry.sequence] = 2;
  floats[entry / 2 + FileEntry.id] = FILE_ID;
  floats[entry / 2 + FileEntry.size] = FILE_BYTES;
  floats[entry / 2 + FileEntry.accessTimeGoodUntil] = Number.MAX_SAFE_INTEGER;
  const open = layout.openSetWord(Number(STATE_ID & 0xffffffffn));
  words[open + OpenEntry.stateIdLow] = Number(STATE_ID & 0xffffffffn);
  words[open + OpenEntry.stateIdHigh] = Number(STATE_ID >> 32n);
  floats[open / 2 + OpenEntry.id] = FILE_ID;
  for (let slot = 0; slot < layout.slots; slot++) {
    const bucket = layout.bucketWord(FILE_ID, slot);
    floats[layout.slotIdsFloat + slot] = FILE_ID;
    floats[layout.slotNumbersFloat + slot] = slot;
    words[layout.slotNextWord + slot] = words[bucket] as number;
    words[bucket] = slot;
  }
  addName(words, floats);
  return index.subarray(0, (layout.bucketsWord + layout.buckets) * 4);
}

function addName(words: Int32Array, floats: Float64Array): void {
  const packed = new PackedName();
  packed.set(NAME);
  // All attributes share a set here.
  for (const [way, id] of [FILE_ID, DIRECTORY_ID].entries()) {
    const entry = layout.attributesWord + way * AttributesEntry.words;
    words[entry + AttributesEntry.mode] = ObjectType.DAFS_TYPE_DIR << ATTRIBUTES_TYPE_SHIFT;
    floats[entry / 2 + AttributesEntry.id] = id;
  }
  const entry = layout.nameSetWord(DIRECTORY_ID, packed);
  words[entry + NameEntry.length] = NAME.length;
  words.set(packed.words, entry + NameEntry.name);
  floats[entry / 2 + NameEntry.directory] = DIRECTORY_ID;
  floats[entry / 2 + NameEntry.id] = FILE_ID;
}

/** The same, but the first block is said to be in a slot behind the last one, of which there is an entry, it seems. */
function strayIndex(): Uint8Array {
  const index = soundIndex();
  const words = new Int32Array(index.buffer);
  const floats = new Float64Array(index.buffer);
  const stray = layout.slots;
  words[layout.bucketWord(FILE_ID, 0)] = stray;
  floats[layout.slotIdsFloat + stray] = FILE_ID;
  floats[layout.slotNumbersFloat + stray] = 0;
  return index;
}

/** Memory that a server lets us read, which answers as the adapter's does, and a buffer to read into. */
class Exported {
  readonly #words: Int32Array;
  readonly #floats: Float64Array;
  /** What was read into the buffer, and where the read that is under way may put it. */
  #room = { start: 0, end: 0 };

  constructor(index: Uint8Array) {
    const memory = new Uint8Array(layout.blocksOffset);
    memory.set(index.subarray(0, memory.length));
    this.#words = new Int32Array(memory.buffer);
    this.#floats = new Float64Array(memory.buffer);
  }

  expect(bytes: number): void {
    this.#room = { start: BUFFER_OFFSET, end: BUFFER_OFFSET + bytes };
  }

  word = (index: number): number => this.#words[index] ?? 0;
  wordAfterReads = this.word;
  float = (index: number): number => this.#floats[index] ?? Number.NaN;
  isReadable = (): boolean => true;

  read = (offset: number, _target: unknown, targetOffset: number, length: number): WcStatus => {
    const { start, end } = this.#room;
    if (!(length > 0 && targetOffset >= start && targetOffset + length <= end)) {
      throw new Error(`${length} bytes go to ${targetOffset}, outside of ${start} to ${end}`);
    }
    if (!(offset >= layout.blocksOffset && offset + length <= layout.bytes)) {
      throw new Error(`${length} bytes come from ${offset}, where no block is`);
    }
    return WcStatus.SUCCESS;
  };
}

/** Reading out of a cache whose index its server wrote, or somebody who took its place. */
export function exportedCacheTarget(): Target {
  return {
    name: 'the index of an exported cache',
    seeds: [soundIndex(), strayIndex()],
    decode(input) {
      const exported = new Exported(input);
      const region = exported as unknown as RemoteRegion;
      const reader = new ExportedBlocks(region, layout, () => {});
      for (const [offset, bytes] of reads) {
        exported.expect(bytes);
        const read = reader.read(file, offset, {} as RegisteredBuffer, BUFFER_OFFSET, bytes);
        if (read !== ASK_SERVER && !(Number.isInteger(read) && read >= 0 && read <= bytes)) {
          throw new Error(`${bytes} bytes were asked for at ${offset}, and ${read} read`);
        }
      }
      const status = new ExportedStatus(region, layout, directory).lookup(directory, NAME, root);
      const { fileId = 1, sizeBytes = 0 } = status ?? {};
      const isSound = Number.isSafeInteger(fileId) && fileId > 0 && Number.isSafeInteger(sizeBytes);
      if (!isSound || sizeBytes < 0) throw new Error(`file ${fileId} has ${sizeBytes} bytes`);
    },
    isPrecise: () => false,
  };
}
