/**
 * The mount options `sync` and `dirsync`: a change is on stable storage when its call returns. What
 * `sync` says of written data is not seen here: the kernel sends an FSYNC after each write.
 */

import type { FileSystem, Nodeid } from './file-system.ts';
import type { KernelFlag } from './kernel-flags.ts';

/** Which changes wait for stable storage: those of directories alone, or all. */
export type SynchronousChanges = 'directories' | 'all';

/** What a mount's flags demand; undefined where changes become stable in the background. */
export function synchronousChanges(flags: ReadonlySet<KernelFlag>): SynchronousChanges | undefined {
  if (flags.has('sync')) return 'all';
  return flags.has('dirsync') ? 'directories' : undefined;
}

type Method = (...args: unknown[]) => unknown;

/** Methods of a file system that change a directory, and which argument is its nodeid. */
const directoryChanges = {
  mknod: 1,
  mkdir: 1,
  symlink: 1,
  link: 2,
  unlink: 1,
  rmdir: 1,
  rename: 1,
  create: 1,
  tmpfile: 1,
} as const satisfies { [Name in keyof FileSystem]?: number };

/** Methods that change what else a file is, and which argument is its nodeid. */
const otherChanges = { setattr: 1 } as const satisfies { [Name in keyof FileSystem]?: number };

/** Makes a file system wait, at the end of each such change, until it is on stable storage. */
export function makeSynchronous(fileSystem: FileSystem, changes: SynchronousChanges): void {
  const methods = changes === 'all' ? { ...directoryChanges, ...otherChanges } : directoryChanges;
  const table = fileSystem as unknown as Record<string, Method>;
  for (const [name, place] of Object.entries(methods)) {
    const change = (table[name] as Method).bind(fileSystem);
    table[name] = (...args) => {
      const result = change(...args);
      fileSystem.fsyncdir(args[place] as Nodeid, false);
      return result;
    };
  }
}
