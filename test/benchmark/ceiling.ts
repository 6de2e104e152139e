/**
 * What the kernel driver itself can do, with no DAFS behind it: a file in the memory of the process
 * that serves it; the same without copying (the driver alone); and the same without polling.
 */

import { programObstacle } from '../support/machine.ts';
import { Workspace } from '../support/workspace.ts';
import { CEILING_FILE } from './support/ceiling-file-system.ts';
import { CeilingProcess, type CeilingRequest } from './support/ceiling-process.ts';
import { fioJobs, runFio } from './support/fio.ts';
import type { BenchmarkRow, BenchmarkSection } from './support/row.ts';

/** Larger than the caches of the processors, as files are. */
const CONTENT_BYTES = 512 << 20;

interface Variant {
  readonly name: string;
  readonly kind: CeilingRequest['kind'];
  readonly options?: string;
  readonly polls?: boolean;
}

const FILE_IN_MEMORY = 'file in memory';

const variants: readonly Variant[] = [
  { name: FILE_IN_MEMORY, kind: 'copy' },
  { name: 'file in memory, one worker', kind: 'copy', options: 'workers=1' },
  { name: 'file in memory, no polling', kind: 'copy', polls: false },
  { name: 'driver alone', kind: 'alone' },
];

async function measure(
  workspace: Workspace,
  { name, ...variant }: Variant,
  seconds: number,
): Promise<BenchmarkRow[]> {
  const directory = workspace.makeDirectory(name.replaceAll(' ', '-'));
  const request = { directory, contentBytes: CONTENT_BYTES, ...variant };
  const ceiling = await CeilingProcess.start(request);
  const rows: BenchmarkRow[] = [];
  try {
    for (const job of fioJobs) {
      const value = await runFio(job, {
        file: `${directory}/${CEILING_FILE}`,
        fileBytes: CONTENT_BYTES,
        seconds,
        mount: directory,
      });
      const reference =
        name === FILE_IN_MEMORY ? {} : { ratioTo: `${FILE_IN_MEMORY}, ${job.name}` };
      const { unit } = job;
      rows.push({ section: 'ceiling', name: `${name}, ${job.name}`, value, unit, ...reference });
    }
  } finally {
    await ceiling.stop();
  }
  return rows;
}

export const ceilingBenchmark: BenchmarkSection = async ({ secondsPerMeasurement }) => {
  const lack = programObstacle(['fio', 'mountpoint', 'umount']);
  if (lack !== undefined) throw new Error(lack);
  const workspace = Workspace.create();
  const rows: BenchmarkRow[] = [];
  try {
    for (const variant of variants) {
      rows.push(...(await measure(workspace, variant, secondsPerMeasurement)));
    }
    return rows;
  } finally {
    await workspace.dispose();
  }
};
