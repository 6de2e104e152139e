/** On what, with what and how a run was made: what a reader needs to make it again. */
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, version } from 'node:os';
import packageJson from '../../package.json' with { type: 'json' };
import { formatBytes } from '../byte-sizes.ts';
import type { BenchRequest } from './bench.ts';
import { coldData, coldNames } from './caches.ts';
import type { JobContext } from './jobs.ts';

/** Under the names that the report shows. */
export function describeSetUp(
  { seconds, rounds, groups, directories }: BenchRequest,
  { generator, fileBytes, files, treeFiles }: JobContext,
): Record<string, string> {
  const load = loadavg().map((value) => value.toFixed(2));
  return {
    dafs: packageJson.version,
    Node: process.version,
    Kernel: `Linux ${release()}, ${version()}`,
    System: systemName(),
    Processors: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
    Memory: formatBytes(totalmem()),
    'Load before': `${load.join(', ')} (1, 5 and 15 minutes)`,
    'Reads and writes by': generator.name,
    File: `${formatBytes(fileBytes)}, read once before each round`,
    'Small files': `${files.toLocaleString('en')} of 1 KiB`,
    Tree: `${treeFiles.toLocaleString('en')} files`,
    Rounds: `${rounds}, in which the targets take turns, after one that does not count`,
    'One measurement': `${seconds} s, half of that for each block size`,
    'Cold data': coldData(generator.forgets),
    'Cold names': coldNames(),
    'Caches of servers': 'a server that is a process keeps what it has cached, cold or not',
    Jobs: groups.join(', '),
    'Directories given': directories.join(', ') || 'none',
  };
}

/** os-release(5) */
function systemName(): string {
  try {
    const text = readFileSync('/etc/os-release', 'utf8');
    return /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(text)?.[1] ?? 'unknown';
  } catch {
    return 'unknown';
  }
}
