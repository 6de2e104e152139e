import { PAGE_BYTES, wholePages } from '../../nic/index.ts';
import { damaged } from './integrity.ts';
import { IntentFile, type WriteStably } from './intent-file.ts';
import {
  header,
  type Intent,
  IntentBuffer,
  type LeftIntents,
  readBatches,
  readIntents,
  sealBatch,
  seedOf,
  sizeOf,
  type Value,
} from './intent-format.ts';

export type { Intent, LeftIntents, Value } from './intent-format.ts';

/** Length of each file. */
const fileBytes = 64 << 20;
/** Statements of an epoch, which are kept in memory: what does not fit is committed to the database. */
const statementBytes = 1 << 20;
/** Data of a batch. */
const dataBytes = 2 << 20;

/** In the place of a statement: what follows is logged data (logged-data.ts). */
const noStatement = new Uint8Array(0);

/**
 * Changes that were acknowledged before the database has committed them: a batch of statements is
 * written to a file with one system call, where a commit writes several pages. What the kernel has
 * taken survives the end of the process, and what it has synced a power cut; a later commit takes many
 * batches into the database.
 *
 * A batch can be made again only over what it was made over. So each has the epoch of the database,
 * which every commit changes, and its number: the file begins anew after a commit, and what is left of
 * earlier epochs is nothing to anybody. But what was synced may be needed until that commit is stable, so
 * there are two files, which take turns then.
 *
 * Batches of data go with the statements of files: pieces of blocks whose rows follow when the database
 * commits. They are made again after all statements of their epoch, so nothing of their files may be cut
 * in the same epoch: the commit that does that is one of the database.
 */
export class IntentLog {
  readonly #seed: number;
  readonly #paths: readonly string[];
  /** The second one is made when it is needed first. */
  readonly #files: IntentFile[];
  /** Which one is written. */
  #turn = 0;
  /** Statements of this epoch, those of the open batch at its end. */
  readonly #statements = new IntentBuffer(statementBytes);
  /** The open batch as it is written: room for its header, its data, and at last its statements. */
  readonly #batch = new IntentBuffer(
    wholePages(header.LENGTH + dataBytes + statementBytes) + PAGE_BYTES,
    header.LENGTH,
  );
  readonly #dataFiles = new Set<number>();
  /** Where the open batch goes in the file, and where its statements begin. */
  #at = 0;
  #batchStatements = 0;
  #epoch: number;
  #sequence = 0;
  #isWhole = true;
  /** Intents since the last commit to the database, those of the open batch included. */
  #count = 0;
  #firstMs = 0;
  #isPromised = false;
  /** Batches appended so far, in all epochs. */
  appendedBatches = 0;
  /** Up to which of them the last one is that went onto the disk at once. */
  stableBatches = 0;

  /**
   * Makes the log, in place of one whose batches are in the database.
   * @throws the system's error.
   */
  constructor(databasePath: string, identity: Uint8Array, epoch: number) {
    this.#seed = seedOf(identity);
    this.#epoch = epoch;
    this.#paths = pathsOf(databasePath);
    const [first, second] = this.#paths as [string, string];
    this.#files = [new IntentFile(first)];
    IntentFile.remove(second);
  }

  /** For who syncs the file that is written. */
  get descriptor(): number {
    return this.#file.descriptor;
  }

  get #file(): IntentFile {
    return this.#files[this.#turn] as IntentFile;
  }

  get count(): number {
    return this.#count;
  }

  /** Which state of the database the batches are made over. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Number of the open batch in its epoch. */
  get sequence(): number {
    return this.#sequence;
  }

  /** No batch has been appended in this epoch. */
  get isEmpty(): boolean {
    return this.#at === 0;
  }

  /** How long the oldest batch has been here, in milliseconds; 0: there is none. */
  get ageMs(): number {
    return this.isEmpty ? 0 : performance.now() - this.#firstMs;
  }

  /** Files of which there are data here. */
  get dataFiles(): ReadonlySet<number> {
    return this.#dataFiles;
  }

  /** Somebody relies on a sync of this epoch's batches: they stay until the next epoch is stable. */
  get isPromised(): boolean {
    return this.#isPromised;
  }

  /** A sync of the file is about to begin. */
  promise(): void {
    this.#isPromised ||= !this.isEmpty;
  }

  /** Adds a change to the open batch. */
  record(sql: Uint8Array, values: readonly Value[]): void {
    if (this.#statements.add(sql, values)) {
      this.#count++;
    } else {
      this.#isWhole = false;
    }
  }

  /** Whether so many bytes of data in so many pieces would fit into the open batch, and it into the file. */
  hasRoomFor(bytes: number, pieces: number): boolean {
    const needed = bytes + pieces * dataOverhead;
    const end = this.#batch.end + needed;
    return (
      end <= header.LENGTH + dataBytes &&
      this.#at + end + statementBytes + 2 * PAGE_BYTES <= fileBytes
    );
  }

  /** Adds data of a file to the open batch: see logged-data.ts. There is room for them. */
  recordData(id: number, values: readonly Value[]): void {
    this.#batch.add(noStatement, values);
    this.#dataFiles.add(id);
  }

  /** The open batch lacks a change: only a commit to the database keeps it. */
  omit(): void {
    this.#isWhole = false;
  }

  /**
   * Ends the open batch.
   * @param writeStably has it on the disk at once, where that can be had: all before it is there
   * @returns false when it is not safe here, and stays open
   */
  append(writeStably?: WriteStably): boolean {
    if (!this.#isWhole) {
      return false;
    }
    const { bytes, end } = this.#batch;
    const statements = this.#statements.bytes.subarray(this.#batchStatements, this.#statements.end);
    const length = end + statements.length;
    if (length === header.LENGTH) {
      return true;
    }
    if (this.#at + length + 2 * PAGE_BYTES > fileBytes) {
      return false;
    }
    bytes.set(statements, end);
    bytes.fill(0, length, wholePages(length) + PAGE_BYTES);
    const batch = bytes.subarray(0, length);
    sealBatch(batch, { seed: this.#seed, epoch: this.#epoch, sequence: this.#sequence });
    const after = this.#write(length, writeStably);
    if (after === undefined) {
      return false;
    }
    if (this.isEmpty) {
      this.#firstMs = performance.now();
    }
    this.#at = after;
    this.#sequence++;
    this.appendedBatches++;
    this.#begin(this.#statements.end);
    return true;
  }

  /** @returns where the file goes on then; undefined: it was not written */
  #write(length: number, writeStably: WriteStably | undefined): number | undefined {
    const { bytes } = this.#batch;
    if (writeStably !== undefined) {
      const start = wholePages(this.#at);
      const pages = bytes.subarray(0, wholePages(length));
      if (this.#file.writeStably(start, pages, writeStably)) {
        this.stableBatches = this.appendedBatches + 1;
        return start + pages.length;
      }
    }
    return this.#file.write(this.#at, bytes, length) ? this.#at + length : undefined;
  }

  /** Forgets the open batch. */
  drop(): void {
    this.#begin(this.#batchStatements);
  }

  /** Sees to it that there is the file that `restart` will need. @throws the system's error. */
  prepareRestart(): void {
    if (this.#isPromised) {
      this.#files[this.#idle] ??= new IntentFile(this.#paths[this.#idle] as string);
    }
  }

  /**
   * All changes are in the database, whose epoch is another one now. What somebody relies on stays
   * where it is, and the other file begins anew: the caller has seen to it that nobody needs that.
   */
  restart(epoch: number): void {
    if (this.#isPromised) {
      this.#turn = this.#idle;
      this.#isPromised = false;
    }
    this.#epoch = epoch;
    this.#sequence = 0;
    this.#count = 0;
    this.#at = 0;
    this.#dataFiles.clear();
    this.#begin(0);
  }

  /** The statements of all batches of this epoch but the open one. */
  statements(): readonly Intent[] {
    const intents: Intent[] = [];
    readIntents(this.#statements.bytes, 0, this.#batchStatements, intents);
    return intents;
  }

  /** @param isObsolete Everything is in the database, and that is stable: the files are removed. */
  close(isObsolete: boolean): void {
    for (const file of this.#files) {
      file.close(isObsolete);
    }
  }

  get #idle(): number {
    return this.#turn === 0 ? 1 : 0;
  }

  #begin(statements: number): void {
    this.#batchStatements = statements;
    this.#statements.end = statements;
    this.#batch.end = header.LENGTH;
    this.#isWhole = true;
  }
}

/** What a piece of data takes besides its bytes. */
const dataOverhead = sizeOf(noStatement, [0, 0, 0, 0, 0, 0, 0, noStatement]);

/**
 * A number for a new epoch that no other has. Counting would come to the same one again after a power
 * cut took commits back, whose batches may be in the file still.
 */
export function newEpoch(): number {
  return Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
}

/**
 * What a process left which did not close the database: nothing, when the database has it.
 * @throws {StoreOpenError} DAMAGED: a whole batch is none.
 */
export function leftIntents(
  databasePath: string,
  identity: Uint8Array,
  epoch: number,
): LeftIntents {
  const left = (path: string): LeftIntents => {
    try {
      return readBatches(IntentFile.read(path), seedOf(identity), epoch);
    } catch (error) {
      throw error instanceof RangeError ? damaged(databasePath, 'its intent log', error) : error;
    }
  };
  const [one, other] = pathsOf(databasePath).map(left) as [LeftIntents, LeftIntents];
  return one.batches > 0 ? one : other;
}

const pathsOf = (databasePath: string): readonly string[] => [
  `${databasePath}-intents`,
  `${databasePath}-intents2`,
];
