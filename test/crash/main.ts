/**
 * `npm run crash [-- OPTION...]`: programs work on two mounts of one server while the server, and now and
 * then a mount, is killed (kill -9) at random moments; after each round every program must go on, everything
 * that was acknowledged must be there, once, and `dafs fsck` must find nothing. README.md tells of the options.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Random } from '../support/random.ts';
import { hasProgram, until } from '../support/run.ts';
import {
  isMountPoint,
  type MountProcess,
  type ServerProcess,
  Workspace,
} from '../support/workspace.ts';
import { type Workload, workloads } from './workloads.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '60' },
    round: { type: 'string', default: '15' },
    seed: { type: 'string', default: String(randomInt(2 ** 31 - 1)) },
    workloads: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
  },
});
const random = new Random(Number(values.seed));
const kills = Number(values.kills);
const killsPerRound = Number(values.round);
/** How long the server is left to work between two kills, at most: as often short as long. */
const LONGEST_LIVES_MS = [50, 300, 1200];
/** How long it is away, at most. */
const LONGEST_PAUSE_MS = 300;
/** One in so many servers is killed while it starts, within this time. */
const KILLED_EARLY_ONE_IN = 5;
const LONGEST_START_MS = 800;
/** After so many rounds programs begin with empty directories. */
const ROUNDS_KEPT = 4;
/** How long a program may take to go on with its work once there is a server again. */
const RESUME_LIMIT_MS = 300_000;

/** A workload at work in a directory of its own. */
interface Job {
  readonly workload: Workload;
  /** Which of the mounts it works on. */
  readonly place: number;
  /** Below the mount. */
  readonly directory: string;
  readonly acknowledged: number[];
  /** The number that it began with last. */
  first: number;
  child: ChildProcess | undefined;
  /** What its programs complained about. */
  complaints: string;
}

const report = {
  seed: Number(values.seed),
  seconds: 0,
  rounds: 0,
  serverKills: 0,
  mountKills: 0,
  acknowledged: 0,
  lost: 0,
  doubled: 0,
  damaged: 0,
  failed: 0,
  fsckFindings: 0,
};
const say = (text: string): void => {
  if (!values.json) process.stderr.write(`${text}\n`);
};

/** How far it is, and how long the rest will take. */
function tell(): void {
  const { rounds, serverKills, mountKills, acknowledged, seconds } = report;
  const left = Math.round(((kills - serverKills) * seconds) / serverKills / 60);
  const found = (['lost', 'doubled', 'damaged', 'failed', 'fsckFindings'] as const)
    .map((name) => `${report[name]} ${name === 'fsckFindings' ? 'found by fsck' : name}`)
    .join(', ');
  say(
    `round ${rounds}: ${serverKills} of ${kills} kills of the server, ${mountKills} of a mount; ` +
      `${acknowledged} acknowledged, ${found}; ${left} minutes left`,
  );
}

const acknowledgedOf = (jobs: readonly Job[]): number =>
  jobs.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0);

const chosen = workloads.filter(
  ({ name, programs }) => new RegExp(values.workloads).test(name) && programs.every(hasProgram),
);
const workspace = Workspace.create();
const mounts: MountProcess[] = [];
let server: ServerProcess;

async function mount(directory?: string): Promise<MountProcess> {
  const source = `dafs:${server.name}`;
  const started = await workspace.startMount({
    source,
    driver: 'kernel',
    ...(directory && { directory }),
  });
  started.child.stderr?.on('data', (text) =>
    say(`${started.directory} says: ${String(text).trim()}`),
  );
  return started;
}

function start(job: Job): void {
  const { directory } = mounts[job.place] as MountProcess;
  // What was under way when it was ended may be done or not: its number is not used again.
  job.first = Math.max(job.first + 1, (job.acknowledged.at(-1) ?? -1) + 2);
  const child = spawn(
    'sh',
    [
      '-euc',
      job.workload.script,
      ...['sh', `${directory}/${job.directory}`, String(job.first), String(job.place)],
    ],
    {
      env: { ...workspace.environment, NODE: process.execPath },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    },
  );
  createInterface({ input: child.stdout }).on('line', (line) =>
    job.acknowledged.push(Number(line)),
  );
  child.stderr.on('data', (text) => {
    job.complaints += String(text);
  });
  job.child = child;
}

/** @returns whether it has ended by itself before */
async function end(job: Job): Promise<boolean> {
  const { child } = job;
  if (child === undefined) return false;
  const isOver = child.exitCode !== null || child.signalCode !== null;
  if (!isOver) {
    const exited = new Promise((resolve) => child.once('exit', resolve));
    process.kill(-(child.pid as number), 'SIGKILL');
    await exited;
  }
  // What it has printed last is read.
  await setTimeout(50);
  return isOver;
}

async function killServer(): Promise<void> {
  await server.kill();
  report.serverKills += 1;
  while (random.oneIn(KILLED_EARLY_ONE_IN)) await killEarly();
  await setTimeout(random.below(LONGEST_PAUSE_MS));
  server = await workspace.startServer({ database: server.database, name: server.name });
}

/** Starts a server and kills it, ready or not. */
async function killEarly(): Promise<void> {
  const { database, name } = server;
  const lifeMs = random.below(LONGEST_START_MS);
  const onSpawn = (child: ChildProcess) => {
    void setTimeout(lifeMs).then(() => child.kill('SIGKILL'));
  };
  const started = await workspace.startServer({ database, name, onSpawn }).catch(() => undefined);
  await until('the server is killed', 60_000, () => started?.child.signalCode !== null);
  report.serverKills += 1;
}

async function killMount(place: number, jobs: readonly Job[]): Promise<void> {
  const victim = mounts[place] as MountProcess;
  await victim.kill();
  report.mountKills += 1;
  for (const job of jobs.filter((job) => job.place === place)) await end(job);
  // Who tells the kernel of changes lives a little longer, and answers meanwhile.
  await until('the mount is dead', 10_000, async () => !(await isMountPoint(victim.directory)));
  mounts[place] = await mount(victim.directory);
}

async function round(jobs: readonly Job[]): Promise<void> {
  const killsMount = random.oneIn(2);
  for (const job of jobs) start(job);
  const enough = Math.min(kills, report.serverKills + killsPerRound);
  while (report.serverKills < enough) {
    await setTimeout(random.below(random.pick(LONGEST_LIVES_MS)));
    await killServer();
  }
  await Promise.all(jobs.map(expectToGoOn));
  const victim = killsMount ? random.below(mounts.length) : -1;
  if (killsMount) await killMount(victim, jobs);
  for (const job of jobs) {
    const isOver = await end(job);
    if (isOver && job.place !== victim) {
      report.failed += 1;
      say(`${job.directory} ended by itself: ${job.complaints.trim()}`);
    }
    job.complaints = '';
  }
  for (const job of jobs) await verify(job);
  await checkDatabase();
  report.rounds += 1;
}

/** With a server there again, each program must get something done. */
async function expectToGoOn({ acknowledged, child, directory }: Job): Promise<void> {
  const before = acknowledged.length;
  const goesOn = () => acknowledged.length > before || child?.exitCode !== null;
  try {
    await until('it goes on', RESUME_LIMIT_MS, goesOn);
  } catch {
    report.failed += 1;
    say(`${directory} does not go on`);
  }
}

async function verify({ workload, directory, acknowledged, place }: Job): Promise<void> {
  // The other mount sees what this one was told.
  const other = mounts[(place + 1) % mounts.length] as MountProcess;
  try {
    const path = `${other.directory}/${directory}`;
    const findings = await workload.verify(path, acknowledged, place);
    report.lost += findings.lost;
    report.doubled += findings.doubled;
    report.damaged += findings.damaged.length;
    if (findings.lost + findings.doubled + findings.damaged.length > 0) {
      say(
        `${directory}: ${JSON.stringify({ ...findings, damaged: findings.damaged.slice(0, 5) })}`,
      );
    }
  } catch (error) {
    report.damaged += 1;
    say(`${directory}: ${(error as Error).message}`);
  }
}

/** What was done long ago is in the way of what is done next: directories and checks would grow. */
async function beginAnew(jobs: readonly Job[]): Promise<void> {
  for (const job of jobs) {
    const { directory } = mounts[job.place] as MountProcess;
    await rm(`${directory}/${job.directory}`, { recursive: true, force: true });
    job.acknowledged.length = 0;
    job.first = -1;
  }
  for (const { place, directory } of jobs) {
    await mkdir(`${(mounts[place] as MountProcess).directory}/${directory}`, { recursive: true });
  }
}

async function checkDatabase(): Promise<void> {
  const { database, name } = server;
  for (const { unmount } of mounts) await unmount();
  await server.stop();
  const { stdout, stderr } = await workspace.dafs(['fsck', '--json', database], {
    limitMs: 120_000,
  });
  try {
    const { findings } = JSON.parse(stdout) as { findings: readonly unknown[] };
    report.fsckFindings += findings.length;
    for (const finding of findings.slice(0, 5)) say(`fsck: ${JSON.stringify(finding)}`);
  } catch {
    throw new Error(`dafs fsck says: ${stdout}${stderr}`);
  }
  server = await workspace.startServer({ database, name });
  for (const [place, { directory }] of mounts.entries()) mounts[place] = await mount(directory);
}

async function main(): Promise<void> {
  say(`seed ${report.seed}: ${chosen.map(({ name }) => name).join(', ')} on two mounts`);
  server = await workspace.startServer();
  for (let place = 0; place < 2; place += 1) mounts.push(await mount());
  const jobs = mounts.flatMap((_, place) =>
    chosen.map((workload): Job => {
      const directory = workload.isShared ? workload.name : `${workload.name}-${place}`;
      return {
        workload,
        place,
        directory,
        acknowledged: [],
        first: -1,
        child: undefined,
        complaints: '',
      };
    }),
  );
  const beganMs = performance.now();
  while (report.serverKills < kills) {
    if (report.rounds % ROUNDS_KEPT === 0) await beginAnew(jobs);
    const before = acknowledgedOf(jobs);
    await round(jobs);
    report.acknowledged += acknowledgedOf(jobs) - before;
    report.seconds = Math.round((performance.now() - beganMs) / 1000);
    tell();
  }
  for (const { unmount } of mounts) await unmount();
  await server.stop();
}

try {
  await main();
} finally {
  await workspace.dispose();
}
if (values.json) console.log(JSON.stringify(report));
const { lost, doubled, damaged, failed, fsckFindings } = report;
process.exitCode = lost + doubled + damaged + failed + fsckFindings === 0 ? 0 : 1;
