/**
 * What a driver is: it joins a FileSystem to the kernel's FUSE, in whatever way it knows.
 */

import { CommandError } from './command-error.ts';
import type { MountOptions } from './mount-options.ts';
import { nearest } from './nearest.ts';

export interface DriverRequest {
  /** Where to mount: a canonical path. */
  directory: string;
  /** What the mount table shows as the source. */
  source: string;
  /** The server, which is running. */
  serverName: string;
  /** Whether this mount is the server's only client, so that no one else changes its files. */
  exclusive: boolean;
  options: MountOptions;
}

export interface DriverMount {
  /**
   * Resolves once the kernel has let go of the mount, whoever unmounted it and however, and every
   * request has been answered.
   */
  readonly ended: Promise<void>;
  /** To be called after `ended`: makes what was written stable and ends the sessions. */
  close(): Promise<void>;
}

export interface Driver {
  readonly name: string;
  /** Whether the main thread answers the kernel, and so waits for the server when that is away. */
  readonly isInMainThread: boolean;
  /** @throws CommandError DRIVER_UNAVAILABLE when this machine or install cannot run it. */
  check(): void;
  /** Resolves when the directory is usable. Throws CommandError MOUNT_FAILED. */
  mount(request: DriverRequest): Promise<DriverMount>;
}

/** Drivers are loaded when they are asked for: one may need what this machine lacks. */
const drivers: Readonly<Record<string, () => Promise<Driver>>> = {
  kernel: async () => (await import('./drivers/kernel/driver.ts')).kernelDriver,
  'fuse-native': async () => (await import('./drivers/fuse-native/driver.ts')).fuseNativeDriver,
};

/** The one that needs nothing but the kernel, carries more, and is faster. */
export const DEFAULT_DRIVER = 'kernel';

export const driverNames: readonly string[] = Object.keys(drivers);

/** @throws CommandError UNKNOWN_DRIVER, with the nearest known one */
export function assertDriverKnown(name: string): void {
  if (name in drivers) return;
  const near = nearest(name, driverNames);
  const hint = near ? `did you mean ${near}?` : `there are: ${driverNames.join(', ')}`;
  throw new CommandError('UNKNOWN_DRIVER', `unknown driver ${name}; ${hint}`);
}

/** @throws CommandError UNKNOWN_DRIVER */
export async function loadDriver(name: string): Promise<Driver> {
  assertDriverKnown(name);
  return (drivers[name] as () => Promise<Driver>)();
}
