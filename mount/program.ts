import { fileURLToPath } from 'node:url';

/**
 * The command line that runs `dafs` again with other arguments, in a process of its own. The main
 * file is .ts in a checkout and .js in a published package, as this file is.
 */
export function dafsCommandLine(...args: string[]): [program: string, args: string[]] {
  const main = new URL(`./main${import.meta.filename.slice(-3)}`, import.meta.url);
  return [process.execPath, [...process.execArgv, fileURLToPath(main), ...args]];
}

/** What a process that `dafs` started says to the one that started it. */
export type ProgramReport =
  | { type: 'ready'; name: string }
  | { type: 'failed'; code: string; message: string };

/** Tells the starting process, if there is one that listens. */
export function report(message: ProgramReport): void {
  process.send?.(message);
}
