import { giveBackAfterStart } from '../../nic/heap.ts';
import { keepMallocSmall } from '../../nic/system-calls.ts';
import { type RunningServer, serve } from '../../server/serve.ts';
import { parseBytes, parseCount } from '../byte-sizes.ts';
import { CommandError, describeError } from '../command-error.ts';
import { report } from '../program.ts';

export interface ServeCommandOptions {
  name?: string;
  cache?: string;
  blockSize?: string;
  ordma: boolean;
  size?: string;
  inodes?: string;
  userSize?: string;
  userInodes?: string;
  passwordFile?: string;
}

/**
 * `dafs serve`: serves a database until it is told to stop, by a signal or, when a mount started
 * it, by the end of that mount.
 *
 * @throws CommandError SERVER_FAILED or INVALID_OPTION
 */
export async function serveCommand(database: string, options: ServeCommandOptions): Promise<void> {
  keepMallocSmall();
  const isEmbedded = process.send !== undefined;
  let server: RunningServer;
  try {
    server = await serve({
      database,
      name: options.name,
      cacheBytes: sizeOption('--cache', options.cache),
      blockBytes: sizeOption('--block-size', options.blockSize),
      ordma: options.ordma,
      capacity: {
        bytes: sizeOption('--size', options.size),
        objects: countOption('--inodes', options.inodes),
        bytesPerUser: sizeOption('--user-size', options.userSize),
        objectsPerUser: countOption('--user-inodes', options.userInodes),
      },
      passwordFile: options.passwordFile,
    });
  } catch (error) {
    const message = describeError(error);
    if (!isEmbedded) throw new CommandError('SERVER_FAILED', message, { cause: error });
    report({ type: 'failed', code: 'SERVER_FAILED', message });
    process.exitCode = 1;
    process.disconnect();
    return;
  }
  giveBackAfterStart();
  closeWhenTold(server);
  // The mount may have died while the server was being started.
  if (isEmbedded && !process.connected) void server.close();
  else if (isEmbedded) report({ type: 'ready', name: server.name });
  else process.stdout.write(`serving ${database} as dafs:${server.name}; Ctrl-C stops it\n`);
  try {
    await server.ended;
  } finally {
    // The channel would keep this process, and the mount waits for its end to start another server.
    process.channel?.unref();
  }
}

function sizeOption(name: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseBytes(name, text);
}

function countOption(name: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseCount(name, text);
}

function closeWhenTold(server: RunningServer): void {
  const close = () => {
    server.close().catch((error) => {
      process.stderr.write(`dafs: ${describeError(error)}\n`);
      process.exitCode = 1;
    });
  };
  for (const event of ['SIGINT', 'SIGTERM', 'SIGHUP', 'disconnect']) process.once(event, close);
}
