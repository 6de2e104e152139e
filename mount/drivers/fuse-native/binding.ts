/**
 * The native part of the package fuse-native 2.2.6, without its JavaScript: that one schedules every
 * answer for the next tick, runs a shell to unmount, and hides what the native part knows.
 */

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { loadLibrary } from '../../../nic/system-calls-foreign.ts';
import { CommandError } from '../../command-error.ts';

/** The layouts in request.ts are those of this release. */
const VERSION = '2.2.6';

/** A request of libfuse's: the binding's `fuse_thread_locals_t` of the thread that waits for it. */
export type FuseRequest = Buffer;

export type FuseHandler = (request: FuseRequest, opcode: number, ...args: never[]) => void;

/** What the native part exports. Its opcodes are its own, not the kernel's. */
export interface Binding {
  readonly sizeof_fuse_thread_t: number;
  readonly [opcode: `op_${string}`]: number;
  /** Throws when libfuse refuses, having written why to standard error. */
  fuse_native_mount(
    directory: string,
    options: string,
    thread: Buffer,
    receiver: object,
    allocate: (bytes: number) => Buffer,
    handlers: FuseHandler[],
    implemented: Uint32Array,
  ): void;
  /** Takes the binding's hands off the event loop, once libfuse's loop has ended. */
  fuse_native_unmount(directory: string, thread: Buffer): void;
  /** Answers any request that has no results, or whose results are already in place. */
  fuse_native_signal_access(request: FuseRequest, result: number): void;
  fuse_native_signal_open(request: FuseRequest, result: number, fh: number): void;
  fuse_native_signal_create(request: FuseRequest, result: number, fh: number): void;
  /** Takes the buffer away from JavaScript: it is the thread's again. `unused` is not looked at. */
  fuse_native_signal_read(
    request: FuseRequest,
    result: number,
    unused: number,
    buffer: ArrayBufferLike,
  ): void;
  fuse_native_signal_write(
    request: FuseRequest,
    result: number,
    unused: number,
    buffer: ArrayBufferLike,
  ): void;
}

interface InstalledBinding {
  binary: string;
  /** The libfuse.so.2 that the binary was built for, shipped beside it. */
  library: string;
}

/** @throws CommandError DRIVER_UNAVAILABLE when the package or its binary for this machine lacks. */
export function findBinding(): InstalledBinding {
  const require = createRequire(import.meta.url);
  let manifest: string;
  try {
    manifest = require.resolve('fuse-native/package.json');
  } catch (error) {
    throw unavailable('npm did not install the optional package fuse-native', error);
  }
  const { version } = require(manifest) as { version: string };
  if (version !== VERSION) {
    throw unavailable(`it knows fuse-native ${VERSION}, and ${version} is installed`);
  }
  const folder = join(dirname(manifest), 'prebuilds', `${process.platform}-${process.arch}`);
  const installed = { binary: join(folder, 'node.napi.node'), library: join(folder, 'libfuse.so') };
  if (!existsSync(installed.binary)) {
    throw unavailable(
      `the package fuse-native has no binary for ${process.platform}-${process.arch}`,
    );
  }
  return installed;
}

/** @throws CommandError DRIVER_UNAVAILABLE */
export function loadBinding(): Binding {
  const { binary, library } = findBinding();
  try {
    // The binary asks for libfuse.so.2, which most systems lack. Loaded first, the shipped one serves.
    loadLibrary(library);
    return createRequire(import.meta.url)(binary) as Binding;
  } catch (error) {
    throw unavailable(`its binary cannot be loaded (${(error as Error).message})`, error);
  }
}

function unavailable(reason: string, cause?: unknown): CommandError {
  return new CommandError(
    'DRIVER_UNAVAILABLE',
    `the driver fuse-native cannot be used: ${reason}`,
    { cause },
  );
}
