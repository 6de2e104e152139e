/** The mount drivers that tests run over. A further driver is a further line. */
import { mountObstacle } from './machine.ts';

export interface DriverDefinition {
  /** As `dafs mount --driver` takes it. */
  readonly name: string;
  /** What its times are cut down to. */
  readonly timeUnitNs: number;
  /** Why this machine cannot mount with it; undefined where it can. */
  obstacle(): string | undefined;
}

export const driverTable: readonly DriverDefinition[] = [
  { name: 'kernel', timeUnitNs: 1, obstacle: mountObstacle },
  { name: 'fuse-native', timeUnitNs: 1_000_000, obstacle: mountObstacle },
];
