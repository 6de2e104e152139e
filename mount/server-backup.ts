import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';

/** What a server says over its control socket while it makes a backup, and in the end. */
type BackupNews =
  | { readonly progress: number }
  | { readonly bytes: number }
  | { readonly error: string };

/**
 * Has a running server copy its file system into a new file; hanging up cancels it.
 * @param target an absolute path, which the server's process makes
 * @returns the bytes of the copy
 * @throws Error whose message is for a person
 */
export function requestBackup(
  controlSocket: string,
  target: string,
  onProgress: (part: number) => void,
  signal: AbortSignal,
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const socket = createConnection({ path: controlSocket, signal });
  const fail = (error: Error) => {
    reject(signal.aborted ? new Error('the backup was cancelled') : error);
  };
  const lines = createInterface({ input: socket });
  socket.on('error', fail);
  // It repeats what its input says.
  lines.on('error', fail);
  socket.on('close', () => reject(new Error('the server has ended')));
  lines.on('line', (line) => {
    const news = JSON.parse(line) as BackupNews;
    if ('progress' in news) onProgress(news.progress);
    else if ('bytes' in news) resolve(news.bytes);
    else reject(new Error(news.error));
  });
  socket.write(`${JSON.stringify({ command: 'backup', target })}\n`);
  return promise.finally(() => socket.destroy());
}
