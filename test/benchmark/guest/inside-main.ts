/**
 * Runs in the guest: makes each place, runs the jobs there, and tells each step's figure on the second
 * serial port, a line each (`GuestMessage`).
 */
import { openSync, readFileSync, writeSync } from 'node:fs';
import type { GuestMessage } from './emulator.ts';
import { packTree } from './jobs.ts';
import { type Place, placeTable, preparePlaces } from './places.ts';
import { type PlanOptions, planOf } from './plan.ts';
import { workSince, workSoFar } from './processor-time.ts';

const port = openSync('/dev/ttyS1', 'w');

function tell(message: GuestMessage): void {
  writeSync(port, `${JSON.stringify(message)}\n`);
}

async function followPlan(options: PlanOptions): Promise<void> {
  let place: Place | undefined;
  for (const step of planOf(options)) {
    if (step.job === undefined) {
      await place?.close();
      place = await placeTable[step.place].open(step.table);
      tell({ type: 'done' });
    } else if (place !== undefined) {
      const before = workSoFar();
      const figure = await step.job.measure(place.directory);
      tell({ type: 'done', measured: { figure, work: workSince(before) } });
    }
  }
  await place?.close();
}

try {
  await preparePlaces();
  await packTree();
  tell({ type: 'done' });
  await followPlan(JSON.parse(readFileSync('/options.json', 'utf8')));
} catch (error) {
  tell({ type: 'failed', reason: (error as Error).stack ?? String(error) });
}
