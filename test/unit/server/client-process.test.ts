import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { hasEnded, systemProcessStart } from '../../../server/sessions/client-process.ts';

const TIMEOUT_MS = 30_000;

it('tells a process that lives from one that has ended', { timeout: TIMEOUT_MS }, async () => {
  const child = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
  try {
    await once(child, 'spawn');
    const pid = child.pid as number;
    const start = systemProcessStart(pid);
    expect(start).toMatch(/^\d+$/);
    expect(hasEnded({ pid, start }, systemProcessStart)).toBe(false);
    // The pid is used again, by a process that started later.
    expect(hasEnded({ pid, start: `${start}0` }, systemProcessStart)).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(hasEnded({ pid, start }, systemProcessStart)).toBe(true);
  } finally {
    child.kill('SIGKILL');
  }
});

it('takes a process that nobody has reaped for one that has ended', {
  timeout: TIMEOUT_MS,
}, async () => {
  // The shell starts a process that ends at once, becomes another program, and never asks for it.
  const parent = spawn('sh', ['-c', 'true & echo $!; exec cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  try {
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    await expect
      .poll(() => systemProcessStart(Number(line)), { timeout: TIMEOUT_MS })
      .toBeUndefined();
  } finally {
    parent.kill('SIGKILL');
  }
});

it('does not give up a process that could not be looked at', () => {
  expect(systemProcessStart(0)).toBeUndefined();
  expect(hasEnded({ pid: 0, start: undefined }, systemProcessStart)).toBe(false);
});
