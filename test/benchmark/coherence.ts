/**
 * How soon a mount shows what another one has done, and what being told costs who does it. The mounts
 * are other processes, so this one may touch them.
 */
import * as fs from 'node:fs';
import { mountObstacle } from '../support/machine.ts';
import { Workspace } from '../support/workspace.ts';
import type { BenchmarkRow, BenchmarkSection } from './support/row.ts';

/** When nothing is seen for so long, nothing ever will be. */
const UNSEEN_MS = 10_000;

/** One kind of change: how it is made through one mount, and how it shows through the other. */
interface Change {
  readonly name: string;
  /** Makes the change of this round. */
  make(round: number): void;
  /** Whether the other mount shows it. */
  isSeen(round: number): boolean;
}

function changesBetween(first: string, second: string): Change[] {
  const here = fs.openSync(`${first}/file`, 'r+');
  const there = fs.openSync(`${second}/file`, 'r');
  const buffer = Buffer.alloc(8);
  const text = (round: number) => String(round).padStart(8);
  const isText = (round: number) => buffer.toString('latin1') === text(round);
  const exists = (path: string) => fs.statSync(path, { throwIfNoEntry: false }) !== undefined;
  return [
    {
      name: 'data, in a file that is open',
      make: (round) => fs.writeSync(here, text(round), 4000),
      isSeen(round) {
        fs.readSync(there, buffer, 0, 8, 4000);
        return isText(round);
      },
    },
    {
      name: 'size, of a file that is open',
      make: (round) => fs.ftruncateSync(here, 8192 + round),
      isSeen: (round) => fs.fstatSync(there).size === 8192 + round,
    },
    {
      name: 'mode, of a file that is open',
      make: (round) => fs.fchmodSync(here, 0o600 + (round & 0o77)),
      isSeen: (round) => (fs.fstatSync(there).mode & 0o777) === 0o600 + (round & 0o77),
    },
    {
      name: 'data, by opening the file',
      make: (round) => fs.writeSync(here, text(round), 4000),
      isSeen(round) {
        const fd = fs.openSync(`${second}/file`, 'r');
        fs.readSync(fd, buffer, 0, 8, 4000);
        fs.closeSync(fd);
        return isText(round);
      },
    },
    {
      name: 'a new name',
      make: (round) => fs.closeSync(fs.openSync(`${first}/name ${round}`, 'w')),
      isSeen: (round) => exists(`${second}/name ${round}`),
    },
    {
      name: 'a removed name',
      make: (round) => fs.unlinkSync(`${first}/name ${round}`),
      isSeen: (round) => !exists(`${second}/name ${round}`),
    },
  ];
}

/** The times from the end of each change until it was seen, in milliseconds, ascending. */
function delaysOf(change: Change, rounds: number): number[] {
  const delays: number[] = [];
  for (let round = 0; round < rounds; round++) {
    change.make(round);
    const made = performance.now();
    while (!change.isSeen(round)) {
      if (performance.now() - made > UNSEEN_MS) throw new Error(`never seen: ${change.name}`);
    }
    delays.push(performance.now() - made);
  }
  return delays.toSorted((one, other) => one - other);
}

function rowsOf({ name }: Change, delays: readonly number[]): BenchmarkRow[] {
  const at = (share: number) => delays[Math.floor((delays.length - 1) * share)] as number;
  const shares = { median: 0.5, '99 %': 0.99, longest: 1 };
  return Object.entries(shares).map(([label, share]) => {
    return { section: 'coherence', name: `${name}, ${label}`, value: at(share), unit: 'ms' };
  });
}

/** Files made, written and closed in a second. */
function filesPerSecond(directory: string, seconds: number): number {
  fs.mkdirSync(directory);
  const started = performance.now();
  let files = 0;
  while (performance.now() - started < seconds * 1000) {
    fs.writeFileSync(`${directory}/${files}`, 'x'.repeat(1024));
    files++;
  }
  return (files * 1000) / (performance.now() - started);
}

export const coherenceBenchmark: BenchmarkSection = async ({ secondsPerMeasurement }) => {
  const lack = mountObstacle();
  if (lack !== undefined) throw new Error(lack);
  const workspace = Workspace.create();
  try {
    const server = await workspace.startServer();
    const request = { source: `dafs:${server.name}`, driver: 'kernel' };
    const first = await workspace.startMount(request);
    const alone = filesPerSecond(`${first.directory}/alone`, secondsPerMeasurement);
    const second = await workspace.startMount(request);
    const watched = filesPerSecond(`${first.directory}/watched`, secondsPerMeasurement);
    const names = { alone: 'files made, alone', watched: 'files made, with another mount' };
    const rows: BenchmarkRow[] = [
      { section: 'coherence', name: names.alone, value: alone, unit: '/s' },
      {
        section: 'coherence',
        name: names.watched,
        value: watched,
        unit: '/s',
        ratioTo: names.alone,
      },
    ];
    fs.writeFileSync(`${first.directory}/file`, '.'.repeat(8192));
    const rounds = Math.ceil(secondsPerMeasurement * 200);
    for (const change of changesBetween(first.directory, second.directory)) {
      rows.push(...rowsOf(change, delaysOf(change, rounds)));
    }
    return rows;
  } finally {
    await workspace.dispose();
  }
};
