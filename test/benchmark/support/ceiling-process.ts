/** The ceiling, mounted by a process of its own. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { run } from '../../support/run.ts';

/** The environment of a mount, or a server, of which every wait sleeps at once. */
export const NEVER_POLLS = { DAFS_POLL_MICROSECONDS: '0' };

const program = fileURLToPath(new URL('ceiling-main.ts', import.meta.url));

export interface CeilingRequest {
  readonly directory: string;
  readonly contentBytes: number;
  /** `copy`: a file in memory; `alone`: nothing is copied, the driver alone. */
  readonly kind: 'copy' | 'alone';
  readonly options?: string;
  /** Whether workers poll before they sleep; true when left out. */
  readonly polls?: boolean;
}

export class CeilingProcess {
  readonly directory: string;
  readonly #child: ChildProcess;

  private constructor(directory: string, child: ChildProcess) {
    this.directory = directory;
    this.#child = child;
  }

  /** Resolves when the directory is usable. */
  static async start(request: CeilingRequest): Promise<CeilingProcess> {
    const { directory, contentBytes, kind, options = '', polls = true } = request;
    const words = [program, directory, String(contentBytes), kind, options];
    const child = spawn(process.execPath, words, {
      env: polls ? process.env : { ...process.env, ...NEVER_POLLS },
      stdio: ['ignore', 'pipe', 'inherit'],
      // A session of its own, as a mount's: the scheduler shares processors out by sessions (sched(7)).
      detached: true,
    });
    const said = once(child.stdout as NodeJS.ReadableStream, 'data');
    const exited = once(child, 'exit').then(([status]) => {
      throw new Error(`the ceiling ended with ${status} before it was mounted`);
    });
    await Promise.race([said, exited]);
    exited.catch(() => undefined);
    return new CeilingProcess(directory, child);
  }

  async stop(): Promise<void> {
    const exited = once(this.#child, 'exit');
    await run('umount', ['-l', this.directory]);
    if (this.#child.exitCode === null) await exited;
  }
}
