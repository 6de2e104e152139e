/** A server, a client of it that does no wrong, and one that means harm: each a process of its own. */
import { type ChildProcess, fork } from 'node:child_process';
import { queryServer } from '../../mount/server-status.ts';
import type { ServerStatus } from '../../server/serve.ts';
import { until } from '../support/run.ts';
import { type ServerProcess, Workspace } from '../support/workspace.ts';
import type { Betrayed } from './betrayed.ts';

/** Generous, because the machine may be busy with other tests. */
const LIMIT_MS = 60_000;

/** A process that is well as long as it says that it has done more rounds. */
export class Bystander {
  readonly process: ChildProcess;
  betrayed: Betrayed | undefined;
  #rounds = 0;

  private constructor(path: string) {
    this.process = fork(new URL('./bystander-main.ts', import.meta.url), [path]);
    this.process.on('message', (message: { rounds?: number; betrayed?: Betrayed }) => {
      this.#rounds = message.rounds ?? this.#rounds;
      this.betrayed ??= message.betrayed;
    });
  }

  /** @returns one that works already */
  static async start(path: string): Promise<Bystander> {
    const bystander = new Bystander(path);
    await bystander.goesOn(1);
    return bystander;
  }

  /** Waits until it has done so many rounds more. */
  async goesOn(rounds: number): Promise<void> {
    const goal = this.#rounds + rounds;
    await until(`the bystander has done ${rounds} rounds more`, LIMIT_MS, () => {
      if (hasEnded(this.process)) {
        throw new Error(`the bystander has ended: ${this.process.exitCode}`);
      }
      return this.#rounds >= goal;
    });
  }

  /** Has it give back what it holds, which fails when its session is not sound. */
  async end(): Promise<void> {
    this.process.send('end');
    await until('the bystander has ended', LIMIT_MS, () => hasEnded(this.process));
    if (this.process.exitCode !== 0) {
      throw new Error(`the bystander ended with ${this.process.exitCode}`);
    }
  }
}

export const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode !== null || signalCode !== null;

export class HostileWorld {
  readonly workspace: Workspace;
  readonly server: ServerProcess;
  readonly bystander: Bystander;
  /** What the server has said on its standard error. */
  log = '';

  private constructor(workspace: Workspace, server: ServerProcess, bystander: Bystander) {
    this.workspace = workspace;
    this.server = server;
    this.bystander = bystander;
    server.child.stderr?.on('data', (text: string) => {
      this.log += text;
    });
  }

  static async create(): Promise<HostileWorld> {
    const workspace = Workspace.create();
    const server = await workspace.startServer();
    return new HostileWorld(workspace, server, await Bystander.start(server.fabricSocket));
  }

  /** Starts an attack and waits until the server feels it. */
  async attack(name: string): Promise<ChildProcess> {
    const program = new URL('./attack-main.ts', import.meta.url);
    const attacker = fork(program, [name, this.server.fabricSocket]);
    let hasBegun = false;
    attacker.once('message', () => {
      hasBegun = true;
    });
    await until(`the attack ${name} has begun`, LIMIT_MS, () => {
      if (!hasBegun && hasEnded(attacker)) {
        throw new Error(`the attacker has ended by itself: ${attacker.exitCode}`);
      }
      return hasBegun;
    });
    return attacker;
  }

  async status(): Promise<ServerStatus | undefined> {
    const status = await queryServer(this.server.fabricSocket.replace(/fabric$/, 'control'));
    return status as unknown as ServerStatus | undefined;
  }

  /** Waits until the server has nobody left but the bystander. */
  async isQuiet(): Promise<void> {
    await until('the server has one connection', LIMIT_MS, async () => {
      const counters = (await this.status())?.counters;
      return counters?.connections === 1 && counters.clients === 1;
    });
  }

  async dispose(): Promise<void> {
    this.bystander.process.kill('SIGKILL');
    await this.workspace.dispose();
  }
}
