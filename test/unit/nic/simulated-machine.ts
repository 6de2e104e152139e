/**
 * A machine in simulated time: threads that work, poll and sleep on a few cores, under a scheduler
 * that is fair as Linux's is. Who comes back from a sleep takes the core of one who has used more;
 * a core that slept needs a while to wake. The same threads always do the same things.
 */
import { PollBudget } from '../../../nic/poll-budget.ts';

/** How long a thread runs while others wait for its core. */
const SLICE_US = 3000;
/** How far behind the others a thread may fall by sleeping. */
const SLEEPER_CREDIT_US = 1500;
const SWITCH_US = 2;
/** How often the scheduler looks after a thread that runs on. */
const LOOK_EVERY_US = 25;
const CORE_WAKE_US = 45;
/** What it costs to wake another thread. */
const RING_US = 2;

/** What a thread does with its next microsecond; it sleeps until it is woken. */
type Step = 'run' | 'sleep';
export type Program = Generator<Step, void>;

class Thread {
  readonly program: Program;
  /** The core that it must stay on. */
  readonly pinned: Core | undefined;
  core: Core;
  state: 'runnable' | 'sleeping' | 'ended' = 'runnable';
  usedUs = 0;
  /** When it can run at the earliest, after it was woken. */
  readyUs = 0;

  constructor(program: Program, core: Core, isPinned: boolean) {
    this.program = program;
    this.core = core;
    this.pinned = isPinned ? core : undefined;
  }

  isRunnableOn(core: Core): boolean {
    return this.core === core && this.state === 'runnable';
  }
}

class Core {
  current: Thread | undefined;
  sinceUs = 0;
  /** When to look at the latest who shall run. */
  lookUs = 0;
  /** How much processor time the least served of its threads has had. */
  floorUs = 0;
}

export class SimulatedMachine {
  nowUs = 0;
  /** Thread sleeps so far. */
  sleeps = 0;
  readonly #cores: readonly Core[];
  readonly #threads: Thread[] = [];

  constructor(cores: number) {
    this.#cores = Array.from({ length: cores }, () => new Core());
  }

  /** Starts a thread; with a number of a core it stays there. */
  start(program: Program, pinnedTo?: number): Thread {
    const number = pinnedTo ?? this.#threads.length % this.#cores.length;
    const thread = new Thread(program, this.#cores[number] as Core, pinnedTo !== undefined);
    this.#threads.push(thread);
    return thread;
  }

  run(milliseconds: number): void {
    for (const endUs = this.nowUs + milliseconds * 1000; this.nowUs < endUs; this.nowUs++) {
      for (const core of this.#cores) this.#spend(core);
    }
  }

  /** Ends a thread's sleep. */
  wake(thread: Thread): void {
    if (thread.state !== 'sleeping') return;
    const isIdle = (core: Core) => !this.#threads.some((other) => other.isRunnableOn(core));
    const core = thread.pinned ?? [thread.core, ...this.#cores].find(isIdle) ?? thread.core;
    thread.readyUs = this.nowUs + (isIdle(core) ? CORE_WAKE_US : SWITCH_US);
    thread.usedUs = Math.max(thread.usedUs, core.floorUs - SLEEPER_CREDIT_US);
    thread.core = core;
    thread.state = 'runnable';
    core.lookUs = thread.readyUs;
  }

  #spend(core: Core): void {
    const isDue = core.lookUs <= this.nowUs || core.current?.state !== 'runnable';
    const thread = isDue ? this.#choose(core) : core.current;
    if (thread === undefined) return;
    thread.usedUs++;
    const { done, value } = thread.program.next();
    if (done) thread.state = 'ended';
    else if (value === 'sleep') thread.state = 'sleeping';
    if (value === 'sleep') this.sleeps++;
  }

  /** Who has the core now. */
  #choose(core: Core): Thread | undefined {
    core.lookUs = this.nowUs + LOOK_EVERY_US;
    const mine = this.#threads.filter((thread) => thread.isRunnableOn(core));
    const ready = mine.filter(({ readyUs }) => readyUs <= this.nowUs);
    const [least] = mine.map(({ usedUs }) => usedUs).sort((one, other) => one - other);
    core.floorUs = Math.max(core.floorUs, least ?? 0);
    const current = ready.find((thread) => thread === core.current);
    const next = leastServed(ready) ?? this.#pull(core);
    const stays =
      current !== undefined &&
      next !== undefined &&
      this.nowUs - core.sinceUs < SLICE_US &&
      current.usedUs < next.usedUs + SLEEPER_CREDIT_US / 2;
    if (stays) return current;
    if (next !== core.current) core.sinceUs = this.nowUs;
    core.current = next;
    return next;
  }

  /** An idle core takes over a thread that waits for another one. */
  #pull(core: Core): Thread | undefined {
    const waiting = this.#threads.filter(
      (thread) =>
        thread.state === 'runnable' &&
        thread.pinned === undefined &&
        thread.core.current !== thread &&
        thread.readyUs <= this.nowUs,
    );
    const thread = leastServed(waiting);
    if (thread === undefined) return undefined;
    thread.usedUs += core.floorUs - thread.core.floorUs;
    thread.core = core;
    return thread;
  }
}

function leastServed(threads: readonly Thread[]): Thread | undefined {
  return [...threads].sort((one, other) => one.usedUs - other.usedUs)[0];
}

/** Uses the processor. */
export function* work(microseconds: number): Program {
  for (let count = 0; count < microseconds; count++) yield 'run';
}

/** Messages to one thread, which waits for them as those of the NIC do. */
export class Mailbox {
  readonly #machine: SimulatedMachine;
  readonly #budget: PollBudget;
  #reader: Thread | undefined;
  #messages = 0;

  /** @param microseconds how long its reader may poll */
  constructor(machine: SimulatedMachine, microseconds: number) {
    this.#machine = machine;
    this.#budget = new PollBudget(microseconds, () => machine.nowUs / 1000);
  }

  /** Tells who waits here. */
  belongsTo(reader: Thread): void {
    this.#reader = reader;
  }

  *send(): Program {
    yield 'run';
    this.#messages++;
    if (this.#reader?.state !== 'sleeping') return;
    this.#machine.wake(this.#reader);
    yield* work(RING_US);
  }

  *receive(): Program {
    if (this.#budget.begin()) {
      do yield 'run';
      while (this.#messages === 0 && !this.#budget.isOver());
      this.#budget.end(this.#messages > 0);
    }
    while (this.#messages === 0) yield 'sleep';
    this.#messages--;
  }
}
