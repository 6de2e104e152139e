/** The guest as a process: QEMU, without acceleration and with a clock that counts instructions. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Workspace } from '../../support/workspace.ts';
import type { Packages } from './packages.ts';

/** What the guest tells. */
export type GuestMessage =
  /** The next step is done; with what it measured, if it did. */
  { type: 'done'; measured?: Measured } | { type: 'failed'; reason: string };

export interface Measured {
  /** In the job's unit. */
  readonly figure: number;
  /** Billions of instructions, by who executed them, of processes that went on afterwards. */
  readonly work: readonly (readonly [name: string, billions: number])[];
}

/**
 * One virtual processor, of which each instruction takes 1 ns of its clock; when it has nothing to do,
 * the clock goes on to the next timer at once. Copying is by instructions of 8 bytes in the kernel and
 * of 32 elsewhere: `rep movsb`, which is fast on real processors, would count one for each byte.
 */
const MACHINE = [
  ...['-M', 'pc', '-nodefaults', '-display', 'none', '-no-reboot', '-smp', '1', '-m', '4G'],
  ...['-accel', 'tcg', '-icount', 'shift=0,sleep=off', '-cpu', 'max,-erms,-fsrm'],
];

/** NFS must not find that server and client are one machine, and read the file itself. */
const KERNEL_WORDS = 'console=ttyS0 quiet panic=-1 nfs.localio_enabled=0';

/** What it does takes longer than this nowhere, even beside others. */
const SILENCE_LIMIT_MS = 15 * 60_000;
const CONSOLE_CHARACTERS = 3000;

export class Emulator {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #console: string;
  #errors = '';

  private constructor(child: ChildProcess, consoleFile: string) {
    this.#child = child;
    this.#console = consoleFile;
    const input = child.stdout as NonNullable<ChildProcess['stdout']>;
    this.#lines = createInterface({ input })[Symbol.asyncIterator]();
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
  }

  /**
   * Starts it at the lowest priority, out of the terminal's reach: it ends with this process, however
   * that ends.
   */
  static start(packages: Packages, image: string, workspace: Workspace): Emulator {
    const { folder, kernel, command } = packages;
    const consoleFile = workspace.path('console');
    const [program, args] = command('usr/bin/qemu-system-x86_64', [
      ...MACHINE,
      ...['-L', `${folder}/usr/share/qemu`, '-L', `${folder}/usr/share/seabios`],
      ...['-kernel', `${folder}/boot/vmlinuz-${kernel}`, '-initrd', image],
      ...['-append', KERNEL_WORDS, '-serial', `file:${consoleFile}`, '-serial', 'stdio'],
    ]);
    const words = ['--pdeathsig', 'KILL', 'nice', '-n', '19', program, ...args];
    const stdio = ['ignore', 'pipe', 'pipe'] as const;
    const options = { env: workspace.environment, stdio: [...stdio], detached: true };
    const child = spawn('setpriv', words, options);
    return new Emulator(child, consoleFile);
  }

  /** What the guest tells next. @throws Error when it failed, ended, or says nothing for long */
  async next(): Promise<Measured | undefined> {
    const timer = setTimeout(() => this.stop(), SILENCE_LIMIT_MS);
    try {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error(`the guest ended\n${this.#errors}${this.#consoleEnd()}`);
      const message = JSON.parse(value) as GuestMessage;
      if (message.type === 'failed') throw new Error(`${message.reason}\n${this.#consoleEnd()}`);
      return message.measured;
    } finally {
      clearTimeout(timer);
    }
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }

  #consoleEnd(): string {
    if (!existsSync(this.#console)) return '';
    return readFileSync(this.#console, 'utf8').slice(-CONSOLE_CHARACTERS);
  }
}
