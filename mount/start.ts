/**
 * `npm start -- DIRECTORY`: mounts this user's own database on a directory, in the foreground.
 */

import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { reportingErrors } from './command.ts';
import { CommandError } from './command-error.ts';
import { defaultMountOptions, mountCommand } from './commands/mount.ts';

/** Where the files of `npm start` live (the XDG base directory specification). */
function defaultDatabase(): string {
  const data = process.env.XDG_DATA_HOME || join(homedir(), '.local', 'share');
  const directory = join(data, 'dafs');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return join(directory, 'default.sqlite');
}

await reportingErrors(async () => {
  const [directory, ...rest] = process.argv.slice(2);
  if (!directory || rest.length > 0) {
    throw new CommandError('NO_SUCH_DIRECTORY', 'say where to mount: npm start -- DIRECTORY');
  }
  await mountCommand(defaultDatabase(), directory, { ...defaultMountOptions, foreground: true });
});
