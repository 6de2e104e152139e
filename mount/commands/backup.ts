import { resolve } from 'node:path';
import { serverSockets } from '../../client/runtime-directory.ts';
import { backUpDatabase, type Copied } from '../../server/backup/online-backup.ts';
import { formatBytes } from '../byte-sizes.ts';
import { CommandError, describeError } from '../command-error.ts';
import { startProgress } from '../progress.ts';
import { requestBackup } from '../server-backup.ts';
import { assertServerRuns, parseSource } from '../source.ts';
import { describeUnstored } from '../unstored.ts';

/**
 * `dafs backup`: copies a file system, as it is at one moment, into a new database.
 *
 * @throws CommandError INVALID_SOURCE, NO_SUCH_SERVER or BACKUP_FAILED
 */
export async function backupCommand(sourceText: string, targetText: string): Promise<void> {
  const source = parseSource(sourceText);
  const target = resolve(targetText);
  if (source.kind === 'server') await assertServerRuns(source.name);
  const cancelled = cancelledBySignals();
  const progress = await startProgress();
  const onProgress = (part: number) => progress.update(part, source.label);
  try {
    const { bytes, unstored }: Copied =
      source.kind === 'server'
        ? {
            bytes: await requestBackup(
              serverSockets(source.name).control,
              target,
              onProgress,
              cancelled,
            ),
            unstored: undefined,
          }
        : await backUpDatabase(source.path, target, { onProgress, signal: cancelled });
    progress.end();
    process.stdout.write(`${target}: ${formatBytes(bytes)} of ${source.label}\n`);
    if (unstored !== undefined) {
      process.stderr.write(`dafs: ${target} lacks what is ${describeUnstored(unstored)}\n`);
    }
  } catch (error) {
    progress.end();
    throw new CommandError('BACKUP_FAILED', describeError(error), { cause: error });
  }
}

function cancelledBySignals(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, () => controller.abort());
  }
  return controller.signal;
}
