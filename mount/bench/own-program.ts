/** What the programs of this folder, `…-main.ts`, have in common: each is a process of its own. */
import { ProcessorMeter, type ServerProcesses } from './processor-time.ts';
import type { WorkDone } from './work.ts';

/** The only argument of such a program, as JSON. */
export interface OwnProgramRequest<Work> {
  readonly work: Work;
  readonly servers: ServerProcesses;
}

/** What this program was started for. */
export function ownRequest<Work>(): OwnProgramRequest<Work> {
  return JSON.parse(process.argv[2] as string) as OwnProgramRequest<Work>;
}

/** Does the work and tells how long it took, and whose processor time. */
export async function measured(
  servers: ServerProcesses,
  run: () => void | Promise<void>,
): Promise<Pick<WorkDone, 'seconds' | 'processor'>> {
  const meter = new ProcessorMeter(servers);
  const before = process.cpuUsage();
  const startedMs = performance.now();
  await run();
  const seconds = (performance.now() - startedMs) / 1000;
  const { user, system } = process.cpuUsage(before);
  return { seconds, processor: { caller: (user + system) / 1e6, ...meter.read() } };
}

/** Hands over what was done. */
export function tell(done: WorkDone): void {
  process.stdout.write(JSON.stringify(done));
}
