import { crc32 } from 'node:zlib';
import { Random } from '../support/random.ts';
import { SimulatedClient, type Surroundings } from './client.ts';
import { Computer, type ComputerOptions } from './computer.ts';
import { beginTime, clock } from './machine/clock.ts';
import type { DiskError } from './machine/disk.ts';
import { storage } from './machine/storage.ts';
import { type Machine, Network, type Process, useNetwork } from './nic/network.ts';
import { threads } from './nic/threads.ts';
import type { SimulatedServer } from './server.ts';
import { SharedLock } from './shared-lock.ts';
import { drawTroubles, type Ending, type Troubles } from './troubles.ts';

/** A world that does not come to its end in so many steps never does. */
const mostSteps = 400_000;
/** A server that is to be killed goes on for so many writes, syncs and messages, or fewer. */
const mostPassed = [4, 40, 200];

export interface WorldOptions extends ComputerOptions {
  readonly seed: number;
  /** The clients' directories. */
  readonly homes: readonly string[];
  /** Told of everything that happens. */
  readonly trace: (event: string) => void;
}

/** What became of a world. */
export interface WorldReport {
  /** What is not as it must be. */
  readonly problem: string | undefined;
  readonly steps: number;
  readonly answered: number;
  readonly kills: number;
  readonly powerCuts: number;
  readonly breaks: number;
  readonly diskErrors: number;
  /** Of all that has happened: the same for the same seed. */
  readonly fingerprint: number;
}

/**
 * A machine with a disk, a server, and clients on a network, in one thread: what happens next is drawn,
 * and so is what goes wrong. The same seed gives the same world.
 */
export class World implements Machine, Surroundings {
  readonly random: Random;
  readonly blockBytes: number;
  readonly clients: SimulatedClient[] = [];
  readonly lock = new SharedLock();
  readonly storageErrors = new Set<string>();
  hasDiskFailed = false;
  running: Process;
  readonly #options: WorldOptions;
  readonly #troubles: Troubles;
  readonly #network: Network;
  readonly #computer: Computer;
  #problem: string | undefined;
  readonly #endings: Ending[];
  #ending: Ending | undefined;
  #lastEnding: Ending | undefined;
  #passesLeft = 0;
  #steps = 0;
  #fingerprint = 0;
  #kills = 0;
  #powerCuts = 0;
  #diskErrors = 0;
  #isCalm = false;
  #isStopping = false;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.blockBytes = options.blockBytes;
    this.random = new Random(options.seed);
    beginTime(options.seed);
    this.#troubles = drawTroubles(this.random);
    this.#endings = [...this.#troubles.endings];
    this.#network = new Network(this, this.random);
    this.#network.faults = this.#troubles;
    useNetwork(this.#network);
    this.#computer = new Computer(this.random, options);
    const { disk, processes } = this.#computer;
    const roomBytes = disk.usedBytes + this.#troubles.roomBytes;
    disk.onCall = (call, name, growth) => this.#onDiskCall(call, name, growth, roomBytes);
    if (this.#troubles.isSmall) this.storageErrors.add('ENOSPC');
    this.running = processes.start(false);
    for (const home of options.homes.slice(0, this.#troubles.clients)) {
      this.clients.push(new SimulatedClient(home, this.#troubles.changesPerClient, this));
    }
  }

  get mostUnderWay(): number {
    return this.#troubles.mostUnderWay;
  }

  /** Lets it run to its end. */
  run(): WorldReport {
    this.trace(JSON.stringify(this.#troubles));
    try {
      while (this.#problem === undefined && !this.clients.every(({ isDone }) => isDone)) {
        this.#step();
      }
      this.#conclude();
    } catch (error) {
      this.report(error instanceof Error ? (error.stack as string) : String(error));
    }
    this.#bury();
    return {
      problem: this.#problem,
      steps: this.#steps,
      answered: this.clients.reduce((sum, { answered }) => sum + answered, 0),
      kills: this.#kills,
      powerCuts: this.#powerCuts,
      breaks: this.#network.breaks,
      diskErrors: this.#diskErrors,
      fingerprint: this.#fingerprint,
    };
  }

  report(problem: string): void {
    this.trace(`PROBLEM ${problem}`);
    // What comes after the first one comes of it.
    this.#problem ??= problem;
  }

  trace(event: string): void {
    const line = `${this.#steps} ${clock.nowMs.toFixed(2)} ${event}`;
    this.#fingerprint = crc32(line, this.#fingerprint);
    this.#options.trace(line);
  }

  startProcess(): Process {
    return this.#computer.processes.start(false);
  }

  keepMemory(path: string, memory: Uint8Array): void {
    this.#computer.keepMemory(path, memory);
  }

  promised(): void {
    if (this.#computer.server !== undefined && this.random.oneIn(this.#troubles.endsAfterOneIn)) {
      this.#beginEnding(this.#ending ?? this.#endings.pop());
    }
  }

  waitFor(condition: () => boolean, timeoutMs: number): void {
    const waiting = this.running;
    const deadlineMs = clock.nowMs + timeoutMs;
    while (
      waiting.isAlive &&
      !condition() &&
      clock.nowMs < deadlineMs &&
      this.#problem === undefined
    ) {
      this.#step();
    }
    this.running = waiting;
    if (!waiting.isAlive || this.#problem !== undefined) {
      throw new Error('the machine has no power');
    }
  }

  passKillPoint(): void {
    if (
      this.#ending !== undefined &&
      this.#ending !== 'stop' &&
      this.running.isServer &&
      this.running.isAlive
    ) {
      this.#passesLeft -= 1;
      if (this.#passesLeft <= 0) {
        this.#end(this.#ending);
      }
    }
  }

  /** One of all that can happen next. */
  #step(): void {
    this.#steps += 1;
    if (this.#steps > mostSteps) {
      throw new Error(`the world has not come to its end in ${mostSteps} steps`);
    }
    clock.nowMs += 0.02 + this.random.below(10) / 100;
    this.#drawEnding();
    if (this.random.oneIn(this.#troubles.waitsOneIn)) {
      clock.nowMs += this.random.pick([2, 20, 120, 1100]);
    }
    const drawn = this.random.below(15);
    if (drawn < 6) {
      this.#network.deliverSome();
    } else if (drawn < 11) {
      this.#turnServer();
    } else if (drawn < 14) {
      this.#turnClient();
    } else {
      this.#workInThread();
    }
  }

  #drawEnding(): void {
    const oneIn = this.hasDiskFailed ? 40 : this.#troubles.endsOneIn;
    if (
      this.#computer.server !== undefined &&
      this.#ending === undefined &&
      this.random.oneIn(oneIn)
    ) {
      this.#beginEnding(this.#endings.pop() ?? (this.hasDiskFailed ? 'kill' : undefined));
    }
  }

  /** The server ends that way after some more writes, syncs and messages. */
  #beginEnding(ending: Ending | undefined): void {
    this.#ending = ending;
    this.#passesLeft = this.random.below(this.random.pick(mostPassed));
  }

  #turnServer(): void {
    const { server } = this.#computer;
    if (server === undefined) {
      this.#startServer();
    } else if (this.#ending === 'stop') {
      this.#stopServer(server);
    } else {
      this.#runServer(() => {
        // One that has nothing to do is killed as well.
        this.passKillPoint();
        server.turn();
      });
    }
    this.#bury();
  }

  /** Sometimes something worse comes in between. */
  #stopServer(server: SimulatedServer): void {
    const worse = this.random.oneIn(2) ? this.#endings.pop() : undefined;
    if (worse !== undefined) {
      this.#beginEnding(worse);
    }
    this.#isStopping = true;
    this.#runServer(() => server.stop());
    this.#isStopping = false;
    if (this.#computer.process?.isAlive) {
      this.#end('stop');
    }
  }

  /** Runs code of the server, which may be killed in the middle of it: then it runs on to no effect. */
  #runServer(action: () => void): void {
    const process = this.#computer.process as Process;
    const before = this.running;
    this.running = process;
    try {
      action();
    } catch (error) {
      // One that cannot read or write its database when it starts or stops says so and ends.
      const isWorking = this.#computer.server !== undefined && !this.#isStopping;
      if (process.isAlive && (isWorking || this.storageErrors.size === 0)) {
        this.report(`the server failed: ${error instanceof Error ? error.stack : error}`);
      }
      if (process.isAlive) {
        this.#end('kill');
      }
    } finally {
      this.running = before;
    }
  }

  #startServer(): void {
    this.trace('a server starts');
    const process = this.#computer.startProcess();
    if (this.random.oneIn(3)) {
      this.#beginEnding(this.#endings.pop());
    }
    this.#runServer(() => {
      this.#computer.open(process, (error) => this.#takeFault(error));
      this.#network.hasListener = process.isAlive;
    });
  }

  #takeFault(error: unknown): void {
    this.trace(`fault: ${error instanceof Error ? error.message : error}`);
    if (this.running.isAlive && this.storageErrors.size === 0) {
      this.report(`the server reports ${error instanceof Error ? error.stack : error}`);
    }
  }

  #turnClient(): void {
    const ready = this.clients.filter(({ isBusy, isDone }) => !isBusy && !isDone);
    if (ready.length > 0) {
      const client = this.random.pick(ready);
      const before = this.running;
      this.running = client.process;
      client.step();
      this.running = before;
    }
  }

  /** Threads of the server work while it does not. */
  #workInThread(): void {
    const works = this.random.oneIn(this.#troubles.worksOneIn);
    if (works && threads.size > 0 && this.#computer.server !== undefined) {
      const thread = this.random.pick([...threads]);
      this.#runServer(() => thread.work());
      this.#bury();
    }
  }

  #onDiskCall(
    call: string,
    name: string,
    growth: number,
    roomBytes: number,
  ): DiskError | undefined {
    this.passKillPoint();
    storage.room = {
      totalBytes: roomBytes,
      freeBytes: Math.max(0, roomBytes - this.#computer.disk.usedBytes),
    };
    const { diskErrorsOneIn, failingCall = call } = this.#troubles;
    if (growth > storage.room.freeBytes) return 'ENOSPC';
    const isFailing = !this.#isCalm && diskErrorsOneIn > 0 && this.#diskErrors < 2;
    if (!isFailing || failingCall !== call || !this.random.oneIn(diskErrorsOneIn)) {
      return undefined;
    }
    this.trace(`the disk fails: ${call} ${name}`);
    this.#diskErrors += 1;
    this.hasDiskFailed = true;
    this.storageErrors.add('EIO').add('EROFS');
    return 'EIO';
  }

  /** The server ends here and now, and with the power everything does. */
  #end(ending: Ending): void {
    const process = this.#computer.process as Process;
    this.trace(`the server ends: ${ending}`);
    this.#network.hasListener = false;
    this.#network.dropProcess(process);
    for (const attempt of this.#network.attempts.splice(0)) {
      attempt.outcome = 'lost';
    }
    this.#ending = undefined;
    this.#lastEnding = ending;
    this.hasDiskFailed = false;
    if (ending === 'power cut') {
      this.#powerCuts += 1;
      this.#computer.cutPower(process);
      this.lock.forget();
      for (const client of this.clients) {
        this.#computer.processes.end(client.process);
        this.#network.dropProcess(client.process);
        client.losePower();
      }
    } else {
      this.#kills += ending === 'kill' ? 1 : 0;
      this.#computer.endProcess(process);
    }
  }

  /** Clears away what has ended. The structure must be whole: looked at where that is doubtful most. */
  #bury(): void {
    if (this.running.isServer || !this.#computer.bury()) {
      return;
    }
    if (this.#lastEnding === 'power cut' || this.random.oneIn(4)) {
      const problem = this.#computer.check();
      if (problem !== undefined) this.report(problem);
    }
  }

  /** Nothing more goes wrong: the server stops, and what it leaves is whole. */
  #conclude(): void {
    this.#isCalm = true;
    this.#endings.length = 0;
    this.#ending = undefined;
    if (this.#computer.server !== undefined && this.#problem === undefined) {
      this.#stopServer(this.#computer.server);
    } else if (this.#computer.process?.isAlive) {
      this.#end('stop');
    }
  }
}
