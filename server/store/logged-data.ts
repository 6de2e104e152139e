import type Database from 'better-sqlite3';
import { checksumOf, isWhole } from './block-checksum.ts';
import type { InodeRecord } from './inode-record.ts';
import type { Intent, IntentLog, Value } from './intent-log.ts';

/** Bytes of a file that are in memory and not in the rows of its blocks. */
export interface DataPiece {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Number of values by which the two kinds of logged data are told apart. */
const pieceValues = 3;
/** The values of the other kind, in their order. */
const stateNames = [
  'id',
  'size',
  'mtimeSeconds',
  'mtimeNseconds',
  'ctimeSeconds',
  'ctimeNseconds',
  'change',
];

/** Adds data of a file to the open batch, and the size and times that belong to them. */
export function logData(
  intents: IntentLog,
  record: InodeRecord,
  pieces: readonly DataPiece[],
): void {
  const { id, size, mtime, ctime, change } = record;
  for (const { offset, bytes } of pieces) {
    intents.recordData(id, [id, offset, bytes]);
  }
  const times = [mtime.seconds, mtime.nseconds, ctime.seconds, ctime.nseconds];
  intents.recordData(id, [id, size, ...times, change]);
}

/** Whether there is room for data in the open batch. */
export function hasRoomForData(intents: IntentLog, pieces: readonly DataPiece[]): boolean {
  const bytes = pieces.reduce((sum, piece) => sum + piece.bytes.length, 0);
  return intents.hasRoomFor(bytes, pieces.length + 1);
}

/** The row of a file, as far as data change it. */
interface FileRow {
  readonly content: number;
  readonly allocatedBlocks: number;
}

/**
 * Puts what intents hold besides statements into the rows of files, in the transaction that is open, in
 * which all statements of the epoch have been made again.
 */
export function storeLoggedData(database: Database.Database, intents: readonly Intent[]): void {
  const logged = intents.filter(({ sql }) => sql === '').map(({ values }) => values);
  if (logged.length > 0) {
    const rows = new DataRows(database);
    rows.storePieces(logged.filter(isPiece).map(pieceOf));
    for (const state of logged.filter((values) => !isPiece(values))) {
      rows.storeState(state);
    }
  }
}

/** A piece of a file's data, as it was logged; it lies within one block. */
interface LoggedPiece extends DataPiece {
  readonly id: number;
}

const isPiece = (values: readonly Value[]): boolean => values.length === pieceValues;

function pieceOf(values: readonly Value[]): LoggedPiece {
  const [id, offset, bytes] = values as readonly [number, number, Uint8Array];
  return { id, offset, bytes };
}

class DataRows {
  readonly #blockBytes: number;
  readonly #file: Database.Statement<[number], FileRow>;
  readonly #block: Database.Statement<[number, number], BlockRow>;
  readonly #isAllocated: Database.Statement<[number, number], number>;
  readonly #insert: Database.Statement<[number, number, Uint8Array, number]>;
  readonly #update: Database.Statement<[Uint8Array, number, number]>;
  readonly #count: Database.Statement<[number, number, number]>;
  readonly #grow: Database.Statement<[Record<string, number>]>;

  constructor(database: Database.Database) {
    this.#blockBytes = database
      .prepare<[], number>('SELECT blockBytes FROM filesystem')
      .pluck()
      .get() as number;
    this.#file = database.prepare('SELECT content, allocatedBlocks FROM inode WHERE id = ?');
    this.#block = database.prepare(
      'SELECT id, data, checksum FROM block WHERE content = ? AND number = ?',
    );
    this.#isAllocated = database
      .prepare<[number, number], number>(
        'SELECT 1 FROM allocation WHERE inode = ? AND ? BETWEEN first AND last',
      )
      .pluck();
    this.#insert = database.prepare(
      'INSERT INTO block (content, number, data, checksum) VALUES (?, ?, ?, ?)',
    );
    this.#update = database.prepare('UPDATE block SET data = ?, checksum = ? WHERE id = ?');
    this.#count = database.prepare(
      `UPDATE inode SET storedBytes = storedBytes + ?, reservedBytes = reservedBytes - ?
       WHERE id = ?`,
    );
    // Whatever else was changed later is in the row already, and its times with it.
    this.#grow = database.prepare(
      `UPDATE inode SET size = max(size, @size),
       mtimeSeconds = iif(change < @change, @mtimeSeconds, mtimeSeconds),
       mtimeNseconds = iif(change < @change, @mtimeNseconds, mtimeNseconds),
       ctimeSeconds = iif(change < @change, @ctimeSeconds, ctimeSeconds),
       ctimeNseconds = iif(change < @change, @ctimeNseconds, ctimeNseconds),
       change = max(change, @change) WHERE id = @id`,
    );
  }

  /** @param values the size and times of a file, as `logData` recorded them */
  storeState(values: readonly Value[]): void {
    const entries = stateNames.map((name, index) => [name, values[index] as number]);
    this.#grow.run(Object.fromEntries(entries));
  }

  /** In the order in which they were logged; a block of which there are many is written once. */
  storePieces(pieces: readonly LoggedPiece[]): void {
    const byBlock = Map.groupBy(pieces, (piece) => `${piece.id} ${this.#numberOf(piece)}`);
    for (const ofBlock of byBlock.values()) {
      this.#storeInBlock(ofBlock);
    }
  }

  #numberOf({ offset }: LoggedPiece): number {
    return Math.floor(offset / this.#blockBytes);
  }

  /** @param pieces one at least, all of one block */
  #storeInBlock(pieces: readonly LoggedPiece[]): void {
    const [piece] = pieces as readonly [LoggedPiece];
    const { id } = piece;
    const file = this.#file.get(id);
    if (file === undefined) {
      // It has been removed since.
      return;
    }
    const number = this.#numberOf(piece);
    const start = number * this.#blockBytes;
    const end = pieces.reduce(
      (most, { offset, bytes }) => Math.max(most, offset + bytes.length - start),
      0,
    );
    if (!(end <= this.#blockBytes)) {
      throw new RangeError(`data at ${piece.offset} and behind it, of file ${id}, lie in no block`);
    }
    const row = this.#block.get(file.content, number);
    const oldLength = row?.data.length ?? 0;
    const data = Buffer.alloc(Math.max(oldLength, end));
    data.set(row?.data ?? noData);
    for (const { offset, bytes } of pieces) {
      data.set(bytes, offset - start);
    }
    if (row === undefined) {
      this.#insert.run(file.content, number, data, checksumOf(data));
    } else {
      // What was damaged stays so.
      const checksum = checksumOf(data);
      this.#update.run(data, isWhole(row.data, row.checksum) ? checksum : ~checksum, row.id);
    }
    const grown = data.length - oldLength;
    const isAllocated = file.allocatedBlocks > 0 && this.#isAllocated.get(id, number) !== undefined;
    this.#count.run(grown, isAllocated ? grown : 0, id);
  }
}

const noData = new Uint8Array(0);

interface BlockRow {
  readonly id: number;
  readonly data: Buffer;
  readonly checksum: number | null;
}
