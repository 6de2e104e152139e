import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import type { Checkpointer } from './checkpointer.ts';
import { storeErrorOf } from './database-error.ts';
import type { Durability } from './durability.ts';
import { StoreOpenError } from './errors.ts';
import type { FileContents } from './file-contents.ts';
import type { InodeRecord } from './inode-record.ts';
import type { FileId, Time } from './types.ts';
import {
  bootId,
  FileFloat,
  floatBytes,
  HeaderBytes,
  HeaderFloat,
  mark,
  StateFloat,
  UnstableLayout,
} from './unstable-layout.ts';

const { O_NOFOLLOW, O_RDWR } = constants;

/** What the database and its intent log hold. */
export interface DatabaseState {
  readonly epoch: number;
  /** Whole batches of this epoch in the intent log. */
  readonly batches: number;
  readonly path: string;
}

/** Size and times of a file that its row lacks. */
interface FileState {
  readonly size: number;
  readonly mtime: Time;
  readonly ctime: Time;
  readonly change: number;
}

interface LeftBlock {
  readonly number: number;
  readonly slot: number;
  readonly order: number;
}

/**
 * Data that a killed process had acknowledged and not stored: the memory of its block cache, and
 * what it told of that (block-cache/unstable-record.ts).
 */
export class LeftData {
  /** Where they lie. */
  readonly path: string;
  readonly #file: number;
  readonly #floats: Float64Array;
  readonly #layout: UnstableLayout;
  /** The last round that was acknowledged. */
  readonly #accepted: number;

  private constructor(path: string, file: number, floats: Float64Array, accepted: number) {
    this.path = path;
    this.#file = file;
    this.#floats = floats;
    this.#layout = new UnstableLayout(floats[HeaderFloat.SLOTS] as number);
    this.#accepted = accepted;
  }

  /**
   * The data that go with a database. What does not go with it is removed: of another run of the
   * system, of another database or state of it.
   * @param nextEpoch what the database's epoch may become before the data are stored
   * @throws {StoreOpenError} FOREIGN_DATA: they are there, and another user's; DAMAGED: they go with it,
   * and cannot be read
   */
  static find(
    path: string,
    identity: Uint8Array,
    database: DatabaseState,
    nextEpoch: number,
  ): LeftData | undefined {
    const file = openOwn(path, database);
    if (file === undefined) {
      return undefined;
    }
    let floats: Float64Array | undefined;
    try {
      floats = readDescription(file, identity, path);
    } catch (error) {
      closeSync(file);
      throw error;
    }
    const accepted = floats === undefined ? undefined : acceptedIn(floats, database);
    if (floats === undefined || accepted === undefined) {
      closeSync(file);
      rmSync(path, { force: true });
      return undefined;
    }
    // What a later batch or epoch would say has been said: if this process ends early, too, its
    // successor finds the same.
    for (const [place, value] of [
      [HeaderFloat.ACCEPTED, accepted],
      [HeaderFloat.ENDING, accepted],
      [HeaderFloat.EPOCH, database.epoch],
      [HeaderFloat.NEXT_EPOCH, nextEpoch],
    ] as const) {
      writeSync(file, Float64Array.of(value), 0, floatBytes, place * floatBytes);
    }
    return new LeftData(path, file, floats, accepted);
  }

  /**
   * Has the database commit the data, with the sizes and times that belong to them, and removes them.
   * @returns what clients know them by
   * @throws {StoreOpenError} They are still there then.
   */
  moveTo(
    databasePath: string,
    contents: FileContents,
    checkpointer: Checkpointer,
    durability: Durability,
  ): bigint {
    try {
      // A disk that is full has room for this where the log begins.
      checkpointer.empty();
      this.#store(contents);
      durability.applyIntents();
    } catch (error) {
      closeSync(this.#file);
      if (error instanceof StoreOpenError) {
        throw error;
      }
      const { message } = storeErrorOf(error);
      throw new StoreOpenError(
        'NO_SPACE',
        databasePath,
        `${databasePath} does not take the data that a killed server left in ${this.path} (${message}): make room on its disk and start again`,
        { cause: error },
      );
    }
    rmSync(this.path, { force: true });
    closeSync(this.#file);
    const verifier = new BigUint64Array(this.#floats.buffer);
    return verifier[HeaderBytes.VERIFIER / verifier.BYTES_PER_ELEMENT] as bigint;
  }

  #store(contents: FileContents): void {
    const states = this.#states();
    const blocks = this.#blocks();
    for (const id of new Set([...states.keys(), ...blocks.keys()])) {
      const record = contents.peek(id);
      if (record?.isRegular) {
        contents.modify(() => this.#storeFile(contents, record, states.get(id), blocks.get(id)));
      }
    }
  }

  #storeFile(
    contents: FileContents,
    record: InodeRecord,
    state: FileState | undefined,
    blocks: readonly LeftBlock[] = [],
  ): void {
    record.size = state?.size ?? record.size;
    for (const { number, slot } of blocks) {
      const length = Math.min(this.#blockBytes, record.size - number * this.#blockBytes);
      if (length > 0) {
        contents.write(record, number, this.#read(slot, length));
      }
    }
    Object.assign(record, state);
    contents.settle(record);
  }

  /** The files that the database lacks data of, or their latest sizes and times. */
  files(): number {
    return new Set([...this.#states().keys(), ...this.#blocks().keys()]).size;
  }

  /** Lets go of the data: the next process finds them. */
  close(): void {
    closeSync(this.#file);
  }

  get #blockBytes(): number {
    return this.#floats[HeaderFloat.BLOCK_BYTES] as number;
  }

  #read(slot: number, length: number): Buffer {
    const data = Buffer.alloc(length);
    const offset = this.#floats[HeaderFloat.BLOCKS_OFFSET] as number;
    readSync(this.#file, data, 0, length, offset + slot * this.#blockBytes);
    return data;
  }

  /** What is told of files that were ahead of their rows. */
  #states(): Map<FileId, FileState> {
    const floats = this.#floats;
    const { files, fileStates } = this.#layout;
    const states = new Map<FileId, FileState>();
    for (let at = fileStates; at < fileStates + files * FileFloat.LENGTH; at += FileFloat.LENGTH) {
      const id = floats[at + FileFloat.ID] as FileId;
      const state = this.#stateAt(at);
      if (id !== 0 && state !== undefined && !Number.isNaN(state.size)) {
        states.set(id, state);
      }
    }
    return states;
  }

  /** The latest state of a file that was acknowledged. */
  #stateAt(file: number): FileState | undefined {
    const floats = this.#floats;
    const [at] = FileFloat.STATES.map((state) => file + state)
      .filter((state) => (floats[state] as number) <= this.#accepted)
      .sort((one, other) => (floats[other] as number) - (floats[one] as number));
    if (at === undefined) {
      return undefined;
    }
    const value = (place: number) => floats[at + place] as number;
    const time = (place: number) => ({ seconds: value(place), nseconds: value(place + 1) });
    const state = {
      size: value(StateFloat.SIZE),
      mtime: time(StateFloat.MTIME_SECONDS),
      ctime: time(StateFloat.CTIME_SECONDS),
      change: value(StateFloat.CHANGE),
    };
    // That of a file that has been forgotten has no size.
    if (!Number.isNaN(state.size) && !isState(state)) {
      throw unreadable(this.path);
    }
    return state;
  }

  /** The slots that hold what the database lacks, by file, in the order of the blocks. */
  #blocks(): Map<FileId, LeftBlock[]> {
    const floats = this.#floats;
    const { slots, ids, numbers, since, until, orders } = this.#layout;
    const files = new Map<FileId, Map<number, LeftBlock>>();
    for (let slot = 0; slot < slots; slot++) {
      const holds =
        (floats[since + slot] as number) <= this.#accepted &&
        (floats[until + slot] as number) > this.#accepted;
      if (holds) {
        const id = floats[ids + slot] as FileId;
        const number = floats[numbers + slot] as number;
        const order = floats[orders + slot] as number;
        if (![id, number, order].every(isCount)) {
          throw unreadable(this.path);
        }
        const blocks = files.get(id) ?? new Map<number, LeftBlock>();
        files.set(id, blocks);
        if (order > (blocks.get(number)?.order ?? 0)) {
          blocks.set(number, { number, slot, order });
        }
      }
    }
    const inOrder = (blocks: Map<number, LeftBlock>) =>
      [...blocks.values()].sort((one, other) => one.number - other.number);
    return new Map([...files].map(([id, blocks]) => [id, inOrder(blocks)]));
  }
}

/** Data that a killed server left, and that the next one stores. */
export interface LeftBehind {
  /** Where they lie. */
  readonly path: string;
  /** The files that they belong to. */
  readonly files: number;
}

/** Lets go of data that are for the next server. @returns undefined when it has nothing to store */
export function leftBehind(data: LeftData | undefined): LeftBehind | undefined {
  if (data === undefined) {
    return undefined;
  }
  try {
    const left = { path: data.path, files: data.files() };
    return left.files === 0 ? undefined : left;
  } finally {
    data.close();
  }
}

/**
 * Opens what nobody but this user, or the database's owner, may have made; undefined when there is none.
 * @throws {StoreOpenError} FOREIGN_DATA: to go on without it would be to lose what was acknowledged
 */
function openOwn(path: string, database: Pick<DatabaseState, 'path'>): number | undefined {
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status === undefined) {
    return undefined;
  }
  const { uid, mode } = status;
  const isOwn = uid === process.geteuid?.() || uid === statSync(database.path).uid;
  if (!isOwn || !status.isFile() || (mode & 0o077) !== 0) {
    throw foreignData(path, database.path, uid);
  }
  try {
    return openSync(path, O_RDWR | O_NOFOLLOW);
  } catch (error) {
    throw foreignData(path, database.path, uid, error);
  }
}

function foreignData(path: string, database: string, uid: number, cause?: unknown): StoreOpenError {
  const message = `${path} holds what a killed server, run by uid ${uid}, had acknowledged and not brought into ${database}, and is not this user's to take over: start the server as that user, or remove it with the data`;
  return new StoreOpenError('FOREIGN_DATA', database, message, { cause });
}

/** The description, when it is whole, and of this database and this run of the system. */
function readDescription(
  file: number,
  identity: Uint8Array,
  path: string,
): Float64Array | undefined {
  const header = Buffer.alloc(HeaderBytes.LENGTH);
  const isWhole = readSync(file, header, 0, header.length, 0) === header.length;
  const isOurs =
    isWhole &&
    header.subarray(HeaderBytes.MARK, HeaderBytes.BOOT).equals(mark) &&
    header.subarray(HeaderBytes.BOOT, HeaderBytes.IDENTITY).equals(bootId()) &&
    header.subarray(HeaderBytes.IDENTITY, HeaderBytes.VERIFIER).equals(identity);
  if (!isOurs) {
    return undefined;
  }
  const [slots, blockBytes, blocksOffset] = [
    HeaderFloat.SLOTS,
    HeaderFloat.BLOCK_BYTES,
    HeaderFloat.BLOCKS_OFFSET,
  ].map((place) => header.readDoubleLE(place * floatBytes)) as [number, number, number];
  const { bytes } = new UnstableLayout(slots);
  const areNumbers = [slots, blockBytes, blocksOffset].every(isCount);
  const end = blocksOffset + slots * blockBytes;
  if (!areNumbers || blocksOffset < bytes || end > fstatSync(file).size) {
    throw unreadable(path);
  }
  const floats = new Float64Array(bytes / floatBytes);
  readSync(file, floats, 0, bytes, 0);
  return floats;
}

/** Whether a number counts something. */
const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

const isTime = ({ seconds, nseconds }: Time): boolean =>
  Number.isSafeInteger(seconds) && isCount(nseconds) && nseconds < 1e9;

const isState = ({ size, mtime, ctime, change }: FileState): boolean =>
  isCount(size) && isCount(change) && isTime(mtime) && isTime(ctime);

function unreadable(path: string): StoreOpenError {
  const advice = 'remove it to do without what had not been stored yet';
  const message = `${path}, which a killed server left, cannot be read: ${advice}`;
  return new StoreOpenError('DAMAGED', path, message);
}

/** The last round that was acknowledged or committed; undefined: of another state of the database. */
function acceptedIn(floats: Float64Array, { epoch, batches }: DatabaseState): number | undefined {
  const value = (place: number) => floats[place] as number;
  const isNext = epoch === value(HeaderFloat.NEXT_EPOCH);
  if (!isNext && epoch !== value(HeaderFloat.EPOCH)) {
    return undefined;
  }
  const hasEnded = isNext || batches > value(HeaderFloat.SEQUENCE);
  const accepted = value(HeaderFloat.ACCEPTED);
  return hasEnded ? Math.max(accepted, value(HeaderFloat.ENDING)) : accepted;
}
