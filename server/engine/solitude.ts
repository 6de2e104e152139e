import type { Client } from '../sessions/session.ts';
import type { Exchange } from './exchange.ts';

/** Requests for which company is remembered. */
const remembered = 64;

/**
 * Whether nobody waits for an answer while the thread that serves waits for the disk: one client alone asks,
 * one request at a time, or all that ask wait for the disk themselves.
 */
export class Solitude {
  #client: Client | undefined;
  #inRound = 0;
  /** Requests until company is forgotten. */
  #companyLeft = remembered;
  /** Requests until those are forgotten that wanted nothing of the disk. */
  #otherLeft = remembered;

  /** A request was executed, of those that had come together. */
  executed({ channel, stableFile }: Exchange): void {
    const client = channel.session?.client;
    this.#inRound++;
    const hasCompany = client !== this.#client || this.#inRound > 1;
    this.#client = client;
    this.#companyLeft = hasCompany ? remembered : Math.max(0, this.#companyLeft - 1);
    this.#otherLeft = stableFile === undefined ? remembered : Math.max(0, this.#otherLeft - 1);
  }

  /** All requests that had come have been executed. */
  roundEnded(): void {
    this.#inRound = 0;
  }

  get isCertain(): boolean {
    return this.#companyLeft === 0 || this.#otherLeft === 0;
  }
}
