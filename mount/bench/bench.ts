/**
 * A run of `dafs bench`: the same jobs at several targets. In each round the targets take turns at each
 * job, so that a disturbance meets all of them; who begins changes from round to round.
 */
import { CommandError, describeError } from '../command-error.ts';
import { assertStillThere } from './directories.ts';
import { prepareFile, readFileOnce } from './file-jobs.ts';
import { chooseGenerator } from './generator.ts';
import { type Job, type JobContext, jobsOf } from './jobs.ts';
import { Pace } from './pace.ts';
import type { Place } from './place.ts';
import { Places } from './places.ts';
import { ProcessorMeter, processorSecondsOfChildren } from './processor-time.ts';
import { ProgramError } from './programs.ts';
import {
  type BenchResult,
  type GroupName,
  type ProcessorSeconds,
  RESULT_FORMAT,
  type Sample,
  type Unit,
} from './result.ts';
import { describeSetUp } from './set-up.ts';
import type { WorkDone } from './work.ts';

export interface BenchRequest {
  readonly directories: readonly string[];
  readonly groups: readonly GroupName[];
  /** How long one measurement lasts; less than half a second also makes files fewer and smaller. */
  readonly seconds: number;
  readonly rounds: number;
  /** Ends the run. */
  readonly signal: AbortSignal;
  /** Told what is being done, how much is done (0 to 1), and the time left. */
  onProgress(part: number, subject: string): void;
}

/** Half of what a server caches by default: what was read once is read warm. */
const FILE_BYTES = 128 << 20;
const LEAST_FILE_BYTES = 8 << 20;
/** Measurements that are as long have as many files and as large ones as there are at all. */
const FULL_SIZE_SECONDS = 0.5;
const FILES = 4000;
const TREE_FILES = 2600;
const TREE_FILE_BYTES = 16_384;

/** V8 has yet to compile what serves a target: a round before the first does not count, and is shorter. */
const WARMING_PART = 0.3;

/** A shorter warming round would warm nothing. */
const LEAST_WARMING_SECONDS = 0.03;

/** Mounting, and giving the target its file. */
const OPENING_SECONDS = 2;

/** Reading that file, with starting the program that does. */
const READING_SECONDS = 1;

/** @throws CommandError, with nothing left behind */
export async function runBench(request: BenchRequest): Promise<BenchResult> {
  const startedMs = performance.now();
  const startedAt = new Date().toISOString();
  const size = Math.min(1, request.seconds / FULL_SIZE_SECONDS);
  const fileBytes = Math.max(LEAST_FILE_BYTES, Math.ceil(size * 128) << 20);
  const treeFiles = Math.ceil(size * TREE_FILES);
  const places = await Places.open({
    directories: request.directories,
    hasLibrary: request.groups.includes('sizes'),
    neededBytes: 2 * (FILE_BYTES + TREE_FILES * TREE_FILE_BYTES),
  });
  try {
    const generator = await chooseGenerator();
    const files = Math.ceil(size * FILES);
    const context = { generator, fileBytes, files, treeFiles, scratch: places.scratch };
    const run = new Run(request, context, places.all);
    const setUp = describeSetUp(request, context);
    await run.measureAll();
    return {
      format: RESULT_FORMAT,
      startedAt,
      tookSeconds: (performance.now() - startedMs) / 1000,
      setUp,
      ...run.result(),
    };
  } catch (error) {
    throw explained(error, request.signal);
  } finally {
    await places.close();
  }
}

function explained(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return new CommandError('INTERRUPTED', 'interrupted; nothing is left behind');
  if (!(error instanceof ProgramError)) return error;
  return new CommandError('BENCH_FAILED', describeError(error), { cause: error });
}

const valueOfUnit: Readonly<Record<Unit, (done: WorkDone) => number>> = {
  'k/s': ({ operations, seconds }) => operations / seconds / 1e3,
  'GB/s': ({ bytes, seconds }) => bytes / seconds / 1e9,
};

interface Round {
  readonly name: string;
  readonly seconds: number;
  /** Whether its figures do. */
  readonly counts: boolean;
}

class Run {
  readonly #request: BenchRequest;
  readonly #context: JobContext;
  readonly #places: readonly Place[];
  readonly #jobs: readonly Job[];
  readonly #pace: Pace;
  /** By job and place, in the order of the rounds. */
  readonly #samples = new Map<Job, Map<Place, Sample[]>>();

  constructor(request: BenchRequest, context: JobContext, places: readonly Place[]) {
    this.#request = request;
    this.#context = context;
    this.#places = places;
    this.#jobs = jobsOf(request.groups, context);
    const expected = this.#jobs.map((job) => {
      const each = this.#rounds().map(
        (round) => this.#placesOf(job, round).length * job.expectedSeconds(round.seconds),
      );
      return each.reduce((sum, one) => sum + one, 0);
    });
    const opening = (OPENING_SECONDS + READING_SECONDS * this.#rounds().length) * places.length;
    this.#pace = new Pace(expected.reduce((sum, one) => sum + one, opening));
  }

  async measureAll(): Promise<void> {
    for (const place of this.#places) {
      this.#tell(`preparing: ${place.target.name}`);
      await prepareFile(place, this.#context, this.#request.signal);
      this.#pace.done(OPENING_SECONDS);
    }
    for (const [turn, round] of this.#rounds().entries()) {
      const each = await this.#round(round, turn);
      if (!round.counts) continue;
      for (const { job, place, sample } of each) this.#keep(job, place, sample);
    }
  }

  #rounds(): Round[] {
    const { seconds, rounds } = this.#request;
    const warming = { name: 'warming', seconds: seconds * WARMING_PART, counts: false };
    const counting = Array.from({ length: rounds }, (_, index) => ({
      name: `round ${index + 1} of ${rounds}`,
      seconds,
      counts: true,
    }));
    return warming.seconds < LEAST_WARMING_SECONDS ? counting : [warming, ...counting];
  }

  /** What the report needs to know of jobs, targets and figures. */
  result(): Pick<BenchResult, 'jobs' | 'targets' | 'measurements' | 'omissions'> {
    return {
      jobs: this.#jobs.map(({ name, group, unit, condition, blockBytes }) => ({
        ...{ name, group, unit, condition },
        ...(blockBytes !== undefined && { blockBytes }),
      })),
      targets: this.#places.map(({ target }) => target),
      measurements: [...this.#samples].flatMap(([job, ofPlaces]) =>
        [...ofPlaces].map(([place, samples]) => ({
          ...{ job: job.name, target: place.target.name, samples },
        })),
      ),
      omissions: this.#jobs.flatMap((job) =>
        this.#places.flatMap((place) => {
          const why = job.obstacle(place);
          return why === undefined ? [] : [{ job: job.name, target: place.target.name, why }];
        }),
      ),
    };
  }

  /** Where a job is done in a round: the programs that use the library warm themselves. */
  #placesOf(job: Job, { counts }: Round): Place[] {
    const possible = this.#places.filter((place) => job.obstacle(place) === undefined);
    return counts ? possible : possible.filter(({ library }) => library === undefined);
  }

  /** Each job at each target once. @param turn of whom it is to begin */
  async #round(round: Round, turn: number) {
    const { name, seconds } = round;
    const all: { job: Job; place: Place; sample: Sample }[] = [];
    for (const place of this.#places) {
      this.#tell(`${name}, reading the file once: ${place.target.name}`);
      await readFileOnce(place, this.#context, this.#request.signal);
      this.#pace.done(READING_SECONDS);
    }
    for (const job of this.#jobs) {
      const places = this.#placesOf(job, round);
      for (const index of places.keys()) {
        const place = places[(turn + index) % places.length] as Place;
        this.#tell(`${name}, ${job.name}: ${place.target.name}`);
        all.push({ job, place, sample: await this.#measureNamed(job, place, seconds) });
        this.#pace.done(job.expectedSeconds(seconds));
      }
    }
    return all;
  }

  /** What fails says of which job it was, and where. */
  async #measureNamed(job: Job, place: Place, seconds: number): Promise<Sample> {
    try {
      return await this.#measure(job, place, seconds);
    } catch (error) {
      if (!(error instanceof ProgramError)) throw error;
      const message = `${job.name}, ${place.target.name}: ${describeError(error)}`;
      throw new ProgramError(message, { cause: error });
    }
  }

  async #measure(job: Job, place: Place, seconds: number): Promise<Sample> {
    const { signal } = this.#request;
    signal.throwIfAborted();
    if (place.files) assertStillThere(place.files.checked);
    await job.prepare(place);
    const { servers } = place;
    const meter = new ProcessorMeter(servers);
    const childrenBefore = processorSecondsOfChildren();
    const done = await job.run(place, seconds, { signal, servers });
    const wentBy = meter.read();
    const ofChildren = processorSecondsOfChildren() - childrenBefore;
    const { operations, bytes, seconds: took, latency } = done;
    return {
      value: valueOfUnit[job.unit](done),
      ...{ operations, bytes, seconds: took },
      processor: done.processor ?? withoutOverhead(done, wentBy, ofChildren),
      ...(latency && { latency }),
    };
  }

  #keep(job: Job, place: Place, sample: Sample): void {
    const ofPlaces = this.#samples.get(job) ?? new Map<Place, Sample[]>();
    this.#samples.set(job, ofPlaces);
    ofPlaces.set(place, [...(ofPlaces.get(place) ?? []), sample]);
  }

  #tell(what: string): void {
    this.#request.onProgress(this.#pace.part, `${this.#pace.describeTimeLeft()} left: ${what}`);
  }
}

/** What a program takes to start and to end is not the target's doing. */
function withoutOverhead(
  { callerSeconds }: WorkDone,
  { machine, servers }: Omit<ProcessorSeconds, 'caller'>,
  ofChildren: number,
): ProcessorSeconds {
  const caller = callerSeconds ?? ofChildren;
  return { caller, servers, machine: Math.max(0, machine - Math.max(0, ofChildren - caller)) };
}
