import { rmSync } from 'node:fs';
import { LOG_VARIABLE, runInBackground } from '../background.ts';
import { CommandError, describeError } from '../command-error.ts';
import { DEFAULT_DRIVER } from '../driver.ts';
import { isRemount, parseMountOptions } from '../mount-options.ts';
import { canonicalDirectory } from '../mount-point.ts';
import {
  checkMountRequest,
  type MountRequest,
  type RunningMount,
  startMount,
} from '../mount-process.ts';
import { isDeadMount } from '../mount-record.ts';
import { report } from '../program.ts';
import { parseSource } from '../source.ts';
import { remountCommand } from './remount.ts';
import { umountCommand } from './umount.ts';

export interface MountCommandOptions {
  /** The arguments of every `-o`. */
  options?: string[];
  foreground: boolean;
  driver: string;
}

export const defaultMountOptions: MountCommandOptions = {
  foreground: false,
  driver: DEFAULT_DRIVER,
};

/**
 * `dafs mount`: returns when the directory is usable, or with `foreground` when the mount has ended.
 *
 * @throws CommandError
 */
export async function mountCommand(
  source: string,
  directory: string,
  command: MountCommandOptions,
): Promise<void> {
  const lists = command.options ?? [];
  if (isRemount(lists)) return remountCommand(directory, lists);
  // It answers nothing any more, and the new one takes its place.
  const mountPoint = canonicalDirectory(directory);
  if (isDeadMount(mountPoint)) await umountCommand(mountPoint);
  const request: MountRequest = {
    source: parseSource(source),
    directory,
    options: parseMountOptions(lists),
    driver: command.driver,
    log: process.env[LOG_VARIABLE],
  };
  if (command.foreground) return mountInForeground(request);
  // Checked here as well, where the user's own working directory and words are at hand.
  const canonical = await checkMountRequest(request);
  const { kind, label } = request.source;
  const absoluteSource = kind === 'database' ? request.source.path : label;
  await runInBackground([
    ...['mount', '--foreground', '--driver', command.driver],
    ...lists.flatMap((list) => ['-o', list]),
    ...['--', absoluteSource, canonical],
  ]);
}

async function mountInForeground(request: MountRequest): Promise<void> {
  const isBackground = process.send !== undefined;
  let mount: RunningMount;
  try {
    mount = await startMount(request);
  } catch (error) {
    if (!isBackground) throw error;
    const code = error instanceof CommandError ? error.code : 'MOUNT_FAILED';
    report({ type: 'failed', code, message: describeError(error) });
    process.exitCode = 1;
    process.disconnect();
    return;
  }
  unmountOnSignals(mount);
  detachOnFaults(mount);
  if (isBackground) {
    report({ type: 'ready', name: mount.record.serverName });
    process.disconnect();
  } else {
    const { source, directory } = mount.record;
    process.stdout.write(`${source} is mounted on ${directory}; Ctrl-C unmounts it\n`);
  }
  await mount.ended;
  if (request.log) rmSync(request.log, { force: true });
}

function unmountOnSignals(mount: RunningMount): void {
  let isUnmounting = false;
  const unmount = () => {
    // A second Ctrl-C changes nothing: the first is carried out to its end, or nothing was flushed.
    if (isUnmounting) return;
    isUnmounting = true;
    mount.unmount().catch((error) => {
      isUnmounting = false;
      process.stderr.write(`dafs: ${describeError(error)}\n`);
    });
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, unmount);
}

/** A fault of ours must not leave a directory behind in which everything fails. */
function detachOnFaults(mount: RunningMount): void {
  process.once('uncaughtException', (fault) => {
    process.stderr.write(`dafs: ${fault.stack}\n`);
    mount
      .detach()
      .catch((error) => process.stderr.write(`dafs: ${describeError(error)}\n`))
      .finally(() => process.exit(1));
  });
}
