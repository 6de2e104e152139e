/** Opens what is to be measured, and leaves nothing behind of it. */
import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statfsSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runInBackground } from '../background.ts';
import { CommandError } from '../command-error.ts';
import { umountCommand } from '../commands/umount.ts';
import { DEFAULT_DRIVER } from '../driver.ts';
import { startEmbeddedServer } from '../embedded-server.ts';
import { checkFuseDevice } from '../mount-point.ts';
import { DAFS_FILE_SYSTEM_TYPE, mountOf } from '../mount-table.ts';
import { type CheckedDirectory, checkDirectory, makeWorkDirectory } from './directories.ts';
import type { Place } from './place.ts';
import { findServers } from './servers.ts';

/** tmpfs, on every Linux: so that no disk is measured. */
const MEMORY_DIRECTORY = '/dev/shm';

/** A database, its log, and what of it is written anew: of what one target holds, so many times. */
const DATABASE_FACTOR = 3;

const UNMOUNT_PATIENCE_MS = 20_000;
const UNMOUNT_PAUSE_MS = 100;

/** Requests that the library has under way when it does not wait for each. */
const PIPELINE_DEPTH = 8;

export interface PlacesRequest {
  /** As the user wrote them. */
  readonly directories: readonly string[];
  readonly hasLibrary: boolean;
  /** What the jobs write at one target, at most. */
  readonly neededBytes: number;
}

/** All targets of a run, the mount first. */
export class Places {
  readonly all: Place[] = [];
  /** For what is made once, and where databases lie. */
  readonly scratch: string;
  readonly #request: PlacesRequest;
  /** What undoes what was done, latest last. */
  readonly #undo: (() => unknown)[] = [];

  private constructor(request: PlacesRequest) {
    this.#request = request;
    this.scratch = makeScratch(request.neededBytes * (2 * DATABASE_FACTOR + 1));
    this.#undo.push(() => rmSync(this.scratch, { recursive: true, force: true }));
  }

  /**
   * Checks all that the user named before anything is started, then opens it.
   *
   * @throws CommandError, with nothing left behind
   */
  static async open(request: PlacesRequest): Promise<Places> {
    const { directories, neededBytes } = request;
    const checked = directories.map((text) => checkDirectory(text, neededBytes));
    const paths = checked.map(({ path }) => path);
    const twice = paths.find((path, index) => paths.indexOf(path) !== index);
    if (twice !== undefined) throw new CommandError('INVALID_OPTION', `${twice} is given twice`);
    const places = new Places(request);
    try {
      await places.#openAll(checked);
    } catch (error) {
      await places.close();
      throw error;
    }
    return places;
  }

  /** Unmounts and removes all that was made, whatever of it fails. */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (const undo of this.#undo.splice(0).reverse()) {
      try {
        await undo();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  async #openAll(checked: readonly CheckedDirectory[]): Promise<void> {
    const isOwn = ({ mount }: CheckedDirectory) => mount.fileSystemType === DAFS_FILE_SYSTEM_TYPE;
    const own = checked.filter(isOwn);
    if (own.length === 0) await this.#openEmbedded();
    for (const one of own) await this.#openDirectory(one, one.path);
    for (const one of checked.filter((one) => !isOwn(one)))
      await this.#openDirectory(one, one.path);
    if (checked.length === 0) await this.#openLocal();
    if (this.#request.hasLibrary) await this.#openLibrary();
  }

  /** This project's mount, with its defaults, of a fresh database. */
  async #openEmbedded(): Promise<void> {
    checkFuseDevice();
    const directory = join(this.scratch, 'mount');
    mkdirSync(directory);
    const database = join(this.scratch, 'mount.sqlite');
    const command = [
      'mount',
      '--foreground',
      '--driver',
      DEFAULT_DRIVER,
      '--',
      database,
      directory,
    ];
    await runInBackground(command);
    this.#undo.push(() => unmountWhenUnused(directory));
    await this.#openDirectory({ path: directory, mount: mountOf(directory) }, 'dafs');
  }

  /** What the kernel does with no protocol between, on the file system that has the mount's database. */
  async #openLocal(): Promise<void> {
    const { fileSystemType } = mountOf(this.scratch);
    const path = join(this.scratch, 'local');
    mkdirSync(path);
    await this.#openDirectory({ path, mount: mountOf(path) }, `local ${fileSystemType}`);
  }

  async #openDirectory(checked: CheckedDirectory, name: string): Promise<void> {
    const directory = makeWorkDirectory(checked.path);
    this.#undo.push(() => rmSync(directory, { recursive: true, force: true }));
    const file = join(directory, 'bench.data');
    const { fileSystemType, source, options } = checked.mount;
    const { processes, note } = await findServers(checked.mount);
    this.all.push({
      target: {
        name,
        kind: fileSystemType === DAFS_FILE_SYSTEM_TYPE ? 'dafs' : 'directory',
        description: `${fileSystemType} of ${source}`,
        mountOptions: [...new Set(options)].join(','),
        processorTime: note,
      },
      servers: processes,
      files: { checked, directory, file, isDirect: canOpenDirect(file) },
      library: undefined,
    });
  }

  /** The user-level library, with a server and a fresh database of its own. */
  async #openLibrary(): Promise<void> {
    const database = join(this.scratch, 'library.sqlite');
    const server = await startEmbeddedServer({ database, options: [], isAwaitedHere: false });
    this.#undo.push(() => server.stop());
    const common = { kind: 'library', mountOptions: '', processorTime: 'server process' } as const;
    const rows = [
      { name: 'library', depth: 1, isOrdma: false, description: 'one read at a time' },
      {
        ...{ name: `library, ${PIPELINE_DEPTH} under way`, depth: PIPELINE_DEPTH, isOrdma: false },
        description: `${PIPELINE_DEPTH} reads under way, in one thread`,
      },
      {
        ...{ name: 'library, ORDMA', depth: 1, isOrdma: true },
        description: "one at a time out of the server's cache, without a message, as mounts do",
      },
    ];
    for (const { name, description, ...how } of rows) {
      this.all.push({
        target: { ...common, name, description: `client/ in a program: ${description}` },
        servers: server.process ? { server: [server.process.pid] } : {},
        files: undefined,
        library: { serverName: server.name, ...how },
      });
    }
  }
}

/** A program that was just ended may still be letting go of its file. */
async function unmountWhenUnused(directory: string): Promise<void> {
  const giveUpMs = performance.now() + UNMOUNT_PATIENCE_MS;
  for (;;) {
    try {
      await umountCommand(directory);
      return;
    } catch (error) {
      const isBusy = error instanceof CommandError && error.code === 'BUSY';
      if (!isBusy || performance.now() > giveUpMs) throw error;
      await sleep(UNMOUNT_PAUSE_MS);
    }
  }
}

/** In memory when there is room, else where temporary files go. */
function makeScratch(neededBytes: number): string {
  return mkdtempSync(
    join(hasRoom(MEMORY_DIRECTORY, neededBytes) ? MEMORY_DIRECTORY : tmpdir(), 'dafs-bench-'),
  );
}

function hasRoom(path: string, neededBytes: number): boolean {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize >= neededBytes;
  } catch {
    return false;
  }
}

/** Some file systems have no O_DIRECT: open(2) says EINVAL. */
function canOpenDirect(file: string): boolean {
  closeSync(openSync(file, 'w'));
  try {
    closeSync(openSync(file, constants.O_RDWR | constants.O_DIRECT));
    return true;
  } catch {
    return false;
  }
}
