import { HEADER_BYTES } from '../../client/protocol/codec.ts';
import { operations } from '../../client/protocol/operations.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import type { Directives } from '../engine/directives.ts';
import type { Client, Session } from '../sessions/session.ts';
import type { FileId } from '../store/index.ts';
import { type Batch, END_OF_FILE, PendingChanges } from './pending-changes.ts';

/** What a client may not have been told yet at most; beyond, it has to forget everything. */
const MOST_PENDING = 4096;
/** Messages to one client that it has not answered: the next one is prepared while it works. */
const MOST_UNANSWERED = 2;
/** Time between two messages to a client, so that one tells of many changes. */
const PACE_MS = 2;
/** Time until a client that could not take a message is tried again. */
const PAUSE_AFTER_REFUSAL_MS = 100;
/** Room in a message for the header, what stands before the records, and their alignment. */
const FRAME_BYTES = HEADER_BYTES + 64;

/** One client that wants to be told what others change, and what it has not been told yet. */
export class Subscription {
  readonly client: Client;
  readonly session: Session;
  /** Whether it wants to hear of names, and not of files alone. */
  wantsNames: boolean;
  readonly #directives: Directives;
  readonly #pending = new PendingChanges(MOST_PENDING);
  /** Told, but the client may not have acted upon it yet. */
  readonly #unanswered = new Set<Batch>();
  #toldAlone: boolean;
  #notBeforeMs = 0;

  /** @param isAlone what the client is told at once */
  constructor(
    client: Client,
    session: Session,
    directives: Directives,
    options: { readonly wantsNames: boolean; readonly isAlone: boolean },
  ) {
    this.client = client;
    this.session = session;
    this.wantsNames = options.wantsNames;
    this.#directives = directives;
    this.#toldAlone = options.isAlone;
  }

  attributesChanged(id: FileId): void {
    this.#pending.addAttributes(id);
  }

  dataChanged(id: FileId, offset: number, end: number): void {
    this.#pending.addData(id, offset, end);
  }

  nameChanged(directory: FileId, name: Uint8Array): void {
    this.#pending.addData(directory, 0, END_OF_FILE);
    if (this.wantsNames) {
      this.#pending.addName(directory, name);
    }
  }

  /** Whether the client has acted upon every change that others have made to the file. */
  isCoherent(id: FileId): boolean {
    if (this.#pending.includes(id)) {
      return false;
    }
    for (const { everything, files } of this.#unanswered) {
      if (everything || files.some(({ fileId }) => fileId === id)) {
        return false;
      }
    }
    return true;
  }

  /** How long until there is something to send; Infinity when there is not, or no answer yet. */
  dueMs(nowMs: number, isAlone: boolean): number {
    const hasNews = this.#toldAlone !== isAlone || !this.#pending.isEmpty;
    return hasNews && this.#unanswered.size < MOST_UNANSWERED
      ? Math.max(0, this.#notBeforeMs - nowMs)
      : Number.POSITIVE_INFINITY;
  }

  /** Sends the next message. To be called when {@link dueMs} is 0. */
  send(nowMs: number, isAlone: boolean): void {
    const batch = this.#pending.take(this.#directives.maxRequestBytes - FRAME_BYTES);
    if (batch.everything) {
      // What is open now is not opened again before it is read: it has to be named.
      for (const { fileId } of this.client.opens) {
        this.#pending.addData(fileId, 0, END_OF_FILE);
      }
    }
    this.#toldAlone = isAlone;
    this.#notBeforeMs = nowMs + PACE_MS;
    this.#unanswered.add(batch);
    this.#directives.send(operations.BC_CHANGES, { alone: isAlone, ...batch }, (status) => {
      this.#unanswered.delete(batch);
      if (status !== DafsStatus.DAFS_STATUS_OK) {
        this.#pending.addEverything();
        this.#notBeforeMs = nowMs + PAUSE_AFTER_REFUSAL_MS;
      }
    });
  }
}
