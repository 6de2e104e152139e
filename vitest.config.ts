import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes a minute or more, longest first: begun last, one would run alone at the end. */
const longest = [
  'test/conformance/',
  'test/unit/mount/life-cycle',
  'test/model/',
  'test/applications/',
];

const rankOf = ({ moduleId }: TestSpecification): number => {
  const rank = longest.findIndex((place) => moduleId.includes(place));
  return rank === -1 ? longest.length : rank;
};

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.sort((a, b) => rankOf(a) - rankOf(b));
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/property-tests.ts'],
    globalSetup: ['test/support/unstable-files.ts'],
    reporters: ['default', './test/support/long-running.ts'],
    // Tests start server and mount processes and map shared memory: processes of their own keep a
    // crash of one file from taking the others along. They wait a good deal, so that two cores bear
    // three of them.
    pool: 'forks',
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    testTimeout: 30_000,
    hookTimeout: 30_000,
    env: {
      // Beside hundreds of processes, V8's own threads would only take turns with theirs.
      NODE_OPTIONS: '--v8-pool-size=1',
      // All are of the same sources: their types are stripped once.
      NODE_COMPILE_CACHE: fileURLToPath(
        new URL('node_modules/.cache/dafs-compiled', import.meta.url),
      ),
    },
  },
});
