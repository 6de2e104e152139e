import { Worker } from 'node:worker_threads';

/** .ts in a checkout and .js in a published package, as this file is. */
const suffix = import.meta.filename.slice(-3);

/**
 * The most that V8 may use in a thread for new objects, in MB: a nursery of 1 MB, its mirror, and as
 * much again for large ones. Requests leave little garbage, and what V8 would take by itself are tens
 * of MB a thread. (V8's own flags could say the same, but with any flag changed V8 takes none of the
 * compiled code that Node brings along, and starts half as fast again.)
 */
const MAXIMUM_YOUNG_GENERATION_MB = 3;

/**
 * The most that V8 may use for what lives longer, in MB: far more than is ever needed. The less it is,
 * the less garbage V8 lets gather beside the living: with this half as much again, by default thrice.
 */
const MAXIMUM_OLD_GENERATION_MB = 1024;

/** The program at `source`, a .ts file of this project, as it is here: in a package it is a .js file. */
export function programAt(source: URL): URL {
  return new URL(source.href.replace(/\.ts$/, suffix));
}

const main = programAt(new URL('./thread-main.ts', import.meta.url));

/** Starts a thread that runs {@link programAt} `source` and finds `workerData` there. */
export function startThread(source: URL, workerData?: unknown): Worker {
  return new Worker(main, {
    argv: [programAt(source).href],
    workerData,
    resourceLimits: {
      maxYoungGenerationSizeMb: MAXIMUM_YOUNG_GENERATION_MB,
      maxOldGenerationSizeMb: MAXIMUM_OLD_GENERATION_MB,
    },
  });
}
