import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Those whose test never got to hear of them, because they started too slowly, end with it too. */
const running = new Set<ServerProcess>();
process.once('exit', () => {
  for (const server of running) server.kill();
});

/** A scripted server in a process of its own. */
export class ServerProcess {
  readonly path: string;
  readonly process: ChildProcess;
  readonly #directory: string;
  readonly lines: string[] = [];

  private constructor(directory: string, script: string) {
    this.#directory = directory;
    this.path = join(directory, 'fabric');
    const program = new URL('./scripted-server.ts', import.meta.url).pathname;
    this.process = spawn(process.execPath, [program, this.path, script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    running.add(this);
  }

  static async start(script: string): Promise<ServerProcess> {
    const server = new ServerProcess(mkdtempSync(join(tmpdir(), 'dafs-scripted-')), script);
    const output = createInterface(server.process.stdout as NonNullable<ChildProcess['stdout']>);
    output.on('line', (line) => server.lines.push(line));
    await once(output, 'line');
    return server;
  }

  kill(): void {
    running.delete(this);
    this.process.kill('SIGKILL');
  }

  async stop(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      this.kill();
      await once(this.process, 'exit');
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
