import { basename, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { fsck } from '../../server/fsck/fsck.ts';
import { Random } from '../support/random.ts';
import { SimulatedClient, type Surroundings } from './client.ts';
import { beginTime, clock } from './machine/clock.ts';
import { type Files, fillDirectory, readDirectory } from './machine/directories.ts';
import { Disk, type DiskError } from './machine/disk.ts';
import { Processes } from './machine/processes.ts';
import { closeDescriptors, storage } from './machine/storage.ts';
import { type Machine, Network, type Process, useNetwork } from './nic/network.ts';
import { threads } from './nic/threads.ts';
import { closeDatabases, SimulatedServer } from './server.ts';
import { drawTroubles, type Ending, type Troubles } from './troubles.ts';

/** A world that does not come to its end in so many steps never does. */
const mostSteps = 400_000;
/** A server that is to be killed goes on for so many writes, syncs and messages at the most. */
const mostPassed = 40;

export interface WorldOptions {
  readonly seed: number;
  /** A directory in memory, for this world alone. */
  readonly directory: string;
  /** What the disk has at first, by name. */
  readonly files: Files;
  readonly database: string;
  /** The clients' directories. */
  readonly homes: readonly string[];
  readonly blockBytes: number;
  /** Told of everything that happens. */
  readonly trace: (event: string) => void;
}

/** What a server has left: files by their names, on the disk and in memory. */
interface Left {
  readonly disk: Files;
  readonly memories: Files;
  /** The power was cut. */
  readonly isDoubtful: boolean;
}

/** What became of a world. */
export interface WorldReport {
  readonly problems: readonly string[];
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
  readonly storageErrors = new Set<string>();
  hasDiskFailed = false;
  running: Process;
  readonly #options: WorldOptions;
  readonly #troubles: Troubles;
  readonly #processes = new Processes();
  readonly #network: Network;
  readonly #disk: Disk;
  readonly #database: string;
  readonly #memoryDirectory: string;
  readonly #memories = new Map<string, Uint8Array>();
  readonly #problems: string[] = [];
  readonly #endings: Ending[];
  #server: SimulatedServer | undefined;
  #serverProcess: Process | undefined;
  /** What the next server finds, once the last one has ended. */
  #left: Left | undefined;
  #ending: Ending | undefined;
  #passesLeft = 0;
  #steps = 0;
  #fingerprint = 0;
  #kills = 0;
  #powerCuts = 0;
  #diskErrors = 0;
  #isCalm = false;

  constructor(options: WorldOptions) {
    const { seed, files, directory, database } = options;
    this.#options = options;
    this.blockBytes = options.blockBytes;
    this.random = new Random(seed);
    beginTime(seed);
    this.#troubles = drawTroubles(this.random);
    this.#endings = [...this.#troubles.endings];
    this.#network = new Network(this, this.random);
    this.#network.faults = this.#troubles;
    useNetwork(this.#network);
    this.#disk = new Disk(this.random, files);
    if (this.#troubles.isSmall) this.storageErrors.add('ENOSPC');
    const roomBytes = this.#disk.usedBytes + this.#troubles.roomBytes;
    this.#disk.onCall = (call, name, growth) => this.#onDiskCall(call, name, growth, roomBytes);
    storage.disk = undefined;
    storage.directory = join(directory, 'disk');
    this.#database = join(storage.directory, database);
    this.#memoryDirectory = join(directory, 'memory');
    storage.removed = (path) => void this.#memories.delete(path);
    this.#left = { disk: files, memories: new Map(), isDoubtful: false };
    this.running = this.#processes.start(false);
    for (const home of options.homes.slice(0, this.#troubles.clients)) {
      this.clients.push(new SimulatedClient(home, this.#troubles.changesPerClient, this));
    }
    this.#bury();
  }

  get mostUnderWay(): number {
    return this.#troubles.mostUnderWay;
  }

  /** Lets it run to its end. */
  run(): WorldReport {
    this.trace(JSON.stringify(this.#troubles));
    try {
      while (this.#problems.length === 0 && !this.clients.every(({ isDone }) => isDone)) {
        this.#step();
      }
      this.#conclude();
    } catch (error) {
      this.report(error instanceof Error ? (error.stack as string) : String(error));
    }
    this.#bury();
    return {
      problems: this.#problems,
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
    this.#problems.push(problem);
  }

  trace(event: string): void {
    const line = `${this.#steps} ${clock.nowMs.toFixed(2)} ${event}`;
    this.#fingerprint = crc32(line, this.#fingerprint);
    this.#options.trace(line);
  }

  startProcess(): Process {
    return this.#processes.start(false);
  }

  keepMemory(path: string, memory: Uint8Array): void {
    if (this.running.isAlive) {
      this.#memories.set(path, memory);
    }
  }

  waitFor(condition: () => boolean, timeoutMs: number): void {
    const waiting = this.running;
    const deadlineMs = clock.nowMs + timeoutMs;
    while (
      waiting.isAlive &&
      !condition() &&
      clock.nowMs < deadlineMs &&
      this.#problems.length === 0
    ) {
      this.#step();
    }
    this.running = waiting;
    if (!waiting.isAlive || this.#problems.length > 0) {
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
    if (this.#server === undefined || this.#ending !== undefined || !this.random.oneIn(oneIn)) {
      return;
    }
    this.#ending = this.#endings.pop() ?? (this.hasDiskFailed ? 'kill' : undefined);
    this.#passesLeft = this.random.below(mostPassed);
  }

  #turnServer(): void {
    if (this.#server === undefined) {
      this.#startServer();
      return;
    }
    const server = this.#server;
    if (this.#ending === 'stop') {
      this.#runServer(() => server.stop());
      this.#end('stop');
    } else {
      this.#runServer(() => {
        // One that has nothing to do is killed as well.
        this.passKillPoint();
        server.turn();
      });
    }
    this.#bury();
  }

  /** Runs code of the server, which may be killed in the middle of it: then it runs on to no effect. */
  #runServer(action: () => void): void {
    const process = this.#serverProcess as Process;
    const before = this.running;
    this.running = process;
    try {
      action();
    } catch (error) {
      // One that cannot read or write its database when it starts says so and ends.
      const isRefusal = this.#server === undefined && this.storageErrors.size > 0;
      if (process.isAlive && !isRefusal) {
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
    this.#serverProcess = this.#processes.start(true);
    this.trace('a server starts');
    storage.disk = this.#disk;
    storage.isDead = false;
    this.#runServer(() => {
      this.#server = new SimulatedServer(this.running, {
        database: this.#database,
        unstableDirectory: this.#memoryDirectory,
        blockBytes: this.blockBytes,
        reportFault: (error) => this.#takeFault(error),
      });
      this.#network.hasListener = this.running.isAlive;
    });
    this.#bury();
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
    if (threads.size > 0 && this.#server !== undefined) {
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
      freeBytes: Math.max(0, roomBytes - this.#disk.usedBytes),
    };
    const { diskErrorsOneIn } = this.#troubles;
    if (growth > storage.room.freeBytes) return 'ENOSPC';
    const isFailing = !this.#isCalm && diskErrorsOneIn > 0 && this.#diskErrors < 2;
    if (!isFailing || !this.random.oneIn(diskErrorsOneIn)) {
      return undefined;
    }
    this.trace(`the disk fails: ${call} ${name}`);
    this.#diskErrors += 1;
    this.hasDiskFailed = true;
    this.storageErrors.add('EIO').add('EROFS');
    return 'EIO';
  }

  /** The server's process ends here and now: what it has done is done, and nothing that it still does. */
  #end(ending: Ending): void {
    const process = this.#serverProcess as Process;
    this.trace(`the server ends: ${ending}`);
    this.#processes.end(process);
    this.#network.hasListener = false;
    this.#network.dropProcess(process);
    for (const attempt of this.#network.attempts.splice(0)) {
      attempt.outcome = 'lost';
    }
    this.#ending = undefined;
    this.hasDiskFailed = false;
    if (ending === 'power cut') {
      this.#powerCuts += 1;
      this.#left = { disk: this.#disk.cutPower(), memories: new Map(), isDoubtful: true };
      this.#processes.boot();
      for (const client of this.clients) {
        this.#endClient(client);
      }
    } else {
      this.#kills += ending === 'kill' ? 1 : 0;
      // What an earlier server left stays until it is stored.
      const memories = new Map(readDirectory(this.#memoryDirectory));
      for (const [path, memory] of this.#memories) memories.set(basename(path), memory.slice());
      this.#left = { disk: readDirectory(storage.directory), memories, isDoubtful: false };
    }
    storage.disk = undefined;
    storage.isDead = true;
  }

  #endClient(client: SimulatedClient): void {
    const { process } = client;
    this.#processes.end(process);
    this.#network.dropProcess(process);
    client.losePower();
  }

  /** Puts what a server has left where the next one finds it. */
  #bury(): void {
    const left = this.#left;
    const isRunningServer = this.running.isServer;
    if (left === undefined || isRunningServer) {
      return;
    }
    this.#left = undefined;
    this.#server = undefined;
    threads.clear();
    closeDatabases();
    closeDescriptors();
    this.#memories.clear();
    fillDirectory(storage.directory, left.disk);
    fillDirectory(this.#memoryDirectory, left.memories);
    if (this.#serverProcess !== undefined && (left.isDoubtful || this.random.oneIn(4))) {
      this.#check(left.disk);
    }
  }

  /** The structure is whole after each ending: looked at after those that can harm it most. */
  #check(files: Files): void {
    const directory = join(this.#options.directory, 'check');
    fillDirectory(directory, files);
    try {
      const { findings } = fsck(join(directory, basename(this.#database)), { isRepair: false });
      if (findings.length > 0) {
        this.report(`fsck: ${JSON.stringify(findings)}`);
      }
    } catch (error) {
      this.report(`fsck: ${error instanceof Error ? error.stack : error}`);
    }
    closeDescriptors();
  }

  /** Nothing more goes wrong: the server stops, and what it leaves is whole. */
  #conclude(): void {
    this.#isCalm = true;
    const server = this.#server;
    if (server !== undefined && this.#problems.length === 0) {
      this.#ending = undefined;
      this.#runServer(() => server.stop());
    }
    if (this.#serverProcess?.isAlive) {
      this.#end('stop');
    }
  }
}
