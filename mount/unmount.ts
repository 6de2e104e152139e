import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { CommandError, describeError } from './command-error.ts';
import { findMountUsers, namesOf } from './processes.ts';

const run = promisify(execFile);

/** How often and how long a mount that is busy is tried again: programs just closing files. */
export interface UnmountOptions {
  /** Takes the directory away at once; files that are open stay usable until they are closed. */
  lazy: boolean;
}

/**
 * Asks the kernel to unmount `directory` (a canonical path). As root through umount(8), as another
 * user through fusermount, which may do it for mounts that the user made.
 *
 * @throws CommandError BUSY (naming the processes that use it) or UNMOUNT_FAILED.
 */
export async function unmountDirectory(directory: string, options: UnmountOptions): Promise<void> {
  let failure: unknown;
  for (const [program, ...args] of unmountCommands(directory, options)) {
    try {
      await run(program as string, args, { env: { ...process.env, LC_ALL: 'C' } });
      return;
    } catch (error) {
      failure = error;
      // A program that is not there leaves the word to the next one.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') break;
    }
  }
  throw explainFailure(directory, failure);
}

function unmountCommands(directory: string, { lazy }: UnmountOptions): string[][] {
  const fusermount = (program: string) => [program, '-u', ...(lazy ? ['-z'] : []), directory];
  const commands = [fusermount('fusermount3'), fusermount('fusermount')];
  if (process.geteuid?.() === 0) {
    // Without --no-canonicalize umount(8) would look at the directory, which a dead mount refuses.
    commands.unshift(['umount', '--no-canonicalize', ...(lazy ? ['-l'] : []), directory]);
  }
  return commands;
}

function explainFailure(directory: string, failure: unknown): CommandError {
  const stderr = (failure as { stderr?: string }).stderr?.trim() ?? '';
  if (/busy/i.test(stderr)) {
    const users = findMountUsers(directory);
    const who = users.length > 0 ? `: ${namesOf(users)}` : '';
    return new CommandError('BUSY', `${directory} is in use${who}`, { cause: failure });
  }
  const reason = stderr.split('\n', 1)[0] || describeError(failure);
  return new CommandError('UNMOUNT_FAILED', `cannot unmount ${directory}: ${reason}`, {
    cause: failure,
  });
}
