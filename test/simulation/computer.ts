import { basename, join } from 'node:path';
import { fsck } from '../../server/fsck/fsck.ts';
import type { Random } from '../support/random.ts';
import { type Files, fillDirectory, readDirectory } from './machine/directories.ts';
import { Disk } from './machine/disk.ts';
import { Processes } from './machine/processes.ts';
import { closeDescriptors, storage } from './machine/storage.ts';
import type { Process } from './nic/network.ts';
import { threads } from './nic/threads.ts';
import { closeDatabases, SimulatedServer } from './server.ts';

export interface ComputerOptions {
  /** A directory in memory, for this computer alone. */
  readonly directory: string;
  /** What the disk has at first, by name. */
  readonly files: Files;
  readonly database: string;
  readonly blockBytes: number;
}

/** What a server has left: files by their names, on the disk and in memory. */
interface Left {
  readonly disk: Files;
  readonly memories: Files;
}

/** The computer that the server runs on: its processes, its disk, and memory that outlives a process. */
export class Computer {
  readonly processes = new Processes();
  readonly disk: Disk;
  /** The server that is there, and the process that is or was it. */
  server: SimulatedServer | undefined;
  process: Process | undefined;
  readonly #options: ComputerOptions;
  readonly #memoryDirectory: string;
  readonly #memories = new Map<string, Uint8Array>();
  /** What the next server finds, once the last one has ended. */
  #left: Left | undefined;

  constructor(random: Random, options: ComputerOptions) {
    const { directory, files } = options;
    this.#options = options;
    this.disk = new Disk(random, files);
    this.#memoryDirectory = join(directory, 'memory');
    storage.disk = undefined;
    storage.directory = join(directory, 'disk');
    storage.removed = (path) => void this.#memories.delete(path);
    this.#left = { disk: files, memories: new Map() };
    this.bury();
  }

  /** Memory with a path, which stays when the process ends that has made it. */
  keepMemory(path: string, memory: Uint8Array): void {
    if (this.process?.isAlive) {
      this.#memories.set(path, memory);
    }
  }

  /** Makes the process of a server; `open` is what it does first. */
  startProcess(): Process {
    this.process = this.processes.start(true);
    storage.disk = this.disk;
    storage.isDead = false;
    return this.process;
  }

  /** @throws what opening the database throws */
  open(process: Process, reportFault: (error: unknown) => void): void {
    const { database, blockBytes } = this.#options;
    this.server = new SimulatedServer(process, {
      database: join(storage.directory, database),
      unstableDirectory: this.#memoryDirectory,
      blockBytes,
      reportFault,
    });
  }

  /** The server's process ends here and now: what it has done is done, and nothing that it still does. */
  endProcess(process: Process): void {
    this.processes.end(process);
    // What an earlier server left stays until it is stored.
    const memories = new Map(readDirectory(this.#memoryDirectory));
    for (const [path, memory] of this.#memories) memories.set(basename(path), memory.slice());
    this.#left = { disk: readDirectory(storage.directory), memories };
    storage.disk = undefined;
    storage.isDead = true;
  }

  /** The same for all that runs, and whatever is in memory. */
  cutPower(process: Process): void {
    this.processes.end(process);
    this.processes.boot();
    this.#left = { disk: this.disk.cutPower(), memories: new Map() };
    storage.disk = undefined;
    storage.isDead = true;
  }

  /**
   * Puts what a server has left where the next one finds it; not while it still runs on to no effect.
   * @returns whether there was any
   */
  bury(): boolean {
    const left = this.#left;
    if (left === undefined) {
      return false;
    }
    this.#left = undefined;
    this.server = undefined;
    threads.clear();
    closeDatabases();
    closeDescriptors();
    this.#memories.clear();
    fillDirectory(storage.directory, left.disk);
    fillDirectory(this.#memoryDirectory, left.memories);
    return true;
  }

  /** What fsck finds in the files that are there while no server is. */
  check(): string | undefined {
    const { directory, database } = this.#options;
    const copy = join(directory, 'check');
    fillDirectory(copy, readDirectory(storage.directory));
    try {
      const { findings } = fsck(join(copy, database), { isRepair: false });
      return findings.length > 0 ? `fsck: ${JSON.stringify(findings)}` : undefined;
    } catch (error) {
      return `fsck: ${error instanceof Error ? error.stack : error}`;
    } finally {
      closeDescriptors();
    }
  }
}
