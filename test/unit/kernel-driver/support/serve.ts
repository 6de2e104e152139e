/**
 * Mounts a file system with the kernel driver and serves it until it is unmounted, in a process of
 * its own: whoever touches a mount must not be who serves it.
 *
 * Arguments: FILE-SYSTEM DIRECTORY [OPTION,...]. A line on standard input is a command; each is
 * answered by a line on standard output.
 */

import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { KernelMount } from '../../../../mount/drivers/kernel/kernel-mount.ts';
import type { Nodeid } from '../../../../mount/file-system.ts';
import { parseMountOptions } from '../../../../mount/mount-options.ts';
import { unmountDirectory } from '../../../../mount/unmount.ts';
import { createMemoryFile, mapShared, viewMemory } from '../../../../nic/system-calls.ts';
import type { CeilingData } from '../../../benchmark/support/ceiling-file-system.ts';
import type { MemoryTrait } from './memory-file-system.ts';

const [kind = '', directory = '', list = ''] = process.argv.slice(2);

/** What the ceiling serves; the command `scribble` changes it behind the kernel's back. */
const contentBytes = 1 << 20;
const contentFd = createMemoryFile('ceiling', contentBytes);
const content = new Uint8Array(viewMemory(mapShared(contentFd, contentBytes, true), contentBytes));
content.fill(0x61);
const ceilingData: CeilingData = { contentFd, contentBytes, copies: true };

const memory = new URL('memory-file-system.ts', import.meta.url);

const sources: Record<string, { module: URL; data: MemoryTrait | CeilingData | Int32Array }> = {
  memory: { module: memory, data: 'ordinary' },
  locking: { module: memory, data: 'locking' },
  dying: { module: memory, data: 'dying' },
  meeting: {
    module: new URL('meeting-file-system.ts', import.meta.url),
    data: new Int32Array(new SharedArrayBuffer(4)),
  },
  ceiling: {
    module: new URL('../../../benchmark/support/ceiling-file-system.ts', import.meta.url),
    data: ceilingData,
  },
};

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(): Promise<void> {
  const source = sources[kind];
  if (source === undefined)
    throw new Error(`no file system '${kind}' for ${fileURLToPath(import.meta.url)}`);
  const mount = await KernelMount.mount({
    directory,
    source: 'a test',
    options: parseMountOptions([list]),
    fileSystem: { module: source.module.href, data: source.data },
  });
  const commands: Record<string, (argument: string) => unknown> = {
    scribble: (letter) => content.fill(letter.charCodeAt(0)),
    invalidateData: (nodeid) => mount.notifier.invalidateData(Number(nodeid) as Nodeid),
    invalidateEntry: (name) => mount.notifier.invalidateEntry(1 as Nodeid, Buffer.from(name)),
  };
  const input = createInterface({ input: process.stdin });
  input.on('line', (line) => {
    const [name = '', argument = ''] = line.split(' ');
    try {
      const result = commands[name]?.(argument);
      if (typeof result === 'boolean') say(String(result));
      else say('done');
    } catch (error) {
      say(`failed: ${error}`);
    }
  });
  process.on('SIGTERM', () => void unmountDirectory(directory, { lazy: false }));
  say('mounted');
  const end = await mount.ended;
  input.close();
  for (const failure of end.failures) console.error(failure.message);
  say(`ended after ${end.requests} requests`);
  process.exitCode = end.failures.length === 0 ? 0 : 1;
}

main().catch((error: Error & { code?: unknown }) => {
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
});
