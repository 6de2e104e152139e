/**
 * A mount in the background: a process of its own, detached from the terminal, that says over its
 * channel when the directory is usable or why it is not.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { CommandError, type CommandErrorCode } from './command-error.ts';
import { logPath } from './mount-record.ts';
import { dafsCommandLine, type ProgramReport } from './program.ts';

/** Tells the process in the background where its output goes, for its record. */
export const LOG_VARIABLE = 'DAFS_MOUNT_LOG';

/**
 * Runs `dafs ARGS` in the background and resolves when it reports that it is ready.
 *
 * @throws CommandError with what the process reported, or the end of its log when it just died.
 */
export async function runInBackground(args: readonly string[]): Promise<void> {
  const log = logPath(process.pid);
  const output = openSync(log, 'w', 0o600);
  const [program, programArgs] = dafsCommandLine(...args);
  const child = spawn(program, programArgs, {
    detached: true,
    cwd: '/',
    stdio: ['ignore', output, output, 'ipc'],
    env: { ...process.env, [LOG_VARIABLE]: log },
  });
  closeSync(output);
  const report = await firstReport(child, log);
  if (report.type === 'failed') {
    rmSync(log, { force: true });
    throw new CommandError(report.code as CommandErrorCode, report.message);
  }
  if (child.connected) child.disconnect();
  child.unref();
}

async function firstReport(child: ChildProcess, log: string): Promise<ProgramReport> {
  const exited = once(child, 'exit').then((): ProgramReport => {
    const message = lastLine(log) ?? 'the mount process ended without a word';
    return { type: 'failed', code: 'MOUNT_FAILED', message };
  });
  const reported = once(child, 'message').then(([message]) => message as ProgramReport);
  return Promise.race([reported, exited]);
}

function lastLine(log: string): string | undefined {
  return readFileSync(log, 'utf8').trim().split('\n').at(-1) || undefined;
}
