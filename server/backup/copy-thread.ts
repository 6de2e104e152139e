/** The thread that copies the database of a running server: see online-backup.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { BackupError } from './backup-error.ts';
import { beginSnapshot, copyDatabase } from './copy-database.ts';
import { Handshake } from './handshake.ts';
import type { CopyThreadData, FromCopyThread } from './online-backup.ts';

const { path, target, handshake, cancelled } = workerData as CopyThreadData;

const send = (message: FromCopyThread): void => parentPort?.postMessage(message);

async function copy(database: Database.Database): Promise<number> {
  send({ type: 'prepared' });
  if (!new Handshake(handshake).take(() => beginSnapshot(database))) {
    throw new BackupError('NO_SNAPSHOT', 'the server could not write everything back');
  }
  send({ type: 'progress', part: 0 });
  return copyDatabase(database, target, {
    onProgress: (part) => send({ type: 'progress', part }),
    isCancelled: () => Atomics.load(new Int32Array(cancelled), 0) !== 0,
  });
}

const database = new Database(path, { readonly: true, fileMustExist: true });
try {
  send({ type: 'done', bytes: await copy(database) });
} catch (error) {
  const { code, message } = error as { code?: string; message: string };
  send({ type: 'failed', code, message });
} finally {
  database.close();
}
