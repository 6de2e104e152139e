/**
 * The life of one mount, in the process that serves it: server, driver, record; then waiting until
 * the kernel lets go; then everything back again, with what was written on stable storage.
 */

import { DafsError } from '../client/dafs-error.ts';
import { giveBackAfterStart } from '../nic/heap.ts';
import { keepMallocSmall } from '../nic/system-calls.ts';
import { CommandError } from './command-error.ts';
import { assertDriverKnown, type DriverMount, loadDriver } from './driver.ts';
import { type EmbeddedServer, startEmbeddedServer } from './embedded-server.ts';
import type { MountOptions } from './mount-options.ts';
import { checkFuseDevice, checkMountPoint } from './mount-point.ts';
import { type MountRecord, publishRecord, removeRecord } from './mount-record.ts';
import { identifyProcess, type ProcessIdentity } from './processes.ts';
import { assertServerRuns, type Source } from './source.ts';
import { unmountDirectory } from './unmount.ts';

export interface MountRequest {
  source: Source;
  /** As the user wrote it. */
  directory: string;
  options: MountOptions;
  driver: string;
  /** Where this process's output goes when it is in the background. */
  log: string | undefined;
}

/** A mount that can be used. */
export interface RunningMount {
  readonly record: MountRecord;
  /**
   * Asks the kernel to let go. When programs still use the mount, it disappears from the directory
   * tree at once and ends with the last of them.
   */
  unmount(): Promise<void>;
  /** Takes the directory out of the tree at once, whoever uses it. */
  detach(): Promise<void>;
  /** Resolves when the mount has ended, everything is stable and nothing is left behind. */
  readonly ended: Promise<void>;
}

/**
 * Everything that can be found wrong before anything is started.
 *
 * @returns the canonical path of the directory
 * @throws CommandError
 */
export async function checkMountRequest(request: MountRequest): Promise<string> {
  const directory = checkMountPoint(request.directory, request.options);
  checkFuseDevice();
  assertDriverKnown(request.driver);
  if (request.source.kind === 'server') {
    for (const [name, [option]] of request.options.server) {
      throw new CommandError(
        'INVALID_OPTION',
        `mount option ${name} is for a database; a running server has its own (dafs serve ${option})`,
      );
    }
    await assertServerRuns(request.source.name);
  }
  return directory;
}

/**
 * Mounts and resolves when the directory is usable.
 *
 * @throws CommandError, with nothing left behind
 */
export async function startMount(request: MountRequest): Promise<RunningMount> {
  keepMallocSmall();
  const directory = await checkMountRequest(request);
  const driver = await loadDriver(request.driver);
  driver.check();
  const { source, options } = request;
  let record: MountRecord | undefined;
  const server =
    source.kind === 'database'
      ? await startEmbeddedServer({
          database: source.path,
          options: serverArguments(options),
          isAwaitedHere: driver.isInMainThread,
          onRunning(process) {
            if (record === undefined) return;
            record = { ...record, server: process };
            publishRecord(record);
          },
        })
      : undefined;
  const serverName = source.kind === 'server' ? source.name : (server as EmbeddedServer).name;
  try {
    const mount = await driver.mount({
      directory,
      source: options.fsname ?? source.label,
      serverName,
      exclusive: server !== undefined,
      options,
    });
    record = {
      directory,
      source: source.label,
      driver: request.driver,
      serverName,
      process: identifyProcess(process.pid) as ProcessIdentity,
      server: server?.process,
      log: request.log,
      mountedAt: new Date().toISOString(),
    };
    publishRecord(record);
    giveBackAfterStart();
    const published = record;
    return {
      record: published,
      unmount: () => unmountOrDetach(directory),
      detach: () => unmountDirectory(directory, { lazy: true }),
      ended: finish(mount, server, published),
    };
  } catch (error) {
    await server?.stop();
    if (!(error instanceof DafsError)) throw error;
    throw new CommandError(
      'SERVER_FAILED',
      `no connection to the server ${serverName}: ${error.message}`,
      {
        cause: error,
      },
    );
  }
}

async function finish(
  mount: DriverMount,
  server: EmbeddedServer | undefined,
  record: MountRecord,
): Promise<void> {
  await mount.ended;
  try {
    await mount.close();
  } finally {
    await server?.stop();
    removeRecord(record);
  }
}

async function unmountOrDetach(directory: string): Promise<void> {
  try {
    await unmountDirectory(directory, { lazy: false });
  } catch (error) {
    if (!(error instanceof CommandError && error.code === 'BUSY')) throw error;
    process.stderr.write(`dafs: ${error.message}; it is detached and ends with the last of them\n`);
    await unmountDirectory(directory, { lazy: true });
  }
}

/** What the server that is started for a mount is told. */
function serverArguments({ server, ordma }: MountOptions): string[] {
  return [...[...server.values()].flat(), ...(ordma ? [] : ['--no-ordma'])];
}
