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
import { ErrnoError, errnoNumber } from '../../errno.ts';
import type { Caller, FileSystem } from '../../file-system.ts';
import { type Binding, type FuseHandler, findBinding, loadBinding } from './binding.ts';
import { libfuseOptions } from './libfuse-options.ts';
import { createOperations } from './operations.ts';
import { PathResolver } from './path-resolver.ts';
import { REQUEST_BYTES } from './request.ts';

/** The binding's table of handlers has this many places. */
const OPCODES = 35;

/** The binding copies paths and options into fields of this size. */
const MAXIMUM_TEXT_BYTES = 1023;

/** Nothing tells when libfuse's loop has ended, so it is asked this often. */
const END_CHECK_MS = 50;

/** Where the binding keeps the loop's pthread_t in its `fuse_thread_t`. */
const THREAD_FIELD = 8;

export const fuseNativeDriver: Driver = {
  name: 'fuse-native',
  check() {
    findBinding();
  },
  async mount(request) {
    const binding = loadBinding();
    const fileSystem = connectFileSystem(request.serverName, { isShared: !request.exclusive });
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
  fileSystem: FileSystem,
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
  await initialised.promise;
  return {
    ended: untilThreadEnds(Number(thread.readBigUInt64LE(THREAD_FIELD))),
    async close() {
      binding.fuse_native_unmount(request.directory, thread);
      fileSystem.close();
    },
  };
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

interface Handlers {
  table: FuseHandler[];
  implemented: Uint32Array;
}

type AnyOperation = (request: Buffer, ...args: unknown[]) => number;

function createHandlers(
  binding: Binding,
  fileSystem: FileSystem,
  onInitialised: () => void,
): Handlers {
  const caller = ownIdentity();
  const paths = new PathResolver(fileSystem, caller);
  const operations = createOperations({ fileSystem, caller, paths });
  const table: FuseHandler[] = new Array(OPCODES).fill(() => {});
  const implemented = new Uint32Array(OPCODES);
  const define = (name: string, handler: FuseHandler) => {
    const opcode = binding[`op_${name}`] as number;
    table[opcode] = handler;
    implemented[opcode] = 1;
  };
  define('init', (request) => {
    binding.fuse_native_signal_access(request, 0);
    onInitialised();
  });
  for (const [name, operation] of Object.entries(operations)) {
    const answer = answerOf(binding, name);
    define(name, (request, _opcode, ...args: unknown[]) => {
      answer(request, perform(operation as AnyOperation, request, args, paths), args);
    });
  }
  return { table, implemented };
}

/** Runs an operation; what it throws becomes a negative errno. */
function perform(
  operation: AnyOperation,
  request: Buffer,
  args: unknown[],
  paths: PathResolver,
): number {
  try {
    try {
      return operation(request, ...args);
    } catch (error) {
      // A directory that was remembered may be gone: once more, with everything looked up afresh.
      const isStale = error instanceof ErrnoError && error.code === 'ESTALE';
      if (!isStale || !paths.clear()) throw error;
      return operation(request, ...args);
    }
  } catch (error) {
    if (error instanceof ErrnoError) return -error.errno;
    process.stderr.write(`dafs: ${(error as Error).stack}\n`);
    return -errnoNumber('EIO');
  }
}

type Answer = (request: Buffer, result: number, args: unknown[]) => void;

/** How the result of an operation gets back to libfuse, for those that give more than a number. */
function answerOf(binding: Binding, name: string): Answer {
  const bufferOf = (args: unknown[]) => (args[2] as Buffer).buffer;
  const answers: Record<string, Answer> = {
    open: (request, result) =>
      binding.fuse_native_signal_open(request, Math.min(result, 0), Math.max(result, 0)),
    create: (request, result) =>
      binding.fuse_native_signal_create(request, Math.min(result, 0), Math.max(result, 0)),
    read: (request, result, args) =>
      binding.fuse_native_signal_read(request, result, 0, bufferOf(args)),
    write: (request, result, args) =>
      binding.fuse_native_signal_write(request, result, 0, bufferOf(args)),
  };
  return answers[name] ?? ((request, result) => binding.fuse_native_signal_access(request, result));
}

function ownIdentity(): Caller {
  return {
    uid: process.geteuid?.() ?? 0,
    gid: process.getegid?.() ?? 0,
    pid: process.pid,
  };
}
