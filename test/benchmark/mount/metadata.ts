/** Many small files, made and looked at by processes of their own. */
import { dropCaches } from '../../../mount/bench/caches.ts';
import { type SmallFilesPhase, smallFilesWork } from '../../../mount/bench/small-files.ts';
import { requireMount } from '../support/require-mount.ts';
import type { Measurement } from './measurement.ts';

/** In a measurement of a second or more; a shorter one makes do with fewer. */
const FILES = 10_000;
/** All phases together, at the slower places. */
const FILES_PER_SECOND = 1500;

/** What is done to the files in turn, by what it is called in the table. */
const phases: Readonly<Record<string, { phase: SmallFilesPhase; isRow: boolean }>> = {
  'create, write 1 KiB, close': { phase: 'create', isRow: true },
  stat: { phase: 'stat', isRow: true },
  'readdir with attributes': { phase: 'attributes', isRow: true },
  rename: { phase: 'rename', isRow: false },
  unlink: { phase: 'unlink', isRow: true },
};

/** Thousands of files that go through each phase in a second. */
export function metadataMeasurement(seconds: number): Measurement {
  const files = Math.ceil(FILES * Math.min(1, seconds));
  let made = 0;
  return {
    rows: Object.entries(phases)
      .filter(([, { isRow }]) => isRow)
      .map(([name]) => ({ name, unit: 'k/s' })),
    places: ['kernel', 'fuse-native', 'local'],
    seconds: files / FILES_PER_SECOND,
    async measure({ directory, mount }) {
      await requireMount(mount);
      made += 1;
      const figures: number[] = [];
      for (const { phase, isRow } of Object.values(phases)) {
        // What the kernel remembers of names and attributes goes before they are looked at.
        dropCaches();
        const done = await smallFilesWork(phase, `${directory}/files-${made}`, files);
        if (isRow) figures.push(done.operations / 1000 / done.seconds);
      }
      return figures;
    },
  };
}
