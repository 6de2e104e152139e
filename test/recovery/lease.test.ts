/**
 * A client that is away for longer than its lease: others get what they want, and it learns exactly what
 * it has lost.
 *
 *     npx vitest run test/recovery/lease.test.ts
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FileClient, Session } from '../../client/index.ts';
import { OwnerLocks } from '../../client/owner-locks.ts';
import { Extension, LockKind, type Verifier } from '../../client/protocol/index.ts';
import { FileAgent, type FileCalls } from '../support/file-agent.ts';
import { mountObstacle } from '../support/machine.ts';
import { until } from '../support/run.ts';
import { type MountProcess, Workspace } from '../support/workspace.ts';

const LIMIT_MS = 180_000;
const WAIT_LIMIT_MS = 60_000;
/** Of the server: the tests wait for its end, and not for this time. */
const LEASE_MS = 2000;

const serverProgram = fileURLToPath(
  new URL('../unit/server/support/serve-main.ts', import.meta.url),
);
const holderProgram = fileURLToPath(new URL('./holder-main.ts', import.meta.url));
const obstacle = mountObstacle();

let workspace: Workspace;
const agents: FileAgent[] = [];
const stopped = new Set<ChildProcess>();

beforeAll(() => {
  workspace = Workspace.create();
});

afterEach(() => {
  for (const child of stopped) resume(child);
  for (const agent of agents.splice(0)) agent.end();
});

afterAll(() => workspace.dispose(), LIMIT_MS);

async function startServer(name: string, leaseMs: number): Promise<ChildProcess> {
  const database = workspace.path(`${name}.sqlite`);
  const options = { database, name, cacheBytes: 32 << 20, limits: { leaseMs } };
  const child = spawn(process.execPath, [serverProgram, JSON.stringify(options)], {
    env: workspace.environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  return child;
}

const startMount = (): Promise<MountProcess> =>
  workspace.startMount({ source: 'dafs:leased', driver: 'kernel' });

function agent(): FileAgent {
  const made = new FileAgent(workspace.environment);
  agents.push(made);
  return made;
}

function stop(child: ChildProcess): void {
  stopped.add(child);
  child.kill('SIGSTOP');
}

function resume(child: ChildProcess): void {
  stopped.delete(child);
  child.kill('SIGCONT');
}

/** What a process has said on standard error, from now on. */
function heard(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  return () => text;
}

const EIO = expect.objectContaining({ code: 'EIO' });
const WRITE_LOCK = { type: 'write', start: 100, length: 50 } as const;

/** The files of which the second mount wants what the first has locked, by the kind of the lock. */
const contested = ['record', 'open file', 'flock'] as const;
const others = ['wanted by nobody', 'unlocked', 'removed', 'only read'] as const;
type Name = (typeof contested)[number] | (typeof others)[number];

function lockAs(name: Name, files: FileCalls, fd: number, waits: boolean): Promise<unknown> {
  if (name === 'flock') return files.flock(fd, waits);
  const lock = { ...WRITE_LOCK, ofOpenFile: name === 'open file' };
  return waits ? files.waitForLock(fd, lock) : files.lock(fd, lock);
}

describe.skipIf(obstacle)('a mount that is stopped for longer than its lease', () => {
  let server: ChildProcess;
  let first: MountProcess;
  let second: MountProcess;
  let said: () => string;

  beforeAll(async () => {
    server = await startServer('leased', LEASE_MS);
    [first, second] = await Promise.all([startMount(), startMount()]);
    said = heard(first.child);
  }, LIMIT_MS);

  const ours = (name: Name) => `${first.directory}/${name}`;
  const theirs = (name: Name) => `${second.directory}/${name}`;

  /** Opens all files through the first mount, which the second has made. */
  async function openAll(one: FileCalls, other: FileCalls): Promise<Record<Name, number>> {
    const fds: Partial<Record<Name, number>> = {};
    for (const name of [...contested, ...others]) {
      await other.writeFile(theirs(name), 'before');
      fds[name] = await one.open(ours(name), name === 'only read' ? 'r' : 'r+');
    }
    return fds as Record<Name, number>;
  }

  /** Waits for the locks of the contested files, and writes them. */
  async function takeAll(other: FileCalls): Promise<number[]> {
    const taken = [];
    for (const name of contested) {
      const fd = await other.open(theirs(name), 'r+');
      await lockAs(name, other, fd, true);
      await other.write(fd, 0, 'taken!');
      taken.push(fd);
    }
    return taken;
  }

  it(
    'has lost what others asked for, and nothing of its comes through',
    async () => {
      const [one, other, waiter] = [agent().files, agent().files, agent().files];
      const fds = await openAll(one, other);
      for (const name of contested) await lockAs(name, one, fds[name], false);
      await one.lock(fds['wanted by nobody'], WRITE_LOCK);
      const beside = await one.open(ours('record'), 'r');
      await one.poke(await one.map(fds.record, 4096), 0, 'mapped');
      const waiting = await waiter.open(ours('flock'), 'r+');
      const wait = waiter.flock(waiting, true).catch((error) => error);

      stop(first.child);
      // The kernel hands it over when the mount goes on, by when the lock is somebody else's.
      const late = one.write(fds.record, 0, 'late').catch((error) => error);
      const taken = await takeAll(other);
      await other.unlink(theirs('removed'));
      resume(first.child);

      expect(await late).toEqual(EIO);
      expect(await wait).toEqual(EIO);
      for (const name of contested) {
        const fd = fds[name];
        await expect(one.write(fd, 0, 'more')).rejects.toEqual(EIO);
        await expect(one.ftruncate(fd, 0)).rejects.toEqual(EIO);
        await until('the kernel has forgotten the file', WAIT_LIMIT_MS, () =>
          one.read(fd, 0, 6).then(
            () => false,
            ({ code }) => code === 'EIO',
          ),
        );
        await expect(lockAs(name, one, fd, false)).rejects.toEqual(EIO);
      }
      await expect(one.fsync(fds.record)).rejects.toEqual(EIO);
      for (const fd of taken) expect(await other.read(fd, 0, 6)).toBe('taken!');
      await until('the open file that only reads sees that', WAIT_LIMIT_MS, async () => {
        return (await one.read(beside, 0, 6)) === 'taken!';
      });

      for (const name of ['unlocked', 'removed', 'wanted by nobody'] as const) {
        await one.write(fds[name], 0, 'goes on');
        expect(await one.read(fds[name], 0, 100)).toBe('goes on');
      }
      expect(await one.read(fds['only read'], 0, 100)).toBe('before');
      const wanting = await other.open(theirs('wanted by nobody'), 'r+');
      await expect(other.lock(wanting, WRITE_LOCK)).rejects.toMatchObject({ code: 'EAGAIN' });

      for (const name of contested) await expect(one.close(fds[name])).rejects.toEqual(EIO);
      for (const fd of taken) await other.close(fd);
      for (const name of contested) {
        const fd = await one.open(ours(name), 'r+');
        await lockAs(name, one, fd, true);
        expect(await one.read(fd, 0, 6)).toBe('taken!');
        await one.write(fd, 0, 'again!');
        expect(await other.readFile(theirs(name))).toBe('again!');
      }
      expectNamed(await one.pid());
    },
    LIMIT_MS,
  );

  /** The log names the locks that were lost, each once, and no other. */
  function expectNamed(pid: number): void {
    const kinds = { record: 'fcntl(2)', 'open file': 'fcntl(2)', flock: 'flock(2)' } as const;
    const lines = said().split('\n');
    for (const name of contested) {
      const lock = `write lock of ${kinds[name]} on ${ours(name)} (inode `;
      const named = lines.filter((line) => line.includes(lock));
      expect(named, said()).toHaveLength(1);
      expect(named[0]).toMatch(new RegExp(`of process ${pid}$`));
      expect(named[0]?.includes('bytes 100 to 149')).toBe(name !== 'flock');
    }
    expect(said().match(/lost/g), said()).toHaveLength(contested.length);
  }

  it(
    'has lost everything when the server was started anew meanwhile',
    async () => {
      const [one, other] = [agent().files, agent().files];
      const fds = await openAll(one, other);
      await lockAs('record', one, fds.record, false);
      stop(first.child);
      const ended = once(server, 'exit');
      server.kill('SIGKILL');
      await ended;
      server = await startServer('leased', LEASE_MS);
      await takeAll(other);
      resume(first.child);
      await until('the mount tells it', WAIT_LIMIT_MS, () =>
        said().includes('has forgotten this mount'),
      );
      for (const fd of Object.values(fds).slice(0, -1)) {
        await expect(one.write(fd, 0, 'more')).rejects.toEqual(EIO);
      }
      expect(await one.readFile(ours('record'))).toBe('taken!');
      await one.writeFile(ours('unlocked'), 'goes on');
      expect(await other.readFile(theirs('unlocked'))).toBe('goes on');
    },
    LIMIT_MS,
  );
});

it(
  'a client that starts anew frees at once what its former life has locked',
  async () => {
    // Longer than the test takes: that is not what frees it.
    await startServer('patient', 10 * LIMIT_MS);
    const fabricSocket = workspace.path('run/dafs/patient.fabric');
    const former = spawn(process.execPath, [holderProgram, fabricSocket, 'restarted', '1'], {
      env: workspace.environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(former.stdout, 'data');
    // Its process lives and its connection stands: only the verifier tells that it is another one's.
    stop(former);
    const other = connect(fabricSocket, 'other', 1n);
    expect(() => other.lock()).toThrow(expect.objectContaining({ errno: 'EAGAIN' }));
    const sameLife = connect(fabricSocket, 'restarted', 1n);
    expect(() => other.lock()).toThrow(expect.objectContaining({ errno: 'EAGAIN' }));
    const nextLife = connect(fabricSocket, 'restarted', 2n);
    other.lock();
    expect(() => nextLife.lock()).toThrow(expect.objectContaining({ errno: 'EAGAIN' }));
    expect(() => sameLife.lock()).toThrow(expect.objectContaining({ errno: 'EIO' }));
    const ended = once(former, 'exit');
    resume(former);
    await ended;
    for (const { session } of [other, sameLife, nextLife]) session.close();
  },
  LIMIT_MS,
);

/** A session of a client with the file open that is locked. */
function connect(fabricSocket: string, name: string, verifier: bigint) {
  const encode = (text: string) => new TextEncoder().encode(text);
  const identity = { name: encode(name), verifier: verifier as Verifier };
  const session = Session.connect(fabricSocket, { identity, extensions: [Extension.LOCKS] });
  const files = new FileClient(session);
  const file = files.open(files.root, encode('file'), 'both');
  const scope = { kind: LockKind.FLOCK, offset: 0n, length: 1n, owner: encode('owner') };
  const locks = new OwnerLocks(session);
  const lock = () => locks.lock(file, { ...scope, mode: 'write', pid: process.pid }, 0n);
  return { session, lock };
}
