import type { LibraryPlace } from './place.ts';
import { type ProgramOptions, runOwnProgram } from './programs.ts';
import type { WorkDone } from './work.ts';

export interface LibraryWork extends LibraryPlace {
  readonly fileBytes: number;
  readonly blockBytes: number;
  readonly seconds: number;
  /** Writes the file instead of reading it. */
  readonly isPreparing?: boolean;
}

/** Has a process of its own read through the library. The server's cache has the file: reads are warm. */
export function libraryWork(work: LibraryWork, options: ProgramOptions): Promise<WorkDone> {
  return runOwnProgram('library', work, { ...options, extraMs: work.seconds * 1000 });
}
