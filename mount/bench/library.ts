import { type ProgramOptions, runOwnProgram } from './programs.ts';
import type { WorkDone } from './work.ts';

export interface LibraryWork {
  readonly serverName: string;
  readonly fileBytes: number;
  readonly blockBytes: number;
  /** Requests under way. */
  readonly depth: number;
  readonly seconds: number;
  /** Writes the file instead of reading it. */
  readonly isPreparing?: boolean;
}

/** Has a process of its own read through the library. The server's cache has the file: reads are warm. */
export function libraryWork(work: LibraryWork, options: ProgramOptions): Promise<WorkDone> {
  return runOwnProgram('library', work, { ...options, extraMs: work.seconds * 1000 });
}
