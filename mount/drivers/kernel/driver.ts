/**
 * The driver that speaks the FUSE kernel protocol on /dev/fuse itself.
 */

import { createClientIdentity } from '../../../client/session-options.ts';
import { programAt } from '../../../nic/thread.ts';
import { createLockedFiles } from '../../client-locks.ts';
import { describeError } from '../../command-error.ts';
import type { Driver } from '../../driver.ts';
import { serverPatience } from '../../server-patience.ts';
import { synchronousChanges } from '../../synchronous-changes.ts';
import type { ClientSourceData } from './client-source.ts';
import { KernelMount } from './kernel-mount.ts';

export const kernelDriver: Driver = {
  name: 'kernel',
  isInMainThread: false,
  check() {
    // What it needs is the kernel's and was looked at before: /dev/fuse.
  },
  async mount({ directory, source, serverName, exclusive, options }) {
    const data: ClientSourceData = {
      serverName,
      identity: createClientIdentity(),
      isShared: !exclusive,
      ordma: options.ordma,
      // Alone, the kernel keeps the locks of the mount: nobody else could be in their way.
      lockedFiles: exclusive ? undefined : createLockedFiles(),
      synchronous: synchronousChanges(options.kernelFlags),
      patience: serverPatience(directory, options),
    };
    const module = programAt(new URL('./client-source.ts', import.meta.url)).href;
    const mount = await KernelMount.mount({
      directory,
      source,
      options,
      fileSystem: { module, data },
      listener: { module, data },
    });
    return {
      ended: mount.ended.then(({ failures }) => {
        for (const failure of failures) process.stderr.write(`dafs: ${describeError(failure)}\n`);
      }),
      async close() {
        // Each worker has closed its own session when it ended.
      },
    };
  },
};
