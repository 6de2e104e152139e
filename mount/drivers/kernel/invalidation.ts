/**
 * Makes the kernel forget what other clients have changed. Belongs to the listener's thread, which
 * answers no requests: the kernel may wait, before it forgets, for a reply of one of our workers.
 */

import type { ChangedFile, ChangeNews } from '../../listener.ts';
import { type CacheBoard, CacheMode } from './cache-board.ts';
import type { Notifier } from './notifier.ts';

/** How often workers are looked at that are still at requests from before a change. */
const LOOK_AGAIN_MS = 0.1;

export interface InvalidationOptions {
  readonly board: CacheBoard;
  readonly notifier: Notifier;
  /** Whether the kernel may believe names although there are other clients. */
  readonly keepsNamesWhenShared: boolean;
  /**
   * Whether all names that the kernel knows can be made doubtful at once. It cannot where other file
   * systems are mounted on some: the kernel would unmount them.
   */
  readonly canForgetNames: () => boolean;
}

export class Invalidation {
  readonly #options: InvalidationOptions;
  readonly #sleep = new Int32Array(new SharedArrayBuffer(4));
  /** Whether names may be known to the kernel, so that we must hear of each that changes. */
  #knowsNames = true;
  #isAlone = false;

  constructor(options: InvalidationOptions) {
    this.#options = options;
  }

  /** Whether the names that change have to be told. */
  get wantsNames(): boolean {
    return this.#knowsNames;
  }

  /** Whether the server has said that there is no other client, and the mount does not know it yet. */
  get isBecomingAlone(): boolean {
    return this.#isAlone && this.#options.board.mode() !== CacheMode.ALONE;
  }

  /** The server tells names too, and there is no other client. */
  becomeAlone(): void {
    this.#isAlone = true;
    this.#knowsNames = true;
    this.#options.board.setMode(CacheMode.ALONE);
  }

  /** There are other clients. */
  becomeShared(): void {
    this.#isAlone = false;
    if (this.#options.board.mode() === CacheMode.SHARED) return;
    this.#options.board.setMode(CacheMode.SHARED);
    this.#forgetNames();
  }

  /** We shall not be told what others change any more. */
  becomeUntold(): void {
    this.#isAlone = false;
    this.#options.board.setMode(CacheMode.UNTOLD);
    this.#options.board.nextGeneration();
    this.#forgetNames();
  }

  /** Acts upon what the server has told; when it returns, the kernel knows nothing wrong of it. */
  apply({ alone, everything, files, names }: ChangeNews): void {
    const { notifier, board } = this.#options;
    this.#isAlone = alone;
    if (!alone) this.becomeShared();
    if (everything) {
      board.nextGeneration();
      this.#forgetNames();
    }
    for (const file of files) this.#forget(file);
    for (const { parent, name } of names) notifier.invalidateEntry(parent, name);
    this.#settle(files);
  }

  /** Names that are known from now on are asked for each time, unless the user wants it otherwise. */
  #forgetNames(): void {
    const { canForgetNames, keepsNamesWhenShared, notifier } = this.#options;
    if (!canForgetNames()) return;
    notifier.forgetNames();
    this.#knowsNames = keepsNamesWhenShared;
  }

  #forget({ nodeid, isData, offset, length }: ChangedFile): void {
    const { notifier } = this.#options;
    if (isData) notifier.invalidateData(nodeid, offset, length);
    else notifier.invalidateAttributes(nodeid);
  }

  /**
   * A worker may have asked the server before the change and reply only now: the kernel would then
   * learn attributes, or a listing, that are old. So, once these workers are through, the kernel is
   * told again. Pages of files need that not: the kernel holds them until the reply is there.
   */
  #settle(files: readonly ChangedFile[]): void {
    const { board, notifier } = this.#options;
    const requests = board.requestsUnderWay();
    if (files.length === 0 || board.areDone(requests)) return;
    while (!board.areDone(requests)) Atomics.wait(this.#sleep, 0, 0, LOOK_AGAIN_MS);
    for (const file of files) {
      const isListing = file.isData && file.offset === 0 && file.length === 0;
      if (isListing) this.#forget(file);
      else notifier.invalidateAttributes(file.nodeid);
    }
  }
}
