/**
 * The `dafs` command: what can be said on its command line.
 */

import { Command, Option } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { CommandError, describeError } from './command-error.ts';
import { defaultMountOptions } from './commands/mount.ts';
import { driverNames } from './driver.ts';
import { describeMountOptions } from './mount-options.ts';
import { formatTable } from './table.ts';

const collect = (value: string, previous: string[] = []): string[] => [...previous, value];

/** Builds the command line; each command's code is loaded when it is asked for. */
export function buildProgram(): Command {
  const program = new Command('dafs')
    .description(
      'Files over DAFS, the Direct Access File System: served from SQLite, mounted by FUSE.',
    )
    .version(packageJson.version)
    .showHelpAfterError('(dafs --help says more)');
  addStart(program);
  addMount(program);
  addUmount(program);
  addServe(program);
  addStatus(program);
  addFsck(program);
  addBackup(program);
  addBench(program);
  return program;
}

/** Runs the command line and leaves the exit status in process.exitCode. */
export async function runProgram(args: readonly string[]): Promise<void> {
  const program = buildProgram();
  await reportingErrors(() => program.parseAsync(withCommand(program, args), { from: 'user' }));
}

/**
 * mount(8) and fstab(5) know no commands: for the type `fuse.dafs`, mount.fuse runs
 * `dafs SOURCE DIRECTORY -o OPTION,...`.
 */
function withCommand({ commands }: Command, args: readonly string[]): readonly string[] {
  const [first, , third] = args;
  const isMount = third === '-o' && commands.every((command) => command.name() !== first);
  return isMount ? ['mount', ...args] : args;
}

/** What a user did wrong costs one line; what we did wrong keeps its stack. */
async function reportingErrors(action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
  } catch (error) {
    const isExpected = error instanceof CommandError;
    const text = isExpected ? describeError(error) : ((error as Error).stack ?? String(error));
    process.stderr.write(`dafs: ${text}\n`);
    process.exitCode = 1;
  }
}

function addStart(program: Command): void {
  program
    .command('start')
    .description('mount your own files, in the foreground; Ctrl-C unmounts')
    .argument('<directory>', 'an existing, empty directory')
    .action(async (directory) => {
      const { startCommand } = await import('./commands/start.ts');
      await startCommand(directory);
    });
}

function addMount(program: Command): void {
  program
    .command('mount')
    .description('mount a file system; returns when the directory is usable')
    .argument('<source>', 'an SQLite file (made when missing), or dafs:NAME, a running server')
    .argument('<directory>', 'an existing, empty directory')
    .option('-o, --options <option,...>', 'mount options, as in mount(8)', collect)
    .option('-f, --foreground', 'stay in the foreground; Ctrl-C unmounts', false)
    .addOption(
      new Option('--driver <name>', 'how to speak to FUSE').default(defaultMountOptions.driver),
    )
    .addHelpText(
      'after',
      () => `\nDrivers: ${driverNames.join(', ')}\n\nMount options:\n${optionHelp()}`,
    )
    .action(async (source, directory, options) => {
      const { mountCommand } = await import('./commands/mount.ts');
      await mountCommand(source, directory, options);
    });
}

function addUmount(program: Command): void {
  program
    .command('umount')
    .description('unmount; returns when everything is on stable storage')
    .argument('<directory>', 'where it is mounted')
    .action(async (directory) => {
      const { umountCommand } = await import('./commands/umount.ts');
      await umountCommand(directory);
    });
}

function addServe(program: Command): void {
  program
    .command('serve')
    .description('serve a database to any number of mounts and programs, until Ctrl-C')
    .argument('<database>', 'an SQLite file (made when missing)')
    .option('--name <name>', "what clients call it (default: the file's name)")
    .option('--cache <size>', 'memory for cached blocks, such as 256M (the default)')
    .option('--block-size <size>', 'bytes of a block of a new database')
    .option('--no-ordma', 'let no client read the block cache by itself')
    .option('--size <size>', 'what all files may take, such as 10G (default: what the disk has)')
    .option('--inodes <number>', 'how many files and directories there may be')
    .option('--user-size <size>', 'what the files of one user may take, unless that is root')
    .option('--user-inodes <number>', 'how many files and directories one such user may have')
    .option('--password-file <file>', 'users that may prove themselves by a password')
    .action(async (database, options) => {
      const { serveCommand } = await import('./commands/serve.ts');
      await serveCommand(database, options);
    });
}

function addStatus(program: Command): void {
  program
    .command('status')
    .description('show the servers, sessions and mounts of this machine')
    .option('--json', 'for programs', false)
    .action(async (options) => {
      const { statusCommand } = await import('./commands/status.ts');
      await statusCommand(options);
    });
}

function addFsck(program: Command): void {
  program
    .command('fsck')
    .description('look for damage in a database that no server has open, and mend it')
    .argument('<database>', 'an SQLite file')
    .option('--repair', 'mend what can be mended', false)
    .option('--json', 'for programs', false)
    .addHelpText('after', '\nExit status: 0 clean, 1 all mended, 4 damage left, 8 not checked.')
    .action(async (database, options) => {
      const { fsckCommand } = await import('./commands/fsck.ts');
      await fsckCommand(database, options);
    });
}

function addBackup(program: Command): void {
  program
    .command('backup')
    .description('copy a file system as it is at one moment, while clients write')
    .argument('<source>', 'dafs:NAME, a running server, or an SQLite file that none has open')
    .argument('<target>', 'a new SQLite file')
    .action(async (source, target) => {
      const { backupCommand } = await import('./commands/backup.ts');
      await backupCommand(source, target);
    });
}

function addBench(program: Command): void {
  program
    .command('bench')
    .description('measure a mount beside other directories and the library, by the same jobs')
    .argument(
      '[directories...]',
      'what to compare with; a dafs mount among them is measured instead of a fresh one',
    )
    .option('--jobs <group,...>', 'random, sequential, sync, sizes, metadata, tree (default: all)')
    .option('--seconds <number>', 'how long one measurement lasts', '0.75')
    .option('--rounds <number>', 'how often each is made; medians count', '3')
    .option('--html <file>', 'write the report as a page')
    .option('--json <file>', 'write the figures, for programs and for --compare')
    .option('--compare <file>', 'say what has changed since a run that --json has stored')
    .action(async (directories, options) => {
      const { benchCommand } = await import('./commands/bench.ts');
      await benchCommand(directories, options);
    });
}

function optionHelp(): string {
  const { effective, ignored } = describeMountOptions();
  const lines = formatTable(effective).map((line) => `  ${line}`);
  return [...lines, '', 'Accepted without effect:', `  ${ignored.join(', ')}`].join('\n');
}
