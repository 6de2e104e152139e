import { fioVersion, fioWork } from './fio.ts';
import { type ProgramOptions, runOwnProgram } from './programs.ts';
import type { FileWork, WorkDone } from './work.ts';

/** What reads and writes files at the targets. */
export interface Generator {
  /** As the report names it. */
  readonly name: string;
  /** Whether it makes the kernel forget a file before each pass over it, whoever runs it. */
  readonly forgets: boolean;
  run(work: FileWork, options: ProgramOptions): Promise<WorkDone>;
}

/** fio where it is installed, and a program of ours elsewhere. */
export async function chooseGenerator(): Promise<Generator> {
  const version = await fioVersion();
  return version === undefined ? builtInGenerator : { name: version, forgets: true, run: fioWork };
}

/** Of ours, in Node: a process of its own, with a thread for each request under way. */
export const builtInGenerator: Generator = {
  name: 'built in (fio is not installed)',
  forgets: false,
  run: (work, options) =>
    runOwnProgram('file-work', work, {
      ...options,
      extraMs: work.seconds * 1000,
      environment: { ...process.env, UV_THREADPOOL_SIZE: String(work.jobs * work.depth) },
    }),
};
