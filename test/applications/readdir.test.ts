/**
 * A directory of many entries, listed while others come and go.
 *
 *     npx vitest run test/applications/readdir.test.ts
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { applicationTest, sized } from './support.ts';

const ENTRIES = sized(3000, 100_000);
const CHURNERS = 2;
const program = fileURLToPath(new URL('./readdir-main.ts', import.meta.url));

/** Starts a process that changes the directory until `end`, which gives how many entries it made. */
function startChurning(directory: string): {
  readonly child: ChildProcess;
  end(): Promise<number>;
} {
  const child = spawn(process.execPath, [program, 'churn', directory], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  return {
    child,
    async end() {
      const exited = once(child, 'exit');
      child.stdin.end();
      await exited;
      return Number(output);
    },
  };
}

applicationTest(
  'a listing of a large directory misses and doubles none that stays, whatever comes and goes',
  { programs: [] },
  async ({ workspace, driver, succeed }) => {
    const server = await workspace.startServer();
    const fill = ['fill', server.fabricSocket, 'd', String(ENTRIES)];
    await succeed(process.execPath, [program, ...fill]);
    const mount = await workspace.startMount({
      source: `dafs:${server.name}`,
      driver: driver.name,
    });
    const directory = `${mount.directory}/d`;
    const churning = Array.from({ length: CHURNERS }, () => startChurning(directory));
    try {
      for (let round = 0; round < 2; round += 1) {
        const found = JSON.parse(await succeed(process.execPath, [program, 'list', directory]));
        expect(found).toMatchObject({ told: ENTRIES, distinct: ENTRIES, wrongPlaces: 0 });
      }
      const made = await Promise.all(churning.map(({ end }) => end()));
      for (const count of made) {
        expect(count).toBeGreaterThan(0);
      }
    } finally {
      for (const { child } of churning) {
        child.kill('SIGKILL');
      }
    }
    await mount.unmount();
    await server.stop();
  },
);
