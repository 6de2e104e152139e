import { isMountPoint } from '../../support/workspace.ts';

/** Asks before each measurement, as `mountpoint -q` does: unmounted, it would measure the local disk. */
export async function requireMount(directory: string | undefined): Promise<void> {
  if (directory !== undefined && !(await isMountPoint(directory))) {
    throw new Error(`${directory} is not mounted: its figures would be the local disk's`);
  }
}
