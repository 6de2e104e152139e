import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { firstObstacle, isRoot, mountObstacle, programObstacle } from '../../support/machine.ts';
import { removeAll, Served } from './support/served.ts';

const obstacle = firstObstacle(
  mountObstacle(),
  isRoot() ? undefined : 'only root mounts by mount(2)',
  programObstacle(['flock', 'timeout']),
);

describe.skipIf(obstacle)(`locks that the file system keeps${obstacle ?? ''}`, () => {
  let served: Served;

  beforeAll(async () => {
    served = await Served.start({ kind: 'locking', options: 'workers=1' });
  });

  afterEach(() => served.shell('rm -rf *'));
  afterAll(removeAll);

  async function shell(script: string): Promise<string> {
    const { stdout, stderr } = await served.shell(script);
    return stdout + stderr;
  }

  test('who does not want to wait is told so', async () => {
    expect(
      await shell(`
        touch f && exec 3<f && flock 3
        flock -n f true || echo busy
        flock -u 3 && flock -n f echo free`),
    ).toBe('busy\nfree\n');
  });

  test('a wait ends with the lock that it waits for, and holds nobody else up', async () => {
    expect(
      await shell(`
        touch f && exec 3<f && flock 3
        flock f echo granted 3<&- & sleep 0.3
        echo others && ls && flock -u 3 && wait`),
    ).toBe('others\nf\ngranted\n');
  });

  test('a lock goes with the process that held it', async () => {
    expect(
      await shell(`
        touch f && flock f sleep 30 & sleep 0.3
        pkill -P $! sleep; kill -9 $! 2>/dev/null; flock -w 5 f echo free`),
    ).toContain('free\n');
  });

  test('Ctrl-C frees a process that waits, at once', async () => {
    expect(
      await shell(`
        touch f && exec 3<f && flock 3
        timeout -s INT 0.3 flock f true 3<&-; echo "ended with $?"
        flock -u 3 && flock -n f echo free`),
    ).toBe('ended with 124\nfree\n');
  });

  test('kill -9 frees it too, and what it waited for is not given to the dead', async () => {
    expect(
      await shell(`
        touch f && exec 3<f && flock 3
        timeout -s KILL 0.3 flock f true 3<&-; echo gone
        flock -u 3 && flock -n f echo free`),
    ).toContain('gone\nfree\n');
  });

  test('many wait for one lock, and each gets it', async () => {
    expect(
      await shell(`
        touch f
        for i in 1 2 3 4 5 6 7 8; do flock f sh -c 'n=$(cat n 2>/dev/null || echo 0); echo $((n + 1)) > n' & done
        wait; cat n`),
    ).toBe('8\n');
  });
});
