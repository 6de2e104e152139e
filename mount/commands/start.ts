import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { reportingErrors } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { parseMountOptions } from '../mount-options.ts';
import { checkMountPoint } from '../mount-point.ts';
import { defaultMountOptions, mountCommand } from './mount.ts';

/**
 * `npm start -- DIRECTORY`: mounts this user's own database on a directory, in the foreground. The
 * database is made at the first start, and nothing else ever is.
 */
export async function runStart(args: readonly string[]): Promise<void> {
  await reportingErrors(async () => {
    const [directory, ...rest] = args;
    if (!directory || rest.length > 0) {
      throw new CommandError('INVALID_OPTION', 'say where to mount: npm start -- DIRECTORY');
    }
    // Before anything is made for a mount that cannot be.
    checkMountPoint(directory, parseMountOptions([]));
    await mountCommand(defaultDatabase(), directory, { ...defaultMountOptions, foreground: true });
  });
}

/** Where the files of `npm start` live (the XDG base directory specification). */
function defaultDatabase(): string {
  const data = process.env.XDG_DATA_HOME || join(homedir(), '.local', 'share');
  const directory = join(data, 'dafs');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return join(directory, 'default.sqlite');
}
