/**
 * Simulated worlds for some seconds: the seeds that have found something, and the first ones. README.md
 * tells how to run more of them.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const program = fileURLToPath(new URL('./main.ts', import.meta.url));
const limitMs = 150_000;

interface Outcome {
  readonly output: string;
  readonly status: number | null;
}

/** Runs the program to its end. */
function simulate(...options: string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [program, ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: limitMs - 10_000,
    killSignal: 'SIGKILL',
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  return new Promise((resolve) => child.once('close', (status) => resolve({ output, status })));
}

const sumOf = ({ output }: Outcome) => JSON.parse(output.trim().split('\n').at(-1) as string);

it('keeps its promises whatever breaks', { timeout: limitMs }, async () => {
  const outcome = await simulate('--known', '--first', '1', '--seconds', '20');
  console.log(outcome.output);
  expect(outcome.status, outcome.output).toBe(0);
  expect(sumOf(outcome).seeds).toBeGreaterThan(1);
});

it('is the same for the same seed', { timeout: limitMs }, async () => {
  const [one, other] = [await simulate('--seed', '121'), await simulate('--seed', '121')];
  expect(sumOf(one).fingerprint).toBe(sumOf(other).fingerprint);
});

it('finds a planted bug', { timeout: limitMs }, async () => {
  const outcome = await simulate('--bug', 'requests that were done are made again', '--first', '1');
  expect(outcome.status, outcome.output).toBe(1);
  expect(outcome.output).toMatch(/^seed \d+: /);
});
