/** What this machine lets the tests do, each lack with the sentence that a skipped test shows. */
import { accessSync, closeSync, constants, openSync } from 'node:fs';
import { hasProgram } from './run.ts';

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Why nothing can be mounted here; undefined where it can. */
export function mountObstacle(): string | undefined {
  try {
    closeSync(openSync('/dev/fuse', constants.O_RDWR));
  } catch (error) {
    return `/dev/fuse cannot be opened: ${(error as NodeJS.ErrnoException).code}`;
  }
  if (!isRoot() && !hasProgram('fusermount3') && !hasProgram('fusermount')) {
    return 'neither root nor fusermount3 is here to mount with';
  }
  return undefined;
}

/** Why a test that runs these programs cannot; undefined where all are installed. */
export function programObstacle(programs: readonly string[]): string | undefined {
  const missing = programs.filter((name) => !hasProgram(name));
  return missing.length === 0 ? undefined : `not installed: ${missing.join(', ')}`;
}

/**
 * The first obstacle, as vitest's skip condition. Continuous integration sets DAFS_REQUIRE_ALL
 * where it has installed everything, so that a test missing there is a failure and not a skip.
 */
export function firstObstacle(...obstacles: readonly (string | undefined)[]): string | undefined {
  const found = obstacles.find((obstacle) => obstacle !== undefined);
  if (found !== undefined && process.env.DAFS_REQUIRE_ALL === '1') {
    throw new Error(`everything is required to run here, but ${found}`);
  }
  return found;
}

/** Whether every user may pass through `directory`, which a test with other users needs. */
export function isOpenToAll(directory: string): boolean {
  try {
    accessSync(directory, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
