/**
 * `npm run crash [-- OPTION...]`: programs work on two mounts of one server while the server, and now and
 * then a mount, is killed (kill -9) at random moments; after each round everything that was acknowledged
 * must be there, once, and `dafs fsck` must find nothing. README.md tells of the options.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
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
    rounds: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '6' },
    seed: { type: 'string', default: String(randomInt(2 ** 31 - 1)) },
    workloads: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
  },
});
const random = new Random(Number(values.seed));
const roundMs = Number(values.seconds) * 1000;
/** How long the server is left to work between two kills, at most. */
const LONGEST_LIFE_MS = 1500;
/** How long it is away, at most. */
const LONGEST_PAUSE_MS = 300;

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
    ['-euc', job.workload.script, 'sh', `${directory}/${job.directory}`, String(job.first)],
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
  const { database, name } = server;
  await server.kill();
  report.serverKills += 1;
  await setTimeout(random.below(LONGEST_PAUSE_MS));
  server = await workspace.startServer({ database, name });
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
  const endMs = performance.now() + roundMs;
  while (performance.now() < endMs) {
    await setTimeout(random.below(LONGEST_LIFE_MS));
    await killServer();
  }
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

async function verify({ workload, directory, acknowledged, place }: Job): Promise<void> {
  // The other mount sees what this one was told.
  const other = mounts[(place + 1) % mounts.length] as MountProcess;
  try {
    const findings = await workload.verify(`${other.directory}/${directory}`, acknowledged);
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

/** On a copy: the server goes on. */
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
      const directory = `${workload.name}-${place}`;
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
  for (const { place, directory } of jobs) {
    await mkdir(`${(mounts[place] as MountProcess).directory}/${directory}`);
  }
  for (let number = 1; number <= Number(values.rounds); number += 1) {
    await round(jobs);
    report.acknowledged = jobs.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0);
    const { serverKills, mountKills, acknowledged, lost, doubled, damaged, fsckFindings } = report;
    say(
      `round ${number} of ${values.rounds}: ${serverKills} kills of the server, ${mountKills} of a mount; ` +
        `${acknowledged} acknowledged, ${lost} lost, ${doubled} doubled, ${damaged} damaged, ${fsckFindings} found by fsck`,
    );
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
