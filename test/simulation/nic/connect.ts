import { NicError } from '../../../nic/error.ts';
import { ConnectAttempt, network, type Process } from './network.ts';
import type { QueuePair } from './queue-pair.ts';

/** Connects a queue pair to the simulated server, or throws as the adapter does. */
export function connect(path: string, queuePair: QueuePair, options: { timeoutMs?: number }): void {
  if (!network.hasListener) {
    throw new NicError('ECONNREFUSED', `cannot connect to ${path}: nobody listens`);
  }
  const attempt = new ConnectAttempt(queuePair, queuePair.process);
  network.ask(attempt);
  network.machine.waitFor(() => attempt.outcome !== 'open', options.timeoutMs ?? 5000);
  if (attempt.outcome === 'open') {
    attempt.isAbandoned = true;
    throw new NicError('ETIMEDOUT', `cannot connect to ${path}: no answer`);
  }
  if (attempt.outcome === 'lost') {
    throw new NicError('ECONNRESET', `cannot connect to ${path}: the listener left`);
  }
  if (attempt.outcome !== 'accepted') {
    throw new NicError('ECONNREFUSED', `cannot connect to ${path}: ${attempt.outcome.rejected}`);
  }
}

/** What the control side hands to the data plane: here it is the request itself. */
export class ConnectionRequest {
  readonly peer: Process;
  readonly #attempt: ConnectAttempt;

  private constructor(attempt: ConnectAttempt) {
    this.#attempt = attempt;
    this.peer = attempt.process;
  }

  static attach(attempt: ConnectAttempt): ConnectionRequest {
    return new ConnectionRequest(attempt);
  }

  get hasLeft(): boolean {
    return !this.#attempt.process.isAlive;
  }

  accept(queuePair: QueuePair): void {
    network.join(this.#attempt, queuePair);
  }

  reject(reason: string): void {
    this.#attempt.outcome = { rejected: reason };
  }
}
