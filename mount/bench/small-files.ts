import { type ProgramOptions, runOwnProgram } from './programs.ts';
import type { WorkDone } from './work.ts';

/** In the order of their lives; `names` and `attributes` are readdir without and with lstat(2). */
export type SmallFilesPhase =
  | 'create'
  | 'stat'
  | 'names'
  | 'attributes'
  | 'read'
  | 'storm'
  | 'rename'
  | 'unlink';

export interface SmallFilesWork {
  readonly phase: SmallFilesPhase;
  /** Made by `create`, and removed by `unlink`. */
  readonly directory: string;
  readonly files: number;
  /** Who read at once in `storm`. */
  readonly lanes: number;
}

/** At once in a storm. */
const STORM_LANES = 16;

/** Runs a phase in a process of its own. Each file holds 1 KiB. */
export function smallFilesWork(
  phase: SmallFilesPhase,
  directory: string,
  files: number,
  options: ProgramOptions = {},
): Promise<WorkDone> {
  const work: SmallFilesWork = { phase, directory, files, lanes: STORM_LANES };
  const environment = { ...process.env, UV_THREADPOOL_SIZE: String(STORM_LANES) };
  return runOwnProgram('small-files', work, { ...options, environment });
}
