import { describe, expect, it } from 'vitest';
import type { Caller, FileSystem, Nodeid } from '../../../mount/file-system.ts';
import type { KernelFlag } from '../../../mount/kernel-flags.ts';
import {
  makeSynchronous,
  type SynchronousChanges,
  synchronousChanges,
} from '../../../mount/synchronous-changes.ts';

const caller = {} as Caller;
const name = Buffer.from('name');
const directory = 7 as Nodeid;
const other = 9 as Nodeid;

/** What a file system was asked to do, by the names of its methods, with what was synced. */
function recorded(changes: SynchronousChanges): { fileSystem: FileSystem; log: string[] } {
  const log: string[] = [];
  const methods = ['mkdir', 'link', 'rename', 'unlink', 'setattr', 'lookup'];
  const table: Record<string, unknown> = Object.fromEntries(
    methods.map((method) => [method, () => log.push(method)]),
  );
  table.rmdir = () => {
    throw new Error('not empty');
  };
  for (const method of ['mknod', 'symlink', 'create', 'tmpfile']) table[method] = () => {};
  table.fsyncdir = (nodeid: Nodeid) => log.push(`sync ${nodeid}`);
  const fileSystem = table as unknown as FileSystem;
  makeSynchronous(fileSystem, changes);
  return { fileSystem, log };
}

describe('changes that wait for stable storage', () => {
  it.each([
    [['sync'], 'all'],
    [['dirsync'], 'directories'],
    [['sync', 'dirsync'], 'all'],
    [['ro', 'nodev'], undefined],
  ] as const)('of a mount with %j are: %s', (flags, changes) => {
    expect(synchronousChanges(new Set<KernelFlag>(flags))).toBe(changes);
  });

  it('are followed by a sync of the directory that was changed', () => {
    const { fileSystem, log } = recorded('directories');
    fileSystem.mkdir(caller, directory, name, 0o755);
    fileSystem.link(caller, other, directory, name);
    fileSystem.rename(caller, directory, name, other, name, 0);
    fileSystem.unlink(caller, directory, name);
    expect(log).toEqual([
      ...['mkdir', 'sync 7', 'link', 'sync 7', 'rename', 'sync 7', 'unlink', 'sync 7'],
    ]);
  });

  it('are not those of attributes, unless all are', () => {
    const directories = recorded('directories');
    directories.fileSystem.setattr(caller, other, {}, undefined);
    expect(directories.log).toEqual(['setattr']);
    const all = recorded('all');
    all.fileSystem.setattr(caller, other, {}, undefined);
    expect(all.log).toEqual(['setattr', 'sync 9']);
  });

  it('that fail, and what changes nothing, are followed by none', () => {
    const { fileSystem, log } = recorded('all');
    fileSystem.lookup(caller, directory, name);
    expect(() => fileSystem.rmdir(caller, directory, name)).toThrow('not empty');
    expect(log).toEqual(['lookup']);
  });
});
