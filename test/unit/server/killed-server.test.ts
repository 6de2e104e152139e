/** What a server leaves that is killed, and what the next one makes of it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Session } from '../../../client/index.ts';
import { StableHow } from '../../../client/protocol/constants.ts';
import { operations } from '../../../client/protocol/operations.ts';
import type { Filehandle, StateId } from '../../../client/protocol/types.ts';
import { backUpDatabase } from '../../../server/backup/online-backup.ts';
import { fsck } from '../../../server/fsck/fsck.ts';
import { type ServeOptions, serve } from '../../../server/serve.ts';
import { isRoot } from '../../support/machine.ts';
import { until } from '../../support/run.ts';
import { unstableFilesOf } from '../../support/unstable-files.ts';
import { openArguments, unchecked } from './support/files.ts';

const LIMIT_MS = 60_000;

let directory: string;
let database: string;
let children: ChildProcess[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dafs-killed-'));
  mkdirSync(join(directory, 'run'), { mode: 0o700 });
  process.env.XDG_RUNTIME_DIR = join(directory, 'run');
  database = join(directory, 'test.sqlite');
  children = [];
});

afterEach(async () => {
  await Promise.all(children.map((child) => end(child, 'SIGKILL')));
  for (const path of unstableFilesOf(database)) {
    rmSync(path);
  }
  rmSync(directory, { recursive: true });
});

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }
  return child.exitCode;
}

interface Server {
  readonly session: Session;
  readonly file: { filehandle: Filehandle; stateId: StateId };
  /** All that it said to a person. */
  readonly said: () => string;
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/** A server with a session that has a file open. */
async function start(options: Partial<ServeOptions> = {}): Promise<Server> {
  const script = fileURLToPath(new URL('./support/serve-main.ts', import.meta.url));
  const argument = JSON.stringify({ database, name: 'tested', cacheBytes: 32 << 20, ...options });
  const child = spawn(process.execPath, [script, argument], { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const session = Session.connect((JSON.parse(line) as { fabric: string }).fabric);
  const { rootHandle } = session.call(operations.GET_ROOT_HANDLE, {});
  const { filehandle, stateId } = session.call(
    operations.OPEN,
    openArguments(rootHandle, 'file', { open: unchecked({ mode: 0o600 }) }),
  );
  const file = { filehandle: filehandle.slice() as Filehandle, stateId };
  return {
    session,
    file,
    said: () => said,
    kill: async () => {
      await end(child, 'SIGKILL');
      session.close();
    },
    stop: async () => {
      session.close();
      expect(await end(child, 'SIGTERM')).toBe(0);
    },
  };
}

/** Writes, unstable, and gives the verifier that the server answers. */
function write({ session, file }: Server, offset: number, text: string): bigint {
  const { verifier, committed } = session.call(operations.WRITE_INLINE, {
    ...file,
    offset,
    stableHow: StableHow.UNSTABLE,
    writePadded: false,
    cacheHint: 0,
    data: Buffer.from(text),
  });
  expect(committed).toBe(StableHow.UNSTABLE);
  return verifier;
}

function read({ session, file }: Server): string {
  const range = { offset: 0, byteCount: 1000, cacheHint: 0 };
  const { readData } = session.call(operations.READ_INLINE, { ...file, ...range });
  return Buffer.from(readData).toString();
}

const onlyFile = (): string => {
  const files = unstableFilesOf(database);
  expect(files).toHaveLength(1);
  return files[0] as string;
};

/** Which state a database is in: read by another process than the one that has it open. */
function epochOf(path: string): unknown {
  const database = new Database(path, { readonly: true });
  try {
    return database.prepare('SELECT intentEpoch FROM filesystem').pluck().get();
  } finally {
    database.close();
  }
}

describe('a killed server', { timeout: LIMIT_MS }, () => {
  it('leaves unstable data to its successor, under the same verifier', async () => {
    let server = await start();
    let verifier = write(server, 0, 'before');
    for (const [round, text] of ['one', 'two', 'three'].entries()) {
      expect(write(server, round * 8, text)).toBe(verifier);
      await server.kill();
      server = await start();
      verifier = write(server, 100, 'end');
      expect(read(server).slice(round * 8, round * 8 + text.length)).toBe(text);
    }
    expect(read(server)).toHaveLength(103);
    await server.stop();
  });

  it('leaves them so with a cache that no client reads', async () => {
    let server = await start({ ordma: false });
    const verifier = write(server, 0, 'in memory only');
    await server.kill();
    server = await start({ ordma: false });
    expect(read(server)).toBe('in memory only');
    expect(write(server, 0, 'IN')).toBe(verifier);
    await server.stop();
  });

  it('leaves them to nobody else, and nothing when it is stopped', async () => {
    const server = await start();
    write(server, 0, 'data');
    expect(statSync(onlyFile()).mode & 0o777).toBe(0o600);
    await server.stop();
    expect(unstableFilesOf(database)).toEqual([]);
  });

  it('leaves them to the next server alone: fsck and backup tell that there are some', async () => {
    let server = await start();
    write(server, 0, 'only in memory');
    await server.kill();
    const unstored = { path: onlyFile(), files: 1 };
    for (const isRepair of [false, true]) {
      expect(fsck(database, { isRepair })).toMatchObject({ findings: [], unstored });
    }
    expect(await backUpDatabase(database, join(directory, 'copy'))).toMatchObject({ unstored });
    server = await start();
    expect(read(server)).toBe('only in memory');
    await server.stop();
    expect(fsck(database, { isRepair: false })).not.toHaveProperty('unstored');
  });

  it.skipIf(!isRoot())('leaves them to no other user, who is told whose they are', async () => {
    let server = await start();
    write(server, 0, 'of uid 4321');
    await server.kill();
    chownSync(onlyFile(), 4321, 4321);
    const refused = expect.objectContaining({ code: 'FOREIGN_DATA' });
    await expect(serve({ database, name: 'refused' })).rejects.toEqual(refused);
    await expect(serve({ database, name: 'refused' })).rejects.toThrow(/run by uid 4321, .* start/);
    expect(() => fsck(database, { isRepair: false })).toThrow(/uid 4321/);
    // Whom the database belongs to may have run it.
    chownSync(database, 4321, 4321);
    server = await start();
    expect(read(server)).toBe('of uid 4321');
    await server.stop();
  });

  it('leaves nothing to another state of its database, which has another verifier', async () => {
    let server = await start();
    await server.stop();
    const backup = readFileSync(database);
    const epoch = epochOf(database);
    server = await start();
    write(server, 0, 'committed');
    const { filehandle } = server.file;
    server.session.call(operations.COMMIT, { filehandle, offset: 0, count: 0 });
    // Until SQLite commits, the database is in the state that was kept.
    await until('it is in another', 10_000, () => epochOf(database) !== epoch);
    const verifier = write(server, 0, 'lost with the database');
    await server.kill();
    for (const ending of ['-wal', '-shm', '-intents', '-intents2']) {
      rmSync(database + ending, { force: true });
    }
    writeFileSync(database, backup);
    server = await start();
    expect(read(server)).toBe('');
    expect(write(server, 0, 'new')).not.toBe(verifier);
    await server.stop();
  });

  it('says so where no memory outlives it', async () => {
    const server = await start({ unstableDirectory: directory });
    expect(server.said()).toMatch(/data that are not synced will be lost .*does not lie on tmpfs/);
    write(server, 0, 'kept in memory');
    expect(read(server)).toBe('kept in memory');
    await server.stop();
    expect(unstableFilesOf(database, directory)).toEqual([]);
  });
});
