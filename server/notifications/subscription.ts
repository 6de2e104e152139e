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

/** Somebody who goes on when the client has acted upon what had changed of a file. */
interface Awaiting {
  readonly fileId: FileId;
  /** Messages that tell of it and are not answered. */
  readonly told: Set<Batch>;
  /** Whether some of it has not been told. */
  isPending: boolean;
  readonly goOn: () => void;
}

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
  readonly #awaiting = new Set<Awaiting>();
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

  /** A client that has files open was not told for a while of what others did to them. */
  begin(): void {
    if (this.client.opens.size > 0) {
      this.#pending.addEverything();
    }
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
    return !this.#pending.includes(id) && this.#batchesOf(id).length === 0;
  }

  /** Calls `goOn` when the client has acted upon what others have done to a file so far. */
  whenCoherent(id: FileId, goOn: () => void): void {
    if (this.isCoherent(id)) {
      goOn();
      return;
    }
    const told = new Set(this.#batchesOf(id));
    this.#awaiting.add({ fileId: id, told, isPending: this.#pending.includes(id), goOn });
    // Somebody waits for it: it is told as soon as the client can take it.
    this.#notBeforeMs = 0;
  }

  /** The client will be told nothing any more. */
  end(): void {
    for (const { goOn } of this.#awaiting) {
      goOn();
    }
    this.#awaiting.clear();
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
    this.#unanswered.add(batch);
    const isAwaited = this.#tellAwaiting(batch);
    this.#notBeforeMs = nowMs + (isAwaited ? 0 : PACE_MS);
    this.#directives.send(operations.BC_CHANGES, { alone: isAlone, ...batch }, (status) => {
      this.#unanswered.delete(batch);
      const isDone = status === DafsStatus.DAFS_STATUS_OK;
      if (!isDone) {
        this.#pending.addEverything();
        this.#notBeforeMs = nowMs + PAUSE_AFTER_REFUSAL_MS;
      }
      this.#answerAwaiting(batch, isDone);
    });
  }

  /** Messages that tell of a file and are not answered. */
  #batchesOf(id: FileId): Batch[] {
    return [...this.#unanswered].filter((batch) => tellsOf(batch, id));
  }

  /** @returns whether something is awaited that this message does not tell */
  #tellAwaiting(batch: Batch): boolean {
    let isAwaited = false;
    for (const one of this.#awaiting) {
      if (one.isPending && tellsOf(batch, one.fileId)) {
        one.told.add(batch);
        one.isPending = this.#pending.includes(one.fileId);
      }
      isAwaited ||= one.isPending;
    }
    return isAwaited;
  }

  #answerAwaiting(batch: Batch, isDone: boolean): void {
    for (const one of this.#awaiting) {
      if (one.told.delete(batch) && !isDone) {
        one.isPending = true;
      }
      if (one.told.size === 0 && !one.isPending) {
        this.#awaiting.delete(one);
        one.goOn();
      }
    }
  }
}

const tellsOf = ({ everything, files }: Batch, id: FileId): boolean =>
  everything || files.some(({ fileId }) => fileId === id);
