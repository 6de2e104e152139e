/**
 * `npm run bench -- soak [--minutes N]`: fio for an hour, reading and writing in all sizes, and each
 * minute the memory of mount and server: whether it stays flat. Also what a GiB costs the processors.
 */

import { median } from '../../mount/bench/statistics.ts';
import { programObstacle } from '../support/machine.ts';
import { Workspace } from '../support/workspace.ts';
import { FILE_BYTES, prepareFile } from './mount/file-jobs.ts';
import { type Place, Places } from './mount/places.ts';
import { type Memory, memoryOfBoth, memoryRows, secondsOf, usageRow } from './mount/usage.ts';
import { reportOfFio } from './support/fio.ts';
import { Progress } from './support/progress.ts';
import type { BenchmarkRow, BenchmarkSection } from './support/row.ts';

/** How often the memory is looked at. */
const SAMPLE_SECONDS = 60;
const GIB = 1 << 30;

/** Two jobs, which read and write the same file at random. */
const JOB = [
  ...['--ioengine=libaio', '--iodepth=8', '--numjobs=2', '--direct=1'],
  ...['--rw=randrw', '--rwmixread=70', '--bssplit=4k/50:64k/30:1m/20'],
];

/**
 * How much a figure has grown in the run, its first quarter left out, in which caches fill: from the
 * second quarter's median to the last one's.
 */
function growthOf(values: readonly number[]): number {
  const quarter = Math.max(1, Math.floor(values.length / 4));
  const second = values.slice(quarter, 2 * quarter);
  return median(values.slice(-quarter)) - median(second.length === 0 ? values : second);
}

async function soak(place: Place, minutes: number): Promise<BenchmarkRow[]> {
  const { file, mount, processes } = place;
  if (mount === undefined || processes === undefined) throw new Error('nobody serves this place');
  const rounds = Math.max(2, Math.ceil((minutes * 60) / SAMPLE_SECONDS));
  const seconds = (minutes * 60) / rounds;
  const progress = new Progress(rounds * seconds);
  const memory: Memory[] = [];
  let bytes = 0;
  const startedSeconds = secondsOf(processes);
  for (let round = 1; round <= rounds; round++) {
    const { read, write } = await progress.step(describe(memory), seconds, () =>
      reportOfFio(JOB, { file, fileBytes: FILE_BYTES, seconds, mount }),
    );
    bytes += read.io_bytes + write.io_bytes;
    memory.push(memoryOfBoth(processes));
  }
  const perGib = (secondsOf(processes) - startedSeconds) / (bytes / GIB);
  const ofMount = memory.map(({ mountBytes }) => mountBytes / 1e6);
  const ofServer = memory.map(({ serverBytes }) => serverBytes / 1e6);
  return [
    usageRow('soak', 'moved', bytes / GIB, 'GiB'),
    usageRow('soak', 'processor time of mount and server', perGib, 's/GiB'),
    { ...usageRow('soak', 'growth of the mount', growthOf(ofMount), 'MB'), samples: ofMount },
    { ...usageRow('soak', 'growth of the server', growthOf(ofServer), 'MB'), samples: ofServer },
  ];
}

/** What is shown while the next round runs. */
function describe(memory: readonly Memory[]): string {
  const last = memory.at(-1);
  if (last === undefined) return 'fio';
  const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
  return `fio; mount ${megabytes(last.mountBytes)}, server ${megabytes(last.serverBytes)}`;
}

export const soakBenchmark: BenchmarkSection = async ({ soakMinutes }) => {
  const lack = programObstacle(['fio', 'mountpoint', 'umount']);
  if (lack !== undefined) throw new Error(lack);
  const workspace = Workspace.create();
  const places = new Places(workspace, FILE_BYTES);
  try {
    await places.compile();
    const place = await places.open('kernel');
    await prepareFile(place);
    const rows = await soak(place, soakMinutes);
    const memory = place.processes ? await memoryRows(workspace, place.processes) : [];
    return [...rows, ...memory.map((row) => ({ ...row, section: 'soak' }))];
  } finally {
    await places.close();
    await workspace.dispose();
  }
};
