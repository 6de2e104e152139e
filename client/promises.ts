import type { Request } from './request.ts';
import type { Session } from './session.ts';

/** How many turns of the event loop look for responses before they come at longer intervals. */
const EAGER_TURNS = 200;
const LAZY_INTERVAL_MS = 1;
/** Blocking for so long lets the NIC notice that the server died, which polling alone does not. */
const LAZY_WAIT_MS = 1;

interface Awaited {
  // biome-ignore lint/suspicious/noExplicitAny: requests are invariant in arguments and results.
  readonly request: Request<any, any>;
  readonly resolve: (results: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Looks after the promised requests of one session from the event loop, while there are any. */
class Pump {
  readonly #session: Session;
  #awaited: Awaited[] = [];
  #idleTurns = 0;
  #isScheduled = false;

  constructor(session: Session) {
    this.#session = session;
  }

  add(awaited: Awaited): void {
    this.#awaited.push(awaited);
    this.#idleTurns = 0;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#awaited.length === 0) {
      return;
    }
    this.#isScheduled = true;
    const turn = () => {
      this.#isScheduled = false;
      this.#turn();
      this.#schedule();
    };
    if (this.#idleTurns < EAGER_TURNS) {
      setImmediate(turn);
    } else {
      setTimeout(turn, LAZY_INTERVAL_MS);
    }
  }

  #turn(): void {
    const messages = this.#session.poll(this.#idleTurns < EAGER_TURNS ? 0 : LAZY_WAIT_MS);
    this.#idleTurns = messages > 0 ? 0 : this.#idleTurns + 1;
    const waiting: Awaited[] = [];
    for (const awaited of this.#awaited) {
      if (awaited.request.isDone) {
        settle(awaited);
      } else {
        waiting.push(awaited);
      }
    }
    this.#awaited = waiting;
  }
}

const pumps = new WeakMap<Session, Pump>();

/** A promise that settles when `request` is done. */
export function settleWhenDone<Arguments, Results>(
  session: Session,
  request: Request<Arguments, Results>,
): Promise<Results> {
  let pump = pumps.get(session);
  if (pump === undefined) {
    pump = new Pump(session);
    pumps.set(session, pump);
  }
  const owner = pump;
  return new Promise<Results>((resolve, reject) => {
    owner.add({ request, resolve: resolve as (results: unknown) => void, reject });
  });
}

function settle({ request, resolve, reject }: Awaited): void {
  try {
    resolve(request.results);
  } catch (error) {
    reject(error);
  }
}
