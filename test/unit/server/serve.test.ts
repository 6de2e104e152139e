/** The server as a whole, over the NIC: starting, refusing, serving, ending. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileClient, Session, type SessionOptions } from '../../../client/index.ts';
import { StableHow } from '../../../client/protocol/constants.ts';
import { operations } from '../../../client/protocol/operations.ts';
import type { Filehandle, StateId } from '../../../client/protocol/types.ts';
import { type ServeOptions, type ServerStatus, serve } from '../../../server/serve.ts';
import { passwordLine } from '../../../server/sessions/password-file.ts';
import { openArguments, unchecked } from './support/files.ts';

const LIMIT_MS = 60_000;

let directory: string;
let children: ChildProcess[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dafs-serve-'));
  mkdirSync(join(directory, 'run'), { mode: 0o700 });
  process.env.XDG_RUNTIME_DIR = join(directory, 'run');
  children = [];
});

afterEach(async () => {
  for (const child of children) {
    child.kill('SIGKILL');
  }
  await Promise.all(children.map((child) => hasEnded(child)));
  rmSync(directory, { recursive: true });
});

const hasEnded = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode === null && child.signalCode === null) {
    await once(child, 'exit');
  }
};

/** Starts a script with what tests need of it and waits for its first line. */
async function start(script: string, argument: string): Promise<[ChildProcess, string]> {
  const path = fileURLToPath(new URL(`./support/${script}`, import.meta.url));
  const child = spawn(process.execPath, [path, argument], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return [child, line];
}

const database = () => join(directory, 'test.sqlite');

async function startServer(options: Partial<ServeOptions> = {}) {
  const [child, line] = await start(
    'serve-main.ts',
    JSON.stringify({ database: database(), name: 'tested', cacheBytes: 32 << 20, ...options }),
  );
  const { fabric, control } = JSON.parse(line) as { fabric: string; control: string };
  const stop = async () => {
    child.kill('SIGTERM');
    await hasEnded(child);
    return child.exitCode;
  };
  return { child, fabric, control, stop };
}

async function ask(control: string, line: string): Promise<Record<string, unknown>> {
  const socket = createConnection(control);
  try {
    socket.write(`${line}\n`);
    const [answer] = (await once(createInterface({ input: socket }), 'line')) as [string];
    return JSON.parse(answer) as Record<string, unknown>;
  } finally {
    socket.destroy();
  }
}

const status = async (control: string): Promise<ServerStatus> =>
  (await ask(control, '{"command":"status"}')) as unknown as ServerStatus;

const codeOf = async (options: ServeOptions): Promise<unknown> => {
  try {
    await (await serve(options)).close();
  } catch (error) {
    expect((error as Error).message).not.toMatch(/\n/);
    return (error as { code: unknown }).code;
  }
  return undefined;
};

interface File {
  filehandle: Filehandle;
  stateId: StateId;
}

function createFile(session: Session, name: string): File {
  const { rootHandle } = session.call(operations.GET_ROOT_HANDLE, {});
  const { filehandle, stateId } = session.call(
    operations.OPEN,
    openArguments(rootHandle, name, { open: unchecked({ mode: 0o600 }) }),
  );
  return { filehandle: filehandle.slice() as Filehandle, stateId };
}

describe('serve', { timeout: LIMIT_MS }, () => {
  it('refuses what it cannot serve, and leaves nothing behind', async () => {
    const cacheBytes = 32 << 20;
    writeFileSync(join(directory, 'text'), 'this is no database, and it is longer than a header');
    expect(await codeOf({ database: join(directory, 'text'), cacheBytes })).toBe('NOT_OURS');
    expect(await codeOf({ database: database(), create: false })).toBe('NO_SUCH_FILE');
    expect(await codeOf({ database: database(), cacheBytes: 5 })).toBe('INVALID_OPTION');
    expect(await codeOf({ database: database(), name: 'no name' })).toBe('INVALID_NAME');
    expect(await codeOf({ database: database(), passwordFile: '/dev/null' })).toBe('UNREADABLE');
    expect(existsSync(database())).toBe(false);
    expect(existsSync(join(directory, 'run', 'dafs', 'test.fabric'))).toBe(false);
  });

  it('gives each name and each database to one server', async () => {
    const server = await startServer();
    const other = join(directory, 'other.sqlite');
    expect(await codeOf({ database: other, name: 'tested' })).toBe('NAME_IN_USE');
    expect(await codeOf({ database: database(), name: 'second' })).toBe('BUSY');
    expect(await codeOf({ database: other, name: 'second' })).toBeUndefined();
    expect(await server.stop()).toBe(0);
  });

  it('takes the place of a server that was killed', async () => {
    const { child, fabric } = await startServer();
    child.kill('SIGKILL');
    await hasEnded(child);
    expect(existsSync(fabric)).toBe(true);
    const server = await startServer();
    Session.connect(server.fabric).close();
    expect(await server.stop()).toBe(0);
    expect(existsSync(server.fabric)).toBe(false);
    expect(existsSync(server.control)).toBe(false);
  });

  it('keeps unstable data over a clean stop', async () => {
    const server = await startServer();
    const session = Session.connect(server.fabric);
    const file = createFile(session, 'file');
    const data = Buffer.from('never committed');
    session.call(operations.WRITE_INLINE, {
      ...file,
      offset: 0,
      stableHow: 0,
      writePadded: false,
      cacheHint: 0,
      data,
    });
    expect(await server.stop()).toBe(0);
    expect(() => session.call(operations.NULL, {})).toThrow();
    session.close();

    const again = await startServer();
    const next = Session.connect(again.fabric);
    const reopened = createFile(next, 'file');
    const { readData } = next.call(operations.READ_INLINE, {
      ...reopened,
      offset: 0,
      byteCount: 100,
      cacheHint: 0,
    });
    expect(Buffer.from(readData)).toEqual(data);
    next.close();
    expect(await again.stop()).toBe(0);
  });

  it('turns read-only when the disk fails, says so once, and goes on reading', async () => {
    const options = { database: database(), name: 'tested', cacheBytes: 32 << 20 };
    const child = spawn(
      process.execPath,
      [fileURLToPath(new URL('./support/serve-main.ts', import.meta.url)), JSON.stringify(options)],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    children.push(child);
    let log = '';
    child.stderr.on('data', (data: Buffer) => {
      log += data;
    });
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    const { fabric, control } = JSON.parse(line) as { fabric: string; control: string };
    const session = Session.connect(fabric);
    const file = createFile(session, 'file');
    const write = () =>
      session.call(operations.WRITE_INLINE, {
        ...file,
        offset: 0,
        stableHow: StableHow.FILE_SYNC,
        writePadded: false,
        cacheHint: 0,
        data: Buffer.from('data'),
      });
    write();
    expect((await status(control)).store.readOnlyReason).toBeUndefined();
    // No file of the server's may become longer: writing to its log is an I/O error from here on.
    expect(spawnSync('prlimit', ['--pid', String(child.pid), '--fsize=1']).status).toBe(0);
    expect(write).toThrow(/DAFSERR_IO/);
    expect(write).toThrow(/DAFSERR_ROFS/);
    expect(write).toThrow(/DAFSERR_ROFS/);
    const read = { ...file, offset: 0, byteCount: 4, cacheHint: 0 };
    const { readData } = session.call(operations.READ_INLINE, read);
    expect(Buffer.from(readData).toString()).toBe('data');
    expect((await status(control)).store.readOnlyReason).toMatch(/disk I\/O error/);
    session.close();
    child.kill('SIGTERM');
    await hasEnded(child);
    expect(child.exitCode).toBe(0);
    expect(log.match(/read-only/g)).toHaveLength(1);
    expect(log.split('\n')).toHaveLength(2);
  });

  it('releases what a killed client held', async () => {
    const server = await startServer();
    const [client] = await start('client-main.ts', server.fabric);
    const before = await status(server.control);
    expect(before.counters).toMatchObject({ connections: 1, opens: 1 });
    expect(before.sessions[0]).toMatchObject({ uid: process.getuid?.(), pid: client.pid });
    client.kill('SIGKILL');
    await hasEnded(client);
    while ((await status(server.control)).counters.connections > 0) {
      await sleep(20);
    }
    const after = await status(server.control);
    expect(after.counters).toMatchObject({ connections: 0, clients: 0, opens: 0 });
    expect(after.sessions).toEqual([]);
    await server.stop();
  });

  it('lets users in by password', async () => {
    const passwordFile = join(directory, 'passwords');
    const alice = { uid: 1001, gid: 1001, groups: [] };
    writeFileSync(passwordFile, `${await passwordLine('alice', 'wonder', alice)}\n`, {
      mode: 0o600,
    });
    const server = await startServer({ passwordFile });
    const connect = (password: string) =>
      Session.connect(server.fabric, { authentication: { type: 'text', name: 'alice', password } });
    expect(() => connect('wander')).toThrow(/NOT_AUTHENTICATED/);
    const session = connect('wonder');
    const { rootHandle } = session.call(operations.GET_ROOT_HANDLE, {});
    const { access } = session.call(operations.ACCESS, { filehandle: rootHandle, access: 0x3f });
    expect(access & 0x04).toBe(0);
    session.close();
    await server.stop();
  });
});

describe('direct transfers', { timeout: LIMIT_MS }, () => {
  it('move data by RDMA, whatever the terms of the session', async () => {
    const server = await startServer();
    const bytes = 400_000;
    const data = Uint8Array.from(
      { length: bytes },
      (_, index) => (index * 31 + (index >> 8)) & 0xff,
    );
    const terms: SessionOptions[] = [
      {},
      { endianness: 'big' },
      { checksums: true },
      { checksums: true, endianness: 'big', rdmaReadChannel: true },
      { rdmaReadChannel: true },
    ];
    for (const [index, options] of terms.entries()) {
      const session = Session.connect(server.fabric, options);
      const files = new FileClient(session);
      const attributes = { mode: 0o600 };
      const name = Buffer.from(`file ${index}`);
      const file = files.open(files.root, name, 'both', { mode: 'unchecked', attributes });
      const buffer = session.allocateBuffer(2 * bytes, 'both');
      buffer.memory.set(data);
      expect(files.writeRegistered(file, bytes, buffer, 0, bytes)).toMatchObject({ bytes });
      buffer.memory.fill(0xee);
      expect(files.readRegistered(file, 0, buffer, 0, 2 * bytes)).toBe(2 * bytes);
      expect(buffer.memory.subarray(0, bytes).every((byte) => byte === 0)).toBe(true);
      expect(Buffer.compare(buffer.memory.subarray(bytes, 2 * bytes), data)).toBe(0);
      files.commit(file.handle);
      files.close(file);
      session.close();
      buffer.close();
    }
    expect(await server.stop()).toBe(0);
  });
});

describe('the control socket', { timeout: LIMIT_MS }, () => {
  it('answers status, and objects to everything else', async () => {
    const server = await startServer();
    const { server: about, cache, store } = await status(server.control);
    expect(about).toMatchObject({ name: 'tested', database: database(), pid: server.child.pid });
    expect(cache.bytes).toBe(32 << 20);
    expect(store.files).toBe(1);
    expect(await ask(server.control, '{"command":"dance"}')).toEqual({
      error: 'unknown command: "dance"',
    });
    expect(await ask(server.control, 'null')).toHaveProperty('error');
    expect(await ask(server.control, 'nonsense')).toHaveProperty('error');
    await server.stop();
  });

  it('hangs up on whoever never ends his line', async () => {
    const server = await startServer();
    const socket = createConnection(server.control);
    socket.on('error', () => undefined);
    socket.write('x'.repeat(10_000));
    await once(socket, 'close');
    expect((await status(server.control)).server.name).toBe('tested');
    await server.stop();
  });
});
