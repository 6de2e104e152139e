import { existsSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { prepareFile } from '../../../../mount/bench/file-jobs.ts';
import { chooseGenerator } from '../../../../mount/bench/generator.ts';
import { type JobContext, jobsOf } from '../../../../mount/bench/jobs.ts';
import { Places } from '../../../../mount/bench/places.ts';
import { processorSeconds } from '../../../../mount/bench/processor-time.ts';
import { mountOf } from '../../../../mount/mount-table.ts';
import { firstObstacle, mountObstacle, programObstacle } from '../../../support/machine.ts';
import { Workspace } from '../../../support/workspace.ts';

const LIMIT_MS = 240_000;
const runtimeBefore = process.env.XDG_RUNTIME_DIR;
const workspace = Workspace.create();
beforeAll(() => {
  process.env.XDG_RUNTIME_DIR = workspace.runtimeDirectory;
});
afterAll(async () => {
  process.env.XDG_RUNTIME_DIR = runtimeBefore;
  await workspace.dispose();
});

describe.skipIf(firstObstacle(mountObstacle(), programObstacle(['umount'])))(
  'the places of a run',
  () => {
    it(
      'are a mount, a local directory and the library, each of which reads; and then are gone',
      async () => {
        const request = { directories: [], hasLibrary: true, neededBytes: 1 << 24 };
        const places = await Places.open(request);
        const { scratch, all } = places;
        try {
          expect(all.map(({ target }) => target.kind)).toEqual([
            ...['dafs', 'directory', 'library', 'library', 'library'],
          ]);
          const generator = await chooseGenerator();
          const context: JobContext = {
            ...{ generator, scratch, fileBytes: 1 << 20, files: 1, treeFiles: 1 },
          };
          const [job] = jobsOf(['sizes'], context);
          for (const place of all) {
            await prepareFile(place, context, new AbortController().signal);
            const done = await job?.run(place, 0.02, { servers: place.servers });
            expect(done?.bytes, place.target.name).toBe(4096 * (done?.operations ?? 0));
            expect(done?.operations, place.target.name).toBeGreaterThan(0);
          }
          const [mount] = all;
          expect(mountOf(mount?.files?.directory ?? '').fileSystemType).toBe('fuse.dafs');
          const pids = Object.values(mount?.servers ?? {}).flat();
          expect(pids).toHaveLength(2);
          for (const pid of pids) expect(processorSeconds(pid)).toBeGreaterThanOrEqual(0);
        } finally {
          await places.close();
        }
        expect(existsSync(scratch)).toBe(false);
        expect(
          readdirSync(workspace.path('run/dafs')).filter((name) => /json|sock|fabric/.test(name)),
        ).toEqual([]);
      },
      LIMIT_MS,
    );
  },
);
