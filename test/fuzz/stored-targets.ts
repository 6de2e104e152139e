/** Decoders of what lies on a disk or on tmpfs, which may have been changed behind everybody's back. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import Database from 'better-sqlite3';
import { fsck } from '../../server/fsck/fsck.ts';
import { openedFiles } from '../../server/state/open-record.ts';
import { Store, StoreError, StoreOpenError } from '../../server/store/index.ts';
import { leftIntents } from '../../server/store/intent-log.ts';
import { TestServer } from '../unit/server/support/test-server.ts';
import type { Target } from './support/fuzz.ts';

/** What a test has made of a server that was killed: all that it left. */
export interface StoredSeeds {
  /** The database, with what lies beside it. */
  readonly database: string;
  /** Where the memory that outlives the server is, and its name. */
  readonly unstable: string;
  readonly identity: string;
  readonly epoch: number;
}

/** The two files of the intent log. */
const intentEndings = ['-intents', '-intents2'];
/** Without what would be made again over the database. */
const nothingMore = Object.fromEntries(
  ['-wal', ...intentEndings].map((ending) => [ending, new Uint8Array(0)]),
);

const isRefusal = (error: unknown): boolean => error instanceof StoreOpenError;

/** A copy of the database of the seeds, for one input. */
class Copy {
  readonly directory: string;
  readonly path: string;
  readonly #seeds: StoredSeeds;

  constructor(seeds: StoredSeeds, name: string) {
    this.#seeds = seeds;
    this.directory = join(seeds.database, '..', 'copies', name);
    this.path = join(this.directory, 'killed.dafs');
    mkdirSync(this.directory, { recursive: true });
  }

  /** @param changed what is to be there instead of the seeds' own, by the end of its name */
  make(changed: Readonly<Record<string, Uint8Array>> = {}): void {
    for (const name of readdirSync(this.directory)) {
      rmSync(join(this.directory, name));
    }
    for (const ending of ['', '-wal', ...intentEndings]) {
      const content = changed[ending];
      if (content !== undefined) {
        writeFileSync(this.path + ending, content);
      } else if (existsSync(this.#seeds.database + ending)) {
        copyFileSync(this.#seeds.database + ending, this.path + ending);
      }
    }
  }

  /** Opens what is there, and looks at all of it. */
  use(): void {
    const options = { create: false, heldObjects: openedFiles, unstableDirectory: this.directory };
    const store = Store.open(this.path, options);
    try {
      store.statistics();
    } finally {
      store.close();
    }
  }
}

/** Has each batch of an intent log the checksum that its bytes have now. */
function resealed(log: Uint8Array, identity: Uint8Array): Uint8Array {
  const file = Buffer.from(log);
  for (let at = 0; at + 24 <= file.length; ) {
    const end = at + 24 + file.readUInt32LE(at + 4);
    if (end > file.length) {
      break;
    }
    file.writeUInt32LE(crc32(file.subarray(at + 4, end), crc32(identity)), at);
    at = end;
  }
  return file;
}

function withoutZeros(path: string): Buffer {
  const file = readFileSync(path);
  return file.subarray(0, file.findLastIndex((byte) => byte !== 0) + 1);
}

function intentTargets(seeds: StoredSeeds): Target[] {
  const identity = Buffer.from(seeds.identity, 'hex');
  const logs = intentEndings.map((ending) => `${seeds.database}${ending}`).filter(existsSync);
  // The files end in zeros, as far as they have been made longer ahead of time.
  const log = Buffer.concat(logs.map(withoutZeros));
  const copy = new Copy(seeds, 'intents');
  return [
    {
      name: 'intent log',
      seeds: [log],
      decode(input) {
        writeFileSync(`${copy.path}-intents`, input);
        leftIntents(copy.path, identity, seeds.epoch);
      },
      isPrecise: () => false,
    },
    {
      name: 'intent log with the checksums of what it says',
      seeds: [log],
      decode(input) {
        copy.make({ '-intents': resealed(input, identity), '-intents2': new Uint8Array(0) });
        copy.use();
      },
      isPrecise: isRefusal,
    },
  ];
}

/** The first page, where each field decides how the rest is read, and the arrays that are told of slots. */
function unstableTarget(seeds: StoredSeeds): Target {
  const copy = new Copy(seeds, 'unstable');
  const whole = readFileSync(join(seeds.database, '..', seeds.unstable));
  return {
    name: 'unstable record',
    seeds: [whole],
    decode(input) {
      copy.make();
      writeFileSync(join(copy.directory, seeds.unstable), input, { mode: 0o600 });
      copy.use();
    },
    isPrecise: isRefusal,
  };
}

/** Kind, length of the key, key, value. */
function stateTarget(seeds: StoredSeeds): Target {
  const copy = new Copy(seeds, 'state');
  copy.make();
  copy.use();
  const database = new Database(copy.path, { readonly: true });
  const rows = database.prepare('SELECT kind, key, value FROM state').raw().all() as [
    number,
    Buffer,
    Buffer,
  ][];
  database.close();
  const base = readFileSync(copy.path);
  return {
    name: 'rows of what clients hold',
    seeds: rows.map(([kind, key, value]) => Uint8Array.of(kind, key.length, ...key, ...value)),
    decode(input) {
      const keyEnd = 2 + (input[1] ?? 0);
      copy.make({ ...nothingMore, '': base });
      const changed = new Database(copy.path);
      const row = [(input[0] ?? 0) % 9, input.subarray(2, keyEnd), input.subarray(keyEnd)];
      changed.prepare('REPLACE INTO state VALUES (?, ?, ?)').run(...row);
      changed.close();
      // What cannot be read is refused, and when it has been mended nothing is refused any more.
      if (!isServed(copy.path)) {
        fsck(copy.path, { isRepair: true });
        new TestServer({ database: copy.path }).close();
      }
    },
    isPrecise: () => false,
  };
}

function isServed(database: string): boolean {
  try {
    new TestServer({ database }).close();
    return true;
  } catch (error) {
    if (error instanceof StoreOpenError) {
      return false;
    }
    throw error;
  }
}

function databaseTarget(seeds: StoredSeeds): Target {
  const copy = new Copy(seeds, 'pages');
  copy.make();
  copy.use();
  return {
    name: 'pages of the database',
    seeds: [readFileSync(copy.path)],
    decode(input) {
      copy.make({ ...nothingMore, '': input });
      fsck(copy.path, { isRepair: false });
      fsck(copy.path, { isRepair: true });
      copy.use();
    },
    isPrecise: (error) => isRefusal(error) || error instanceof StoreError,
  };
}

export function storedTargets(directory: string): Target[] {
  const seeds = JSON.parse(readFileSync(join(directory, 'seeds.json'), 'utf8')) as StoredSeeds;
  return [
    ...intentTargets(seeds),
    unstableTarget(seeds),
    stateTarget(seeds),
    databaseTarget(seeds),
  ];
}
