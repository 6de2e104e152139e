/**
 * PostgreSQL keeps a cluster on the mount: pgbench, a crash of the database, another mount.
 *
 *     npx vitest run test/applications/postgres.test.ts
 *     DAFS_FULL=1 npx vitest run test/applications/postgres.test.ts   (100,000 transactions)
 */
import { globSync } from 'node:fs';
import { userInfo } from 'node:os';
import { expect } from 'vitest';
import { isRoot } from '../support/machine.ts';
import { type ApplicationRun, applicationTest, sized } from './support.ts';

const scale = sized(1, 10);
const clients = 4;
const transactionsPerClient = sized(50, 25_000);

/** Debian keeps the programs of each version in a folder of their own, out of the PATH. */
const [folder = 'postgresql-is-not-installed'] = globSync('/usr/lib/postgresql/*/bin')
  .sort()
  .reverse();
const programs = ['initdb', 'pg_ctl', 'pgbench', 'psql'].map((name) => `${folder}/${name}`);

/** PostgreSQL refuses to be root's. */
const user = isRoot() ? 'postgres' : userInfo().username;

const invariant = `
SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM pgbench_history)
   AND (SELECT sum(bbalance) FROM pgbench_branches) = (SELECT sum(delta) FROM pgbench_history)
   AND (SELECT sum(tbalance) FROM pgbench_tellers) = (SELECT sum(delta) FROM pgbench_history),
       (SELECT count(*) FROM pgbench_history);
`;

class Cluster {
  readonly #run: ApplicationRun;
  readonly #data: string;
  readonly #sockets: string;

  constructor(run: ApplicationRun, data: string) {
    this.#run = run;
    this.#data = data;
    this.#sockets = run.workspace.makeDirectory('sockets');
  }

  async create(): Promise<void> {
    const { succeed } = this.#run;
    await succeed('install', ['-d', '-m', '700', '-o', user, this.#data]);
    await succeed('chown', [user, this.#sockets]);
    await this.#as('initdb', ['-D', this.#data, '--auth=trust', '--data-checksums', '--no-locale']);
  }

  start(): Promise<string> {
    const options = `-k ${this.#sockets} -c listen_addresses=''`;
    const log = `${this.#data}/log`;
    return this.#as('pg_ctl', ['-D', this.#data, '-w', '-l', log, '-o', options, 'start']);
  }

  /** @param mode `fast`, or `immediate`: what a crash leaves behind */
  stop(mode: 'fast' | 'immediate'): Promise<string> {
    return this.#as('pg_ctl', ['-D', this.#data, '-w', '-m', mode, 'stop']);
  }

  bench(args: readonly string[]): Promise<string> {
    return this.#as('pgbench', ['-h', this.#sockets, ...args, 'postgres']);
  }

  async query(sql: string): Promise<string> {
    return (await this.#as('psql', ['-h', this.#sockets, '-AtXc', sql, 'postgres'])).trim();
  }

  #as(program: string, args: readonly string[]): Promise<string> {
    const line = [`${folder}/${program}`, ...args];
    const { succeed } = this.#run;
    // Its working directory must be one that this user may enter.
    return isRoot()
      ? succeed('runuser', ['-u', user, '--', ...line], { cwd: '/' })
      : succeed(line[0] ?? '', line.slice(1), { cwd: '/' });
  }
}

applicationTest(
  'PostgreSQL keeps its books through pgbench, a crash and another mount',
  {
    programs: ['install', 'chown', 'runuser', ...programs],
    lack: ({ name }) =>
      name === 'kernel'
        ? undefined
        : 'libfuse 2 does not tell who calls, and that is not the user who mounted',
  },
  async (application) => {
    const { workspace, driver } = application;
    const request = {
      source: workspace.path('files.sqlite'),
      driver: driver.name,
      directory: workspace.makeDirectory('mount'),
      options: isRoot() ? ['allow_other', 'default_permissions'] : [],
    };
    const transactions = ['-n', '-c', `${clients}`, '-j', '2', '-t', `${transactionsPerClient}`];
    const done = clients * transactionsPerClient;

    const first = await workspace.startMount(request);
    const cluster = new Cluster(application, `${request.directory}/cluster`);
    await cluster.create();
    await cluster.start();
    await cluster.bench(['-i', '-q', '-s', `${scale}`]);
    await cluster.bench(transactions);
    expect(await cluster.query(invariant)).toBe(`t|${done}`);
    await cluster.stop('immediate');
    await cluster.start();
    expect(await cluster.query(invariant)).toBe(`t|${done}`);
    await cluster.bench(transactions);
    await cluster.query('VACUUM FULL');
    await cluster.stop('fast');
    await first.unmount();

    const second = await workspace.startMount(request);
    await cluster.start();
    expect(await cluster.query(invariant)).toBe(`t|${2 * done}`);
    await cluster.stop('fast');
    await second.unmount();
  },
);
