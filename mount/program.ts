import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

/** So many threads V8 has by default. */
const MOST_HELPERS = 4;
const HELPERS_OPTION = '--v8-pool-size';

/**
 * V8 compiles and collects garbage in threads beside those of the program. More of them than processors
 * take those from the program: with one on two processors a mount starts with a tenth less processor
 * time, and its server is 10 MB smaller.
 */
const helpers = Math.min(MOST_HELPERS, Math.max(1, availableParallelism() - 1));

/**
 * The command line that runs `dafs` again with other arguments, in a process of its own. The main
 * file is .ts in a checkout and .js in a published package, as this file is.
 */
export function dafsCommandLine(...args: string[]): [program: string, args: string[]] {
  const main = new URL(`./main${import.meta.filename.slice(-3)}`, import.meta.url);
  const isGiven = process.execArgv.some((option) => option.startsWith(HELPERS_OPTION));
  const options = isGiven
    ? process.execArgv
    : [...process.execArgv, `${HELPERS_OPTION}=${helpers}`];
  return [process.execPath, [...options, fileURLToPath(main), ...args]];
}

/** What a process that `dafs` started says to the one that started it. */
export type ProgramReport =
  | { type: 'ready'; name: string }
  | { type: 'failed'; code: string; message: string };

/** Tells the starting process, if there is one that listens. */
export function report(message: ProgramReport): void {
  process.send?.(message);
}
