import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseMountOptions } from '../mount-options.ts';
import { checkMountPoint } from '../mount-point.ts';
import { defaultMountOptions, mountCommand } from './mount.ts';

/**
 * `dafs start`, and `npm start`: mounts this user's own database on a directory, in the foreground.
 * The database is made at the first start, and nothing else ever is.
 *
 * @throws CommandError
 */
export async function startCommand(directory: string): Promise<void> {
  // Before anything is made for a mount that cannot be.
  checkMountPoint(directory, parseMountOptions([]));
  await mountCommand(defaultDatabase(), directory, { ...defaultMountOptions, foreground: true });
}

/** Where these files live (the XDG base directory specification). */
function defaultDatabase(): string {
  const data = process.env.XDG_DATA_HOME || join(homedir(), '.local', 'share');
  const directory = join(data, 'dafs');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return join(directory, 'default.sqlite');
}
