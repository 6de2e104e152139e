import type { WorkCompletion } from '../../../nic/work-request.ts';
import { ProtectionDomain } from './memory.ts';
import { network, type Process } from './network.ts';
import { CompletionQueue, QueuePair } from './queue-pair.ts';

/** The simulated adapter as one process has it. */
export class Context {
  readonly #process: Process = network.machine.running;

  static open(): Context {
    return new Context();
  }

  allocateProtectionDomain(): ProtectionDomain {
    return new ProtectionDomain(this.#process, (domain, options) => new QueuePair(domain, options));
  }

  createCompletionQueue(): CompletionQueue {
    return new CompletionQueue();
  }

  createCompletionGroup(): CompletionGroup {
    return new CompletionGroup(this.#process);
  }

  /** The world tells by itself which connections are lost. */
  service(): void {}

  waker(): undefined {
    return undefined;
  }

  /** A server looks at its messages, and comes back to the simulation, after each turn. */
  takeWake(): boolean {
    return true;
  }

  close(): void {}
}

export class CompletionGroup {
  readonly #process: Process;
  readonly #queues: CompletionQueue[] = [];

  constructor(process: Process) {
    this.#process = process;
  }

  add(queue: CompletionQueue): void {
    this.#queues.push(queue);
  }

  remove(queue: CompletionQueue): void {
    this.#queues.splice(this.#queues.indexOf(queue), 1);
  }

  poll(completions: WorkCompletion[]): number {
    let count = 0;
    for (const queue of this.#queues) {
      while (count < completions.length && queue.completions.length > 0) {
        Object.assign(completions[count] as WorkCompletion, queue.completions.shift());
        count += 1;
      }
    }
    return count;
  }

  /** A client that waits lets the world go on. The server is part of the world and waits for nothing. */
  wait(completions: WorkCompletion[], timeoutMs: number): number {
    if (!this.#process.isServer) {
      const isReady = () => this.#queues.some((queue) => queue.completions.length > 0);
      network.machine.waitFor(isReady, timeoutMs);
    }
    return this.poll(completions);
  }
}
