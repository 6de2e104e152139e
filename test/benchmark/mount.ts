/**
 * Reads and writes through a mount by each driver, beside a local directory and the ceiling: a file
 * in memory that the kernel driver serves with no DAFS behind it. Measured by fio.
 */
import { driverTable } from '../support/drivers.ts';
import { programObstacle } from '../support/machine.ts';
import { Workspace } from '../support/workspace.ts';
import { CEILING_FILE } from './support/ceiling-file-system.ts';
import { CeilingProcess } from './support/ceiling-process.ts';
import { fioJobs, runFio } from './support/fio.ts';
import type { BenchmarkRow, BenchmarkSection } from './support/row.ts';

const FILE_BYTES = 128 << 20;

interface Place {
  readonly name: string;
  readonly file: string;
  /** The mount point that the file must be on. */
  readonly mount?: string;
  /** The place that its figures are compared with. */
  readonly comparedWith?: string;
}

/** What each driver is to be compared with: the best that could be, or what there is without us. */
const comparedWith: Readonly<Record<string, string>> = { kernel: 'ceiling' };

async function openPlaces(workspace: Workspace, ceiling: CeilingProcess): Promise<Place[]> {
  const local: Place = { name: 'local', file: `${workspace.makeDirectory('local')}/bench.data` };
  const memory: Place = {
    name: 'ceiling',
    file: `${ceiling.directory}/${CEILING_FILE}`,
    mount: ceiling.directory,
    comparedWith: 'local',
  };
  const places = [local, memory];
  for (const { name, obstacle } of driverTable) {
    const reason = obstacle();
    if (reason !== undefined) {
      throw new Error(`nothing to measure: ${reason}`);
    }
    const source = workspace.path(`${name}.sqlite`);
    const { directory } = await workspace.startMount({ source, driver: name });
    places.push({
      name,
      file: `${directory}/bench.data`,
      mount: directory,
      comparedWith: comparedWith[name] ?? 'local',
    });
  }
  return places;
}

export const mountBenchmark: BenchmarkSection = async ({ secondsPerMeasurement }) => {
  const lack = programObstacle(['fio', 'mountpoint', 'umount']);
  if (lack !== undefined) {
    throw new Error(lack);
  }
  const workspace = Workspace.create();
  let ceiling: CeilingProcess | undefined;
  try {
    const directory = workspace.makeDirectory('ceiling');
    ceiling = await CeilingProcess.start({ directory, contentBytes: FILE_BYTES, kind: 'copy' });
    const places = await openPlaces(workspace, ceiling);
    const rows: BenchmarkRow[] = [];
    for (const job of fioJobs) {
      for (const { name, file, mount, comparedWith: other } of places) {
        const where = { file, fileBytes: FILE_BYTES, seconds: secondsPerMeasurement };
        const value = await runFio(job, mount === undefined ? where : { ...where, mount });
        const reference = other === undefined ? {} : { ratioTo: `${other}, ${job.name}` };
        const { unit } = job;
        rows.push({ section: 'mount', name: `${name}, ${job.name}`, value, unit, ...reference });
      }
    }
    return rows;
  } finally {
    await ceiling?.stop();
    await workspace.dispose();
  }
};
