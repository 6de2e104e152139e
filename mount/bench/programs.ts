/** Programs that do the work, each a process of its own. */
import { execFile } from 'node:child_process';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { OwnProgramRequest } from './own-program.ts';
import type { ServerProcesses } from './processor-time.ts';
import type { WorkDone } from './work.ts';

const execute = promisify(execFile);

/** What answers so slowly is stuck. */
const LIMIT_MS = 120_000;
const OUTPUT_BYTES = 64 << 20;

export interface ProgramOptions {
  /** Ends the program. */
  readonly signal?: AbortSignal;
  /** On top of the time in which everything should answer, in milliseconds. */
  readonly extraMs?: number;
  readonly environment?: NodeJS.ProcessEnv;
  /** Who serves what the program uses: programs of ours look themselves how long these work for them. */
  readonly servers?: ServerProcesses;
}

/** Whatever a program that failed has said last. */
export class ProgramError extends Error {}

/**
 * Runs a program that must succeed and gives what it printed.
 *
 * @throws ProgramError; the error ENOENT where there is no such program
 */
export async function outputOf(
  program: string,
  args: readonly string[],
  { signal, extraMs = 0, environment = process.env }: ProgramOptions = {},
): Promise<string> {
  try {
    const { stdout } = await execute(program, args, {
      timeout: Math.ceil(LIMIT_MS + extraMs),
      killSignal: 'SIGKILL',
      maxBuffer: OUTPUT_BYTES,
      env: environment,
      ...(signal && { signal }),
    });
    return stdout;
  } catch (error) {
    const { code, killed, stderr } = error as NodeJS.ErrnoException & {
      killed?: boolean;
      stderr?: string;
    };
    if (code === 'ENOENT' || code === 'ABORT_ERR') throw error;
    const words = killed ? 'did not end in time' : lastWords(stderr);
    const name = basename(program);
    throw new ProgramError(`${name}: ${words || `ended with ${code}`}`, { cause: error });
  }
}

/** The line that names the error, where Node tells much around it; else the last one. */
function lastWords(stderr = ''): string | undefined {
  const lines = stderr.trim().split('\n');
  return lines.find((line) => /^\w*Error: /.test(line)) ?? lines.at(-1);
}

const OWN_PROGRAMS = {
  'file-work': new URL(`./file-work-main${import.meta.filename.slice(-3)}`, import.meta.url),
  'small-files': new URL(`./small-files-main${import.meta.filename.slice(-3)}`, import.meta.url),
  library: new URL(`./library-main${import.meta.filename.slice(-3)}`, import.meta.url),
} as const;

/** Runs a program of this folder with what it is to do, and gives what it has done. */
export async function runOwnProgram(
  name: keyof typeof OWN_PROGRAMS,
  work: unknown,
  options: ProgramOptions = {},
): Promise<WorkDone> {
  const request: OwnProgramRequest<unknown> = { work, servers: options.servers ?? {} };
  const file = fileURLToPath(OWN_PROGRAMS[name]);
  const args = [...process.execArgv, file, JSON.stringify(request)];
  return JSON.parse(await outputOf(process.execPath, args, options)) as WorkDone;
}
