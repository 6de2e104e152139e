import type { Random } from '../../support/random.ts';
import type { QueuePair } from './queue-pair.ts';

/** A process of the simulated machine, as the adapter knows it. */
export interface Process {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  readonly isServer: boolean;
  isAlive: boolean;
}

/** What the adapter needs of the machine that it is in. */
export interface Machine {
  /** Whose code runs now. */
  readonly running: Process;
  /** Lets everything else happen until the condition holds or so much time has passed. */
  waitFor(condition: () => boolean, timeoutMs: number): void;
  /** Something happened at which a process can be killed. */
  passKillPoint(): void;
  keepMemory(path: string, memory: Uint8Array): void;
}

/** What a request for a connection has come to. */
export type Outcome = 'open' | 'accepted' | 'lost' | { readonly rejected: string };

/** Somebody asks for a connection. */
export class ConnectAttempt {
  readonly queuePair: QueuePair;
  readonly process: Process;
  outcome: Outcome = 'open';
  /** Nobody waits for the answer (any more). */
  isAbandoned = false;

  constructor(queuePair: QueuePair, process: Process) {
    this.queuePair = queuePair;
    this.process = process;
  }
}

/** What happens to messages and connections, once in how many. */
export interface NetworkFaults {
  readonly breaksOneIn: number;
  readonly connectFaultsOneIn: number;
}

/** A connection between two queue pairs, with the messages that are on their way. */
export class Connection {
  readonly ends: readonly [QueuePair, QueuePair | undefined];
  /** What is on its way to each end. */
  readonly queues: readonly [Uint8Array[], Uint8Array[]] = [[], []];
  readonly noticed: [boolean, boolean] = [false, false];
  isBroken = false;

  constructor(one: QueuePair, other: QueuePair | undefined) {
    this.ends = [one, other];
  }

  indexOf(queuePair: QueuePair): 0 | 1 {
    return this.ends[0] === queuePair ? 0 : 1;
  }

  peerOf(queuePair: QueuePair): QueuePair | undefined {
    return this.ends[1 - this.indexOf(queuePair)];
  }
}

/** All connections of the simulated world, and what goes wrong with them. */
export class Network {
  readonly machine: Machine;
  readonly #random: Random;
  readonly #connections = new Set<Connection>();
  faults: NetworkFaults = { breaksOneIn: 0, connectFaultsOneIn: 0 };
  /** Requests for a connection that the server has not looked at. */
  attempts: ConnectAttempt[] = [];
  hasListener = false;
  /** Connections that were broken. */
  breaks = 0;

  constructor(machine: Machine, random: Random) {
    this.machine = machine;
    this.#random = random;
  }

  /** A request arrives at the listener: once, twice, never, or without a way back. */
  ask(attempt: ConnectAttempt): void {
    const fault = this.#oneIn(this.faults.connectFaultsOneIn)
      ? this.#random.pick(['lost', 'twice', 'no answer'] as const)
      : undefined;
    if (fault !== 'lost') {
      this.attempts.push(attempt);
    }
    if (fault === 'twice' || fault === 'no answer') {
      const ghost = new ConnectAttempt(attempt.queuePair, attempt.process);
      ghost.isAbandoned = true;
      this.attempts.push(ghost);
    }
    if (fault === 'no answer') {
      attempt.isAbandoned = true;
    }
  }

  /** Joins the server's queue pair to the one that asks. One that nobody waits for breaks some time. */
  join(attempt: ConnectAttempt, queuePair: QueuePair): void {
    const { isAbandoned } = attempt;
    const connection = new Connection(queuePair, isAbandoned ? undefined : attempt.queuePair);
    this.#connections.add(connection);
    queuePair.attach(connection, attempt.process);
    if (isAbandoned) {
      connection.isBroken = true;
    } else {
      attempt.queuePair.attach(connection, queuePair.process);
      attempt.outcome = 'accepted';
    }
  }

  /** Takes a message on its way. */
  send(connection: Connection, from: QueuePair, message: Uint8Array): void {
    this.machine.passKillPoint();
    if (connection.isBroken || !from.process.isAlive) {
      return;
    }
    const breaks = this.#oneIn(this.faults.breaksOneIn);
    const isSent = !breaks || this.#random.oneIn(2);
    if (isSent) {
      connection.queues[1 - connection.indexOf(from)]?.push(message);
    }
    if (breaks) {
      this.break(connection);
    }
  }

  /** Both ends will hear of it, each in its time; of what is on its way some arrives still. */
  break(connection: Connection): void {
    if (connection.isBroken) {
      return;
    }
    this.breaks += 1;
    connection.isBroken = true;
    for (const queue of connection.queues) {
      queue.splice(this.#random.below(queue.length + 1));
    }
  }

  /** A process has ended: its connections are broken, and it hears of nothing any more. */
  dropProcess(process: Process): void {
    for (const connection of this.#connections) {
      const index = connection.ends.findIndex((end) => end?.process === process);
      if (index >= 0) {
        this.break(connection);
        connection.noticed[index] = true;
      }
    }
  }

  /** An end was closed by its owner. */
  closed(connection: Connection, queuePair: QueuePair): void {
    if (!connection.isBroken) {
      // What was sent before arrives still.
      connection.isBroken = true;
    }
    connection.noticed[connection.indexOf(queuePair)] = true;
    connection.queues[connection.indexOf(queuePair)].length = 0;
  }

  /** Delivers a message to one end that can take one, or tells it that the connection is lost. */
  deliverSome(): boolean {
    const ready: (() => void)[] = [];
    for (const connection of this.#connections) {
      for (const index of [0, 1] as const) {
        const end = connection.ends[index];
        if (end === undefined || connection.noticed[index]) continue;
        if (connection.queues[index].length > 0) {
          if (end.canReceive)
            ready.push(() => end.take(connection.queues[index].shift() as Uint8Array));
        } else if (connection.isBroken) {
          ready.push(() => this.#notice(connection, index));
        }
      }
      if (
        connection.isBroken &&
        connection.ends.every((end, index) => end === undefined || connection.noticed[index])
      ) {
        this.#connections.delete(connection);
      }
    }
    if (ready.length > 0) {
      this.#random.pick(ready)();
    }
    return ready.length > 0;
  }

  #notice(connection: Connection, index: 0 | 1): void {
    connection.noticed[index] = true;
    connection.ends[index]?.enterError();
  }

  #oneIn(times: number): boolean {
    return times > 0 && this.#random.oneIn(times);
  }
}

/** The network that the adapter's calls belong to: one world at a time. */
export let network: Network;

export function useNetwork(next: Network): void {
  network = next;
}
