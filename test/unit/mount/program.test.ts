import { availableParallelism } from 'node:os';
import { afterEach, expect, it, vi } from 'vitest';
import { dafsCommandLine } from '../../../mount/program.ts';

const HELPERS = /^--v8-pool-size=(\d+)$/;

function helpersAfter(...options: string[]): string[] {
  vi.spyOn(process, 'execArgv', 'get').mockReturnValue(options);
  const [, args] = dafsCommandLine('mount');
  return args.flatMap((word) => HELPERS.exec(word)?.[1] ?? []);
}

afterEach(() => {
  vi.restoreAllMocks();
});

it('leaves a processor to the program itself', () => {
  const [count] = helpersAfter('--no-warnings');
  expect(Number(count)).toBeGreaterThanOrEqual(1);
  expect(Number(count)).toBeLessThan(Math.max(2, availableParallelism()));
});

it('keeps what the user asked for, in each process that starts the next', () => {
  expect(helpersAfter('--v8-pool-size=3')).toEqual(['3']);
});

it('runs dafs with the options of this process before its own words', () => {
  vi.spyOn(process, 'execArgv', 'get').mockReturnValue(['--no-warnings']);
  const [program, args] = dafsCommandLine('mount', 'here');
  expect(program).toBe(process.execPath);
  expect(args[0]).toBe('--no-warnings');
  expect(args.at(-3)).toMatch(/\/mount\/main\.ts$/);
  expect(args.slice(-2)).toEqual(['mount', 'here']);
});
