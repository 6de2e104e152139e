/** Feeds decoders what they were not made for. */
import { Random } from '../../support/random.ts';
import type { Coverage } from './coverage.ts';
import { mutant } from './mutations.ts';

/** Something that takes bytes from somebody who may mean harm, or from a disk that may have changed them. */
export interface Target {
  readonly name: string;
  /** Bytes that are right. */
  readonly seeds: readonly Uint8Array[];
  /**
   * Decodes the bytes and looks at what came of it.
   * @throws whatever the decoder throws
   */
  decode(input: Uint8Array): void;
  /** Whether that is the decoder's way to say what is wrong; everything else is a finding. */
  isPrecise(error: unknown): boolean;
}

export interface Finding {
  readonly target: string;
  readonly input: string;
  readonly error: string;
}

export interface FuzzReport {
  readonly inputs: number;
  /** Inputs that made something run that had not, and were built upon. */
  readonly corpus: number;
  readonly findings: readonly Finding[];
}

/** Inputs between two looks at what has run. */
const BATCH = 16;
/** One decoder's mistake shows in many inputs. */
const MAXIMUM_FINDINGS = 3;

/** What is wrong with a decoder's answer to one input, if anything is. */
export function findingOf(target: Target, input: Uint8Array): Finding | undefined {
  try {
    // A copy: what a decoder does to its input is not to be in the report.
    target.decode(input.slice());
    return undefined;
  } catch (error) {
    if (target.isPrecise(error)) {
      return undefined;
    }
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { target: target.name, input: Buffer.from(input).toString('hex'), error: text };
  }
}

/**
 * The seed of a run: the environment's; for a long run any; for a short one always the same, so that
 * what a change breaks is not found by who changes something else.
 */
export function fuzzSeed(): number {
  const { DAFS_FUZZ_SEED, DAFS_FUZZ_SECONDS } = process.env;
  return Number(DAFS_FUZZ_SEED ?? (DAFS_FUZZ_SECONDS ? Math.floor(Math.random() * 2 ** 31) : 1));
}

/** Tells when this process has worked for so long: others may work on the machine, too. */
export function stopwatch(durationMs: number): () => boolean {
  const began = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(began);
    return (user + system) / 1000 >= durationMs;
  };
}

/** Fuzzes one target for so long. Inputs that reach code which none has reached become seeds. */
export function fuzz(
  target: Target,
  seed: number,
  durationMs: number,
  coverage: Coverage,
): FuzzReport {
  const random = new Random(seed);
  const corpus = [...target.seeds];
  const findings: Finding[] = [];
  let inputs = 0;
  const isNew = (input: Uint8Array): boolean => {
    findingOf(target, input);
    return coverage.hasNews();
  };
  target.seeds.forEach(isNew);
  const isOver = stopwatch(durationMs);
  do {
    const batch: Uint8Array[] = [];
    do {
      const input = mutant(corpus, random);
      batch.push(input);
      findings.push(...[findingOf(target, input)].filter((finding) => finding !== undefined));
    } while (batch.length < BATCH && !isOver());
    inputs += batch.length;
    // Coverage tells of a piece of code once, so the whole batch is kept: mutants of it find their way.
    if (coverage.hasNews()) {
      corpus.push(...batch);
    }
  } while (!isOver() && findings.length < MAXIMUM_FINDINGS);
  return { inputs, corpus: corpus.length - target.seeds.length, findings };
}
