/**
 * The driver that goes through libfuse 2, by the native part of the npm package fuse-native.
 *
 * libfuse's threads hand their requests to this process's main thread, one after the other, and wait
 * until it has answered.
 */

import { captureStandardError, hasThreadEnded } from '../../../nic/system-calls-foreign.ts';
import { connectFileSystem } from '../../client-file-system.ts';
import { CommandError } from '../../command-error.ts';
import type { Driver, DriverMount, DriverRequest } from '../../driver.ts';
import type { PathFileSystem } from '../../file-system.ts';
import { recoveryFor, serverPatience } from '../../server-patience.ts';
import { synchronousChanges } from '../../synchronous-changes.ts';
import { type Binding, findBinding, loadBinding } from './binding.ts';
import { createHandlers } from './handlers.ts';
import { libfuseOptions } from './libfuse-options.ts';
import { REQUEST_BYTES } from './request.ts';

/** The binding copies paths and options into fields of this size. */
const MAXIMUM_TEXT_BYTES = 1023;

/** Nothing tells when libfuse's loop has ended, so it is asked this often. */
const END_CHECK_MS = 50;

/** Where the binding keeps the loop's pthread_t in its `fuse_thread_t`. */
const THREAD_FIELD = 8;

export const fuseNativeDriver: Driver = {
  name: 'fuse-native',
  isInMainThread: true,
  check() {
    findBinding();
  },
  async mount(request) {
    const binding = loadBinding();
    const { directory, serverName, exclusive, options } = request;
    const fileSystem = connectFileSystem(serverName, {
      isShared: !exclusive,
      ordma: options.ordma,
      synchronous: synchronousChanges(options.kernelFlags),
      recovery: recoveryFor(serverPatience(directory, options)),
    });
    try {
      return await mountThrough(binding, fileSystem, request);
    } catch (error) {
      fileSystem.close();
      throw error;
    }
  },
};

async function mountThrough(
  binding: Binding,
  fileSystem: PathFileSystem,
  request: DriverRequest,
): Promise<DriverMount> {
  const thread = Buffer.alloc(binding.sizeof_fuse_thread_t);
  const initialised = Promise.withResolvers<void>();
  const handlers = createHandlers(binding, fileSystem, initialised.resolve);
  const options = libfuseOptions(request);
  assertFits('path', request.directory);
  assertFits('list of mount options', options);
  let refusal: unknown;
  const explanation = captureStandardError(() => {
    try {
      binding.fuse_native_mount(
        request.directory,
        options,
        thread,
        {},
        createAllocator(),
        handlers.table,
        handlers.implemented,
      );
    } catch (error) {
      refusal = error;
    }
  });
  if (refusal) {
    const reason = explanation.trim().split('\n', 1)[0] || (refusal as Error).message;
    throw new CommandError('MOUNT_FAILED', `cannot mount on ${request.directory}: ${reason}`);
  }
  const ended = untilThreadEnds(Number(thread.readBigUInt64LE(THREAD_FIELD)));
  await Promise.race([initialised.promise, ended.then(() => failEarly(request.directory))]);
  return {
    ended,
    async close() {
      binding.fuse_native_unmount(request.directory, thread);
      fileSystem.close();
    },
  };
}

function failEarly(directory: string): never {
  throw new CommandError('MOUNT_FAILED', `${directory} was unmounted before it was usable`);
}

function assertFits(what: string, text: string): void {
  if (Buffer.byteLength(text) <= MAXIMUM_TEXT_BYTES) return;
  throw new CommandError(
    'MOUNT_FAILED',
    `the ${what} is longer than ${MAXIMUM_TEXT_BYTES} bytes, which the driver fuse-native cannot take`,
  );
}

/** The binding keeps the state of each of libfuse's threads in a buffer of ours, for good. */
function createAllocator(): (bytes: number) => Buffer {
  const buffers: Buffer[] = [];
  return (bytes) => {
    if (bytes !== REQUEST_BYTES) {
      // Thrown into C, which would go on without the buffer: better an end than wrong offsets.
      process.stderr.write(`dafs: unknown layout of fuse-native's requests (${bytes} bytes)\n`);
      process.abort();
    }
    const buffer = Buffer.alloc(bytes);
    buffers.push(buffer);
    return buffer;
  };
}

function untilThreadEnds(thread: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (!hasThreadEnded(thread)) return;
      clearInterval(timer);
      resolve();
    }, END_CHECK_MS);
  });
}
