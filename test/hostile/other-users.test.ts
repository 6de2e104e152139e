/**
 * A server of one user on a machine with others: what they can reach of it, what a client can do with
 * what is another's, and how little the server needs. Users are changed to, so only root runs this.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
} from 'node:fs';
import { createConnection } from 'node:net';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { firstObstacle, isRoot, programObstacle } from '../support/machine.ts';
import { run } from '../support/run.ts';
import { Workspace } from '../support/workspace.ts';
import { Bystander } from './world.ts';

const SERVER_USER = '4101';
const OTHER_USER = '4102';
const LIMIT = { timeout: 120_000 };

const obstacle = firstObstacle(
  isRoot() ? undefined : 'only root becomes another user',
  programObstacle(['setpriv']),
);

/** A user without a single capability, and none that a program could give him. */
const as = (user: string): string[] => [
  ...['setpriv', '--reuid', user, '--regid', user, '--clear-groups'],
  ...['--inh-caps=-all', '--bounding-set=-all', '--no-new-privs'],
];

describe.skipIf(obstacle)(`beside other users${obstacle ? `: ${obstacle}` : ''}`, LIMIT, () => {
  let workspace: Workspace;
  let home: string;
  let child: ChildProcess;
  let fabric: string;
  let bystander: Bystander;

  beforeAll(async () => {
    workspace = Workspace.create();
    home = workspace.makeDirectory('home');
    // Open to everybody: what protects the files is their own modes.
    chmodSync(home, 0o755);
    mkdirSync(`${home}/run`, { mode: 0o755 });
    for (const path of [home, `${home}/run`]) {
      chownSync(path, Number(SERVER_USER), Number(SERVER_USER));
    }
    const program = fileURLToPath(new URL('../unit/server/support/serve-main.ts', import.meta.url));
    const options = { database: `${home}/files.sqlite`, name: 'tested', cacheBytes: 32 << 20 };
    const script = `umask 000; exec "$@"`;
    const [command = '', ...rest] = as(SERVER_USER);
    child = spawn(
      command,
      [...rest, 'sh', '-c', script, 'sh', process.execPath, program, JSON.stringify(options)],
      {
        env: { ...workspace.environment, XDG_RUNTIME_DIR: `${home}/run` },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const [line] = (await once(createInterface({ input: child.stdout as never }), 'line')) as [
      string,
    ];
    ({ fabric } = JSON.parse(line) as { fabric: string });
    bystander = await Bystander.start(fabric);
  }, LIMIT.timeout);

  afterAll(async () => {
    bystander.process.kill('SIGKILL');
    child.kill('SIGKILL');
    await workspace.dispose();
  });

  /** Regular files and sockets that the server has made, wherever they are. */
  function files(): string[] {
    const mapped = readdirSync(`/proc/${child.pid}/map_files`)
      .map((range) => readlinkSync(`/proc/${child.pid}/map_files/${range}`))
      .filter((path) => path.startsWith('/dev/shm/'));
    const beside = readdirSync(home).filter((name) => name.startsWith('files.sqlite'));
    const sockets = readdirSync(dirname(fabric)).map((name) => join(dirname(fabric), name));
    return [...new Set(mapped), ...beside.map((name) => join(home, name)), ...sockets];
  }

  it('works without privileges, under a umask that withholds nothing', async () => {
    await bystander.goesOn(10);
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    expect(status).toMatch(/^Uid:\s4101\s/m);
    expect(status).toMatch(/^CapEff:\s0+$/m);
    expect(status).toMatch(/^NoNewPrivs:\s1$/m);
  });

  it('gives its files and sockets to nobody else', () => {
    expect(statSync(dirname(fabric)).mode & 0o777).toBe(0o700);
    const found = files();
    for (const suffix of ['', '-wal', '-shm', '-lock', '-intents']) {
      expect(found).toContain(`${home}/files.sqlite${suffix}`);
    }
    expect(found.filter((path) => /dafs-unstable/.test(path))).toHaveLength(1);
    expect(found.filter((path) => statSync(path).isSocket())).toHaveLength(2);
    for (const path of found) {
      const { mode, uid } = statSync(path);
      expect([path, (mode & 0o777).toString(8), uid]).toEqual([path, '600', Number(SERVER_USER)]);
    }
  });

  it('can be reached by nobody else, through its files, its sockets or /proc', async () => {
    const descriptors = readdirSync(`/proc/${child.pid}/fd`).map(
      (n) => `/proc/${child.pid}/fd/${n}`,
    );
    const paths = [...files(), ...descriptors, `/proc/${child.pid}/mem`];
    const program = fileURLToPath(new URL('./opener-main.ts', import.meta.url));
    const [command = '', ...rest] = as(OTHER_USER);
    const { stdout, stderr } = await run(command, [...rest, process.execPath, program], {
      input: JSON.stringify(paths),
    });
    const codes = JSON.parse(stdout || stderr) as string[];
    expect(codes).toHaveLength(paths.length);
    expect(new Set(codes)).toEqual(new Set(['EACCES']));
  });

  it('makes its backups for nobody else', async () => {
    const target = join(home, 'backup.sqlite');
    const socket = createConnection(fabric.replace(/fabric$/, 'control'));
    socket.write(`${JSON.stringify({ command: 'backup', target })}\n`);
    for await (const line of createInterface({ input: socket })) {
      expect(line).not.toMatch(/error/);
      if (/bytes/.test(line)) {
        break;
      }
    }
    socket.destroy();
    const { mode, uid } = statSync(target);
    expect([(mode & 0o777).toString(8), uid]).toEqual(['600', Number(SERVER_USER)]);
  });

  it('lets no client use what is of another user', async () => {
    const program = fileURLToPath(new URL('./forger-main.ts', import.meta.url));
    const [command = '', ...rest] = as(SERVER_USER);
    const betrayed = JSON.stringify(bystander.betrayed);
    const { stdout, stderr } = await run(command, [
      ...rest,
      ...[process.execPath, program, fabric, betrayed],
    ]);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({
      // It has both already, or wants none.
      'bind a back-control channel to the session of another user': 'DAFSERR_ILLEGAL_STATE',
      'bind an RDMA read channel to the session of another user': 'DAFSERR_ILLEGAL_STATE',
      'bind to a session that is guessed': 'DAFSERR_UNKNOWN_SESSION',
      'start the client of another user anew': 'DAFSERR_CLID_INUSE',
      'read with a stateid of another client': 'DAFSERR_BAD_STATEID',
      'write with a stateid of another client': 'DAFSERR_BAD_STATEID',
      'close the open of another client': 'DAFSERR_BAD_STATEID',
      'unlock by the open of another client': 'DAFSERR_BAD_STATEID',
      'have own data written into the memory of another client': 'DAFSERR_INVAL',
      'have data read from the memory of another client': 'DAFSERR_INVAL',
      'fetch the responses of another client': 'DAFSERR_NOT_AUTHORIZED',
      'check the responses of another client': 'DAFSERR_NOT_AUTHORIZED',
      'discard the responses of another client': 'DAFSERR_NOT_AUTHORIZED',
      'act with a credential that nobody registered': 'DAFSERR_NO_CREDS',
    });
    // Its memory, its file and its session are what they were.
    await bystander.goesOn(10);
    await bystander.end();
  });
});
