/**
 * Exercises one file with random reads, writes, truncations, mappings, holes and copies, and compares
 * each with what it must be: `node exercise-main.ts REQUEST`, the request as JSON. Prints the seed,
 * and what was done last when something differs; status 1 then. A process of its own, because a mount
 * may hang it.
 */
import { call } from '../support/libc.ts';
import { Random } from '../support/random.ts';
import { Exercised, type ExerciseName, exercises } from './exercises.ts';
import { ExpectedFile } from './expected-file.ts';

export interface ExerciseRequest {
  readonly path: string;
  readonly operations: number;
  readonly seed: number;
  /** The longest that the file gets, in bytes. */
  readonly limitBytes: number;
  /** What the file system under exercise cannot carry. */
  readonly without: readonly ExerciseName[];
}

/** So often, in operations, the whole file is compared. */
const WHOLE_EVERY = 200;
/** How many of the last operations a failing run prints. */
const REMEMBERED = 40;

const request = JSON.parse(process.argv[2] ?? '') as ExerciseRequest;
const { path, operations, seed, limitBytes, without } = request;

const drawn = (Object.keys(exercises) as ExerciseName[])
  .filter((name) => !without.includes(name))
  .flatMap((name) => Array<ExerciseName>(exercises[name].weight).fill(name));

const random = new Random(seed);
const expected = new ExpectedFile(limitBytes);
const file = new Exercised(path, random, expected);
const history: string[] = [];
const counts = new Map<ExerciseName, number>();

function checkWhole(): void {
  file.check(file.fd, 0, limitBytes);
  const size = call('lseek', file.fd, 0, 2);
  if (size !== expected.size) {
    throw new Error(`the file ends at ${size}, not at ${expected.size}`);
  }
}

process.stdout.write(`DAFS_EXERCISER_SEED=${seed} DAFS_EXERCISER_OPERATIONS=${operations}\n`);
let done = 0;
let current: ExerciseName = 'read';
try {
  while (done < operations) {
    current = random.pick(drawn);
    const numbers = exercises[current].run(file);
    if (numbers !== undefined) {
      done += 1;
      counts.set(current, (counts.get(current) ?? 0) + 1);
      history.push(`${done} ${current} ${numbers}`);
      if (history.length > REMEMBERED) {
        history.shift();
      }
      if (done % WHOLE_EVERY === 0) {
        checkWhole();
      }
    }
  }
  current = 'read';
  file.reopen();
  checkWhole();
  file.close();
  const never = drawn.filter((name) => !counts.has(name));
  if (operations > 1000 && never.length > 0) {
    throw new Error(`never done: ${[...new Set(never)].join(', ')}`);
  }
  process.stdout.write(`${done} operations, no difference\n`);
} catch (error) {
  process.stdout.write(`${history.join('\n')}\n`);
  process.stdout.write(`${done + 1} ${current} failed: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
