import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  findMountUsers,
  identifyProcess,
  isRunning,
  type ProcessIdentity,
  waitForEnd,
} from '../../../mount/processes.ts';

const directory = mkdtempSync(join(tmpdir(), 'dafs-processes-'));
afterAll(() => rmSync(directory, { recursive: true }));

describe('a process', () => {
  it('is known by its number and the time it started', () => {
    const self = identifyProcess(process.pid) as ProcessIdentity;
    expect(self.pid).toBe(process.pid);
    expect(isRunning(self)).toBe(true);
    expect(isRunning({ ...self, startTicks: self.startTicks - 1 })).toBe(false);
  });

  it('that does not exist is none', () => {
    expect(identifyProcess(2 ** 22 + 1)).toBeUndefined();
  });

  it('is waited for until it ends', async () => {
    const child = spawn('sleep', ['30']);
    await once(child, 'spawn');
    const identity = identifyProcess(child.pid as number) as ProcessIdentity;
    expect(await waitForEnd(identity, 50)).toBe(false);
    child.kill('SIGKILL');
    expect(await waitForEnd(identity, 10_000)).toBe(true);
  });
});

describe('the users of a directory', () => {
  it('have a file open in it, or stand in it', async () => {
    const descriptor = openSync(join(directory, 'file'), 'w');
    const child = spawn('sleep', ['30'], { cwd: directory });
    await once(child, 'spawn');
    try {
      const users = findMountUsers(directory);
      expect(users.map(({ pid }) => pid).sort()).toEqual([process.pid, child.pid].sort());
      expect(users.find(({ pid }) => pid === child.pid)?.program).toBe('sleep');
    } finally {
      child.kill('SIGKILL');
      closeSync(descriptor);
    }
  });

  it('are none of a directory whose name only begins alike', () => {
    expect(findMountUsers(directory.slice(0, -1))).toEqual([]);
  });
});
