/** The result of a run that never was: every kind of target and job, with figures made by a formula. */

import { builtInGenerator } from '../../../../mount/bench/generator.ts';
import { groupNames, jobsOf } from '../../../../mount/bench/jobs.ts';
import {
  type BenchResult,
  RESULT_FORMAT,
  type TargetDescription,
} from '../../../../mount/bench/result.ts';
import { PERCENTILES } from '../../../../mount/bench/work.ts';

const ROUNDS = 3;

interface ExampleTarget extends TargetDescription {
  /** How fast it is, compared with the others. */
  readonly speed: number;
  readonly servers: readonly string[];
}

/** Of a type of file system, and so fast. */
export const exampleTarget = (
  name: string,
  type: string,
  speed: number,
  servers: string[] = [],
): ExampleTarget => ({
  name,
  kind: type === 'fuse.dafs' ? 'dafs' : 'directory',
  description: `${type} of example:/export/${name}`,
  mountOptions:
    'rw,relatime,vers=4.2,rsize=1048576,wsize=1048576,namlen=255,hard,proto=tcp,timeo=600',
  processorTime: servers.length === 0 ? 'not known' : servers.join(' and '),
  speed,
  servers,
});

const library = (name: string, speed: number): ExampleTarget => ({
  ...exampleTarget(name, 'client/', speed, ['server']),
  kind: 'library',
});

/** The mount, two that it is compared with, and the library. */
export const exampleTargets: readonly ExampleTarget[] = [
  exampleTarget('dafs', 'fuse.dafs', 4, ['mount', 'server']),
  exampleTarget('/mnt/nfs', 'nfs4', 1.5, ['nfsd']),
  exampleTarget('local tmpfs', 'tmpfs', 9),
  library('library', 6),
  library('library, 8 under way', 8),
];

/** @param factor of all values, for a run before or after a change @param targets the mount first */
export function exampleResult(factor = 1, targets = exampleTargets): BenchResult {
  const context = {
    ...{ generator: builtInGenerator, fileBytes: 2 ** 27, files: 4000, treeFiles: 2600 },
    scratch: '/nowhere',
  };
  const jobs = jobsOf(groupNames, context).map(({ name, group, unit, condition, blockBytes }) => ({
    ...{ name, group, unit, condition },
    ...(blockBytes !== undefined && { blockBytes }),
  }));
  const isMeasured = (kind: string, group: string) => kind !== 'library' || group === 'sizes';
  const measurements = jobs.flatMap((job, place) =>
    targets
      .filter(({ kind }) => isMeasured(kind, job.group))
      .map(({ name, speed, servers }) => ({
        job: job.name,
        target: name,
        samples: Array.from({ length: ROUNDS }, (_, round) => {
          const blockBytes = job.blockBytes ?? 0;
          const size = blockBytes === 0 ? 1 : Math.log2(blockBytes) / 12;
          const value = factor * speed * size * (1 + 0.05 * round) * (1 + (place % 7) / 5);
          const operations = value * 1000;
          const latencies = PERCENTILES.map((percentile) => [
            String(percentile),
            (20_000 / speed) * (1 + percentile / 50 + 1 / (100.05 - percentile)),
          ]);
          return {
            value,
            operations,
            bytes: blockBytes * operations,
            seconds: 1,
            processor: {
              caller: 0.4 / speed,
              machine: 2 / speed,
              servers: Object.fromEntries(servers.map((server) => [server, 0.5 / speed])),
            },
            ...(blockBytes > 0 && { latency: Object.fromEntries(latencies) }),
          };
        }),
      })),
  );
  return {
    format: RESULT_FORMAT,
    startedAt: '2026-01-02T03:04:05.000Z',
    tookSeconds: 432,
    setUp: {
      ...{ dafs: '0.1.0', Kernel: 'Linux 6.1', Processors: '2 × Example' },
      'Reads and writes by': 'fio-3.33',
    },
    jobs,
    targets: targets.map(({ speed: _speed, servers: _servers, ...target }) => target),
    measurements,
    omissions: [{ job: 'stat, cold', target: 'library', why: 'it has no files' }],
  };
}
