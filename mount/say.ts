import { writeSync } from 'node:fs';

const STANDARD_ERROR = 2;

/** Says something at once: in a thread, process.stderr leaves it to event loops that may be waiting. */
export function say(text: string): void {
  try {
    writeSync(STANDARD_ERROR, `dafs: ${text}\n`);
  } catch {
    // Nobody reads it.
  }
}
