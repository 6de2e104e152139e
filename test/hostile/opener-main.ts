/** Tries to open each path that it reads, as a JSON list, and to connect where it is a socket. */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createConnection } from 'node:net';

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);

const connectTo = (path: string): Promise<string> =>
  new Promise((resolve) => {
    createConnection(path)
      .once('connect', () => resolve('connected'))
      .once('error', (error) => resolve(codeOf(error)));
  });

async function reach(path: string): Promise<string> {
  if (/\.(fabric|control)$/.test(path)) {
    return connectTo(path);
  }
  try {
    closeSync(openSync(path, 'r'));
    return 'opened';
  } catch (error) {
    return codeOf(error);
  }
}

const paths = JSON.parse(readFileSync(0, 'utf8')) as string[];
process.stdout.write(JSON.stringify(await Promise.all(paths.map(reach))));
process.exit();
