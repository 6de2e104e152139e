import { type Finding, type FsckReport, fsck } from '../../server/fsck/fsck.ts';
import { formatBytes } from '../byte-sizes.ts';
import { describeError } from '../command-error.ts';
import { startProgress } from '../progress.ts';
import { formatTable } from '../table.ts';
import { describeUnstored } from '../unstored.ts';

export interface FsckCommandOptions {
  repair: boolean;
  json: boolean;
}

/** As fsck(8) has them. */
const ExitStatus = { CLEAN: 0, MENDED: 1, LEFT: 4, NOT_CHECKED: 8 } as const;

/** `dafs fsck`: says what is wrong with a database, and with `repair` mends it. */
export async function fsckCommand(database: string, options: FsckCommandOptions): Promise<void> {
  const progress = await startProgress();
  let report: FsckReport;
  try {
    report = fsck(database, { isRepair: options.repair, onProgress: progress.update });
  } catch (error) {
    progress.end();
    process.stderr.write(`dafs: ${describeError(error)}\n`);
    process.exitCode = ExitStatus.NOT_CHECKED;
    return;
  }
  progress.end();
  const left = report.findings.filter(({ repair }) => repair === undefined).length;
  const lines = options.json
    ? [JSON.stringify({ ...report, mended: report.findings.length - left, left }, undefined, 2)]
    : [...formatTable(report.findings.map(cellsOf)), summaryOf(report, left)];
  process.stdout.write(`${lines.join('\n')}\n`);
  if (report.unstored !== undefined) {
    process.stderr.write(`dafs: not looked at is what is ${describeUnstored(report.unstored)}\n`);
  }
  process.exitCode = statusOf(report, left);
}

function statusOf({ findings }: FsckReport, left: number): number {
  if (left > 0) return ExitStatus.LEFT;
  return findings.length > 0 ? ExitStatus.MENDED : ExitStatus.CLEAN;
}

function cellsOf({ kind, inode, message, repair }: Finding): string[] {
  const object = inode === undefined ? '-' : `inode ${inode}`;
  return [kind, object, repair === undefined ? message : `${message}: ${repair}`];
}

function summaryOf({ database, findings, objects, dataBytes }: FsckReport, left: number): string {
  const result =
    findings.length === 0 ? 'clean' : `${findings.length - left} mended, ${left} left as found`;
  const counts = [
    `${objects.files} files`,
    `${objects.directories} directories`,
    `${objects.others} others`,
    `${objects.orphans} orphans`,
    formatBytes(dataBytes),
  ];
  return `${database}: ${result}; ${counts.join(', ')}`;
}
