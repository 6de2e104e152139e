import { mkdirSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import {
  assertStillThere,
  checkDirectory,
  makeWorkDirectory,
} from '../../../../mount/bench/directories.ts';
import { mountOf } from '../../../../mount/mount-table.ts';
import { Workspace } from '../../../support/workspace.ts';

const workspace = Workspace.create();
afterAll(() => workspace.dispose());

const codeOf = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
  return 'no error';
};

/** A directory with something in it. */
function used(name: string): string {
  const path = workspace.makeDirectory(name);
  writeFileSync(`${path}/something`, '');
  return path;
}

describe('a directory that is to be measured', () => {
  it('is taken when there is something in it', () => {
    const path = used('used');
    expect(checkDirectory(path, 1000)).toEqual({ path, mount: mountOf(path) });
  });

  it('is taken when it is a mount point, empty or not', () => {
    expect(checkDirectory('/proc', 0).mount.fileSystemType).toBe('proc');
  });

  it('is refused when it is empty and nothing is mounted: its mount may be missing', () => {
    const path = workspace.makeDirectory('empty');
    expect(codeOf(() => checkDirectory(path, 0))).toBe('NOT_MOUNTED');
    expect(() => checkDirectory(path, 0)).toThrow(`write local:${path}`);
  });

  it('is taken all the same when the user says that it is local', () => {
    const path = workspace.makeDirectory('local');
    expect(checkDirectory(`local:${path}`, 0).path).toBe(path);
  });

  it('is refused when it is not there or no directory', () => {
    const path = used('one');
    expect(codeOf(() => checkDirectory(`${path}/missing`, 0))).toBe('NO_SUCH_DIRECTORY');
    expect(codeOf(() => checkDirectory(`${path}/something`, 0))).toBe('NOT_A_DIRECTORY');
  });

  it('is refused when there is no room', () => {
    expect(codeOf(() => checkDirectory(used('full'), 2 ** 60))).toBe('NO_ROOM');
  });

  it('is refused when it cannot be written to', () => {
    // Nobody can make a directory there, root included.
    expect(codeOf(() => makeWorkDirectory('/proc'))).toBe('NO_PERMISSION');
  });

  it('is given up when something else is mounted there than before', () => {
    const checked = checkDirectory(used('kept'), 0);
    expect(() => assertStillThere(checked)).not.toThrow();
    const other = { ...checked, mount: { ...checked.mount, device: '0:999999' } };
    expect(codeOf(() => assertStillThere(other))).toBe('NOT_MOUNTED');
  });

  it('belongs to the longest mount above it', () => {
    mkdirSync(workspace.path('below/deep'), { recursive: true });
    expect(mountOf('/proc/self').directory).toBe('/proc');
    expect(mountOf('/processes').directory).toBe('/');
    expect(
      workspace.path('below/deep').startsWith(mountOf(workspace.path('below/deep')).directory),
    ).toBe(true);
  });
});
