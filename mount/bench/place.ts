import type { CheckedDirectory } from './directories.ts';
import type { ServerProcesses } from './processor-time.ts';
import type { TargetDescription } from './result.ts';

/** Where jobs are done: a target while it is open. */
export interface Place {
  readonly target: TargetDescription;
  readonly servers: ServerProcesses;
  /** Where files are made; undefined for the library, which has no directory. */
  readonly files: FilePlace | undefined;
  /** How the library reads; undefined for directories. */
  readonly library: LibraryPlace | undefined;
}

export interface FilePlace {
  readonly checked: CheckedDirectory;
  /** Of the measurements alone. */
  readonly directory: string;
  /** What is read and written. */
  readonly file: string;
  /** Whether files can be opened with O_DIRECT. */
  readonly isDirect: boolean;
}

export interface LibraryPlace {
  readonly serverName: string;
  /** Requests under way. */
  readonly depth: number;
  /** Whether it reads what the server has cached without asking it (extension ORDMA), as mounts do. */
  readonly isOrdma: boolean;
}
