/** Random runs against a mount: programs of their own, because a mount may hang them. */
import { expect } from 'vitest';
import type { Workspace } from './workspace.ts';

/**
 * Runs a program that takes its request as JSON and prints its seed first, and expects it to end
 * well within the limit.
 */
export async function expectSeededRun(
  workspace: Workspace,
  program: string,
  request: object,
  limitMs: number,
): Promise<void> {
  const { status, stdout, stderr, timedOut } = await workspace.run(
    process.execPath,
    [program, JSON.stringify(request)],
    { limitMs },
  );
  process.stdout.write(stdout.split('\n')[0] ?? '');
  expect(timedOut, `it hangs\n${stdout}${stderr}`).toBe(false);
  expect(status, `${stdout}${stderr}`).toBe(0);
}
