/** Reads and writes through a mount by each driver, beside a local directory, measured by fio. */
import { driverTable } from '../support/drivers.ts';
import { programObstacle } from '../support/machine.ts';
import { isMountPoint, Workspace } from '../support/workspace.ts';
import type { BenchmarkOptions, BenchmarkRow, BenchmarkSection } from './support/row.ts';

const FILE_SIZE = '128m';

interface Job {
  readonly name: string;
  readonly options: readonly string[];
  /** Whose figures of fio's report count. */
  readonly direction: 'read' | 'write';
  readonly unit: 'k/s' | 'GB/s';
}

const jobs: readonly Job[] = [
  {
    name: '4 KiB random read',
    options: ['--rw=randread', '--bs=4k'],
    direction: 'read',
    unit: 'k/s',
  },
  {
    name: '4 KiB random write',
    options: ['--rw=randwrite', '--bs=4k'],
    direction: 'write',
    unit: 'k/s',
  },
  { name: '1 MiB read', options: ['--rw=read', '--bs=1m'], direction: 'read', unit: 'GB/s' },
  { name: '1 MiB write', options: ['--rw=write', '--bs=1m'], direction: 'write', unit: 'GB/s' },
];

interface Place {
  readonly name: string;
  readonly directory: string;
  readonly isMount: boolean;
}

interface FioReport {
  readonly jobs: readonly Readonly<Record<'read' | 'write', { iops: number; bw_bytes: number }>>[];
}

async function runJob(
  workspace: Workspace,
  { directory, isMount }: Place,
  job: Job,
  { secondsPerMeasurement }: BenchmarkOptions,
): Promise<number> {
  if (isMount && !(await isMountPoint(directory))) {
    throw new Error(`${directory} is not mounted: its figures would be the local disk's`);
  }
  const output = await workspace.succeed(
    'fio',
    [
      '--name=bench',
      `--filename=${directory}/bench.data`,
      `--size=${FILE_SIZE}`,
      '--ioengine=psync',
      '--direct=1',
      '--fallocate=none',
      '--time_based',
      `--runtime=${Math.max(1, Math.round(secondsPerMeasurement))}`,
      '--output-format=json',
      ...job.options,
    ],
    { limitMs: 60_000 + secondsPerMeasurement * 1000 },
  );
  const figures = (JSON.parse(output) as FioReport).jobs[0]?.[job.direction];
  if (figures === undefined) {
    throw new Error(`fio tells nothing of ${job.name}`);
  }
  return job.unit === 'k/s' ? figures.iops / 1e3 : figures.bw_bytes / 1e9;
}

/** The local directory first: it is what the others are compared with. */
async function openPlaces(workspace: Workspace): Promise<Place[]> {
  const places = [{ name: 'local', directory: workspace.makeDirectory('local'), isMount: false }];
  for (const { name, obstacle } of driverTable) {
    const reason = obstacle();
    if (reason !== undefined) {
      throw new Error(`nothing to measure: ${reason}`);
    }
    const source = workspace.path(`${name}.sqlite`);
    const { directory } = await workspace.startMount({ source, driver: name });
    places.push({ name, directory, isMount: true });
  }
  return places;
}

export const mountBenchmark: BenchmarkSection = async (options) => {
  const lack = programObstacle(['fio', 'mountpoint']);
  if (lack !== undefined) {
    throw new Error(lack);
  }
  const workspace = Workspace.create();
  try {
    const places = await openPlaces(workspace);
    const rows: BenchmarkRow[] = [];
    for (const job of jobs) {
      for (const place of places) {
        const value = await runJob(workspace, place, job, options);
        const name = `${place.name}, ${job.name}`;
        const reference = place.isMount ? { ratioTo: `local, ${job.name}` } : {};
        rows.push({ section: 'mount', name, value, unit: job.unit, ...reference });
      }
    }
    return rows;
  } finally {
    await workspace.dispose();
  }
};
