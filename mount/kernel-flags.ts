/** The flags that the kernel itself keeps for a mount (mount(2)), by their names in mount(8). */

import { MountFlag } from '../nic/system-calls-fuse.ts';

const bits = {
  ro: MountFlag.RDONLY,
  nosuid: MountFlag.NOSUID,
  nodev: MountFlag.NODEV,
  noexec: MountFlag.NOEXEC,
  nosymfollow: MountFlag.NOSYMFOLLOW,
  sync: MountFlag.SYNCHRONOUS,
  dirsync: MountFlag.DIRSYNC,
} as const;

/** The mount table shows it by the same name. */
export type KernelFlag = keyof typeof bits;

export const kernelFlags = Object.keys(bits) as readonly KernelFlag[];

/** The `mountflags` of mount(2). */
export function kernelFlagBits(flags: Iterable<KernelFlag>): number {
  let sum = 0;
  for (const flag of flags) sum |= bits[flag];
  return sum;
}
