import { expect } from 'vitest';
import { TestServer } from './test-server.ts';

/** A server, and those that have taken the place of one that was killed: none may have had a fault. */
export class ServerLine {
  readonly #servers = [new TestServer()];

  /** The one that runs. */
  get current(): TestServer {
    return this.#servers.at(-1) as TestServer;
  }

  /** Kills the one that runs. @returns the next one, which serves what is left */
  restart(): TestServer {
    expect(this.current.faults).toEqual([]);
    this.#servers.push(this.current.successor());
    this.current.engine.finish();
    return this.current;
  }

  close(): void {
    for (const server of this.#servers) {
      expect(server.faults).toEqual([]);
      server.close();
    }
  }
}
