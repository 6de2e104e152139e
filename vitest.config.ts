import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Tests start server and mount processes and map shared memory: processes of their own keep a
    // crash of one file from taking the others along, and two cores bear two of them.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Hundreds of processes are started, of the same sources: their types are stripped once.
    env: {
      NODE_COMPILE_CACHE: fileURLToPath(
        new URL('node_modules/.cache/dafs-compiled', import.meta.url),
      ),
    },
  },
});
