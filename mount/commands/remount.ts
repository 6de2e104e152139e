import { MountFlag, mount } from '../../nic/system-calls-fuse.ts';
import { CommandError, describeError } from '../command-error.ts';
import { kernelFlagBits } from '../kernel-flags.ts';
import { parseRemountOptions } from '../mount-options.ts';
import { canonicalDirectory } from '../mount-point.ts';
import { DAFS_FILE_SYSTEM_TYPE, findMount } from '../mount-table.ts';

/**
 * `dafs mount -o remount,…`: changes what the kernel keeps of a mount that is there. Whatever is not
 * named stays as it is, and its processes see no interruption.
 *
 * @param lists the arguments of every `-o`
 * @throws CommandError NOT_MOUNTED, NO_PERMISSION, or what is wrong with the options
 */
export function remountCommand(path: string, lists: readonly string[]): void {
  const directory = canonicalDirectory(path);
  const entry = findMount(directory);
  if (entry?.fileSystemType !== DAFS_FILE_SYSTEM_TYPE) {
    throw new CommandError('NOT_MOUNTED', `${directory} is not a dafs mount`);
  }
  const { kernelFlags } = parseRemountOptions(lists, entry.options);
  if (process.geteuid?.() !== 0) {
    throw new CommandError('NO_PERMISSION', `only root can remount ${directory}`);
  }
  try {
    const flags = MountFlag.REMOUNT | kernelFlagBits(kernelFlags);
    mount(entry.source, directory, entry.fileSystemType, flags, '');
  } catch (error) {
    const message = `cannot remount ${directory}: ${describeError(error)}`;
    throw new CommandError('MOUNT_FAILED', message, { cause: error });
  }
}
