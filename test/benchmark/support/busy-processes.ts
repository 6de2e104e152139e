/** Processes that want a processor all the time. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { processorSeconds } from '../../../mount/bench/processor-time.ts';
import { until } from '../../support/run.ts';
import type { Workspace } from '../../support/workspace.ts';

const PROCESSES_PER_PROCESSOR = 4;
const START_LIMIT_MS = 20_000;

/** Does something while four such processes run for each processor; the workspace ends them if this does not. */
export async function withBusyProcesses<Result>(
  { environment }: Workspace,
  run: () => Promise<Result>,
): Promise<Result> {
  const children = Array.from({ length: PROCESSES_PER_PROCESSOR * availableParallelism() }, () =>
    spawn('sh', ['-c', 'while :; do :; done'], { env: environment, stdio: 'ignore' }),
  );
  try {
    await until('processes are busy', START_LIMIT_MS, () =>
      children.every(({ pid }) => processorSeconds(pid as number) > 0),
    );
    return await run();
  } finally {
    const ends = children.map((child) => once(child, 'exit'));
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(ends);
  }
}
