import { Session } from 'node:inspector';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('../../../', import.meta.url));
const own = `file://${project}`;

interface CoverageResult {
  readonly result: readonly {
    readonly scriptId: string;
    readonly url: string;
    readonly functions: readonly {
      readonly ranges: readonly { startOffset: number; endOffset: number; count: number }[];
    }[];
  }[];
}

/** Which pieces of the project's code have run, as V8 tells: what has not been seen before is news. */
export class Coverage {
  readonly #session = new Session();
  readonly #seen = new Set<string>();

  constructor() {
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: false, detailed: true });
  }

  /** Whether something has run for the first time since the last call. */
  hasNews(): boolean {
    const before = this.#seen.size;
    this.#session.post('Profiler.takePreciseCoverage', (_error, coverage) => {
      const { result } = coverage as CoverageResult;
      for (const { scriptId, url, functions } of result) {
        // Generated decoders have no address.
        if (url === '' || (url.startsWith(own) && !url.startsWith(`${own}test/`))) {
          for (const { ranges } of functions) {
            // A range that has not run lies within one that has: what counts is which pieces there are.
            this.#seen.add(
              `${url || scriptId} ${ranges.map((r) => `${r.startOffset}-${r.endOffset}:${r.count}`)}`,
            );
          }
        }
      }
    });
    return this.#seen.size > before;
  }

  close(): void {
    this.#session.disconnect();
  }
}
