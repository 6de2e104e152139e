/** Many small files, made and looked at by a process of its own. */
import { fileURLToPath } from 'node:url';
import type { Workspace } from '../../support/workspace.ts';
import { requireMount } from '../support/require-mount.ts';
import type { Measurement } from './measurement.ts';
import type { MetadataSeconds } from './metadata-main.ts';

/** In a measurement of a second or more; a shorter one makes do with fewer. */
const FILES = 10_000;
/** All phases together, at the slower places. */
const FILES_PER_SECOND = 1500;
const LIMIT_MS = 600_000;

const program = fileURLToPath(new URL('metadata-main.ts', import.meta.url));

/** The phases of the program by what they are called in the table. */
const phases = {
  'create, write 1 KiB, close': 'create',
  stat: 'stat',
  'readdir with attributes': 'readdir',
  unlink: 'unlink',
} as const satisfies Record<string, keyof MetadataSeconds>;

/** Thousands of files that go through each phase in a second. */
export function metadataMeasurement(workspace: Workspace, seconds: number): Measurement {
  const files = Math.ceil(FILES * Math.min(1, seconds));
  let made = 0;
  return {
    rows: Object.keys(phases).map((name) => ({ name, unit: 'k/s' })),
    places: ['kernel', 'fuse-native', 'local'],
    seconds: files / FILES_PER_SECOND,
    async measure({ directory, mount }) {
      await requireMount(mount);
      made += 1;
      const args = [program, `${directory}/files-${made}`, String(files)];
      const text = await workspace.succeed(process.execPath, args, { limitMs: LIMIT_MS });
      const took = JSON.parse(text) as MetadataSeconds;
      return Object.values(phases).map((phase) => files / 1000 / took[phase]);
    },
  };
}
