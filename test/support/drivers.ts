/** The mount drivers that tests run over. A further driver is a further line. */
import { mountObstacle } from './machine.ts';

export interface DriverDefinition {
  /** As `dafs mount --driver` takes it. */
  readonly name: string;
  /** What its times are cut down to. */
  readonly timeUnitNs: number;
  /** Whether an open file can lose its last name without a trace in its directory. */
  readonly carriesRemovedFiles: boolean;
  /** Whether files can have extended attributes. */
  readonly carriesXattrs: boolean;
  /** Whether it is asked for what libfuse 2 does not know: fallocate(2), flags of renameat2(2). */
  readonly carriesExtensions: boolean;
  /** Whether locks of several mounts know of each other. */
  readonly keepsLocksAtServer: boolean;
  /** Why this machine cannot mount with it; undefined where it can. */
  obstacle(): string | undefined;
}

export const driverTable: readonly DriverDefinition[] = [
  {
    name: 'kernel',
    timeUnitNs: 1,
    carriesRemovedFiles: true,
    carriesXattrs: true,
    carriesExtensions: true,
    keepsLocksAtServer: true,
    obstacle: mountObstacle,
  },
  {
    name: 'fuse-native',
    timeUnitNs: 1_000_000,
    carriesRemovedFiles: false,
    carriesXattrs: false,
    carriesExtensions: false,
    keepsLocksAtServer: false,
    obstacle: mountObstacle,
  },
];
