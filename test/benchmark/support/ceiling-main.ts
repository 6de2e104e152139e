/**
 * Serves the ceiling on a directory until it is unmounted, in a process of its own: whoever measures
 * a mount must not be who serves it.
 *
 * Arguments: DIRECTORY BYTES copy|alone [OPTION,...]. Says `mounted` when it is.
 */

import { KernelMount } from '../../../mount/drivers/kernel/kernel-mount.ts';
import { parseMountOptions } from '../../../mount/mount-options.ts';
import { createMemoryFile, mapShared, viewMemory } from '../../../nic/system-calls.ts';
import type { CeilingData } from './ceiling-file-system.ts';

const [directory = '', size = '', kind = '', list = ''] = process.argv.slice(2);
const contentBytes = Number(size);
const contentFd = createMemoryFile('ceiling', contentBytes);
const address = mapShared(contentFd, contentBytes, true);
// Pages that nobody has written are the kernel's one page of zeros, which is always in its cache.
new Uint8Array(viewMemory(address, contentBytes)).fill(0x61);

const data: CeilingData = { contentFd, contentBytes, copies: kind === 'copy' };
const module = new URL('ceiling-file-system.ts', import.meta.url).href;
const mount = await KernelMount.mount({
  directory,
  source: 'ceiling',
  options: parseMountOptions([list]),
  fileSystem: { module, data },
});
process.stdout.write('mounted\n');
const { failures } = await mount.ended;
for (const failure of failures) process.stderr.write(`${failure.message}\n`);
