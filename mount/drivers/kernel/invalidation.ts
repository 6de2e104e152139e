/**
 * Makes the kernel forget what other clients have changed. Belongs to the listener's thread.
 */

import type { ChangedEntry, ChangedFile, ChangeNews } from '../../listener.ts';
import { type CacheBoard, CacheMode, isIdle } from './cache-board.ts';
import type { Messenger } from './messenger.ts';
import { Notifier } from './notifier.ts';
import type { WriteOrder } from './write-order.ts';

/** How often workers are looked at that are still at requests from before a change. */
const LOOK_AGAIN_MS = 0.1;

export interface InvalidationOptions {
  readonly board: CacheBoard;
  /** For what the kernel takes at once: attributes, and all names together. */
  readonly notifier: Pick<Notifier, 'invalidateAttributes' | 'forgetNames'>;
  /** For the rest, which the kernel may keep waiting. */
  readonly startMessenger: () => PatientMessenger;
  /** Is told whose pages are about to go. */
  readonly order: Pick<WriteOrder, 'changed'>;
  /** Whether the kernel may believe names although there are other clients. */
  readonly keepsNamesWhenShared: boolean;
  /**
   * Whether all names that the kernel knows can be made doubtful at once. It cannot where other file
   * systems are mounted on some: the kernel would unmount them.
   */
  readonly canForgetNames: () => boolean;
}

type PatientMessenger = Pick<Messenger, 'take' | 'settle' | 'close'>;

interface PatientDelivery {
  readonly messenger: PatientMessenger;
  readonly notifier: Notifier;
}

export class Invalidation {
  readonly #options: InvalidationOptions;
  readonly #sleep = new Int32Array(new SharedArrayBuffer(4));
  /** Whether names may be known to the kernel, so that we must hear of each that changes. */
  #knowsNames = true;
  #isAlone = false;
  #delivery: PatientDelivery | undefined;

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
    // So that it is there when something changes.
    this.#patientDelivery();
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
    const { board } = this.#options;
    const requests = board.requestsUnderWay();
    const isChanging = board.isChanging();
    this.#isAlone = alone;
    if (!alone) this.becomeShared();
    if (everything) {
      board.nextGeneration();
      this.#forgetNames();
    }
    const unknown = this.#forgetAttributes(files);
    this.#forgetDataAndNames(files, names);
    if (files.length === 0 || requests.every(isIdle)) return;
    while (!board.areDone(requests)) Atomics.wait(this.#sleep, 0, 0, LOOK_AGAIN_MS);
    this.#forgetLateReplies(files, isChanging ? files : unknown);
  }

  /** Lets the messenger end. */
  async close(): Promise<void> {
    await this.#delivery?.messenger.close();
  }

  /** Names that are known from now on are asked for each time, unless the user wants it otherwise. */
  #forgetNames(): void {
    const { canForgetNames, keepsNamesWhenShared, notifier } = this.#options;
    if (!canForgetNames()) return;
    notifier.forgetNames();
    this.#knowsNames = keepsNamesWhenShared;
  }

  /** @returns the files that the kernel does not know */
  #forgetAttributes(files: readonly ChangedFile[]): readonly ChangedFile[] {
    const { notifier } = this.#options;
    return files.filter(({ nodeid }) => !notifier.invalidateAttributes(nodeid));
  }

  #forgetDataAndNames(files: readonly ChangedFile[], names: readonly ChangedEntry[]): void {
    const data = files.filter(({ isData }) => isData);
    if (data.length === 0 && names.length === 0) return;
    const { messenger, notifier } = this.#patientDelivery();
    for (const { nodeid, offset, length } of data) {
      this.#options.order.changed(nodeid);
      notifier.invalidateData(nodeid, offset, length);
    }
    for (const { parent, name } of names) notifier.invalidateEntry(parent, name);
    messenger.settle();
  }

  /**
   * A worker may have asked the server before the change and reply only now. Old attributes the kernel
   * takes from such a reply for a file that it did not know when it was told, and from the reply to a
   * change (SETATTR, LINK). Otherwise it believes no reply to what it asked before, and is not to be told
   * again: it would not believe the reply to what it asked since either, and decide who may enter a
   * directory by what it knew before. A listing may still become old. Pages of files need no care:
   * the kernel holds them until the reply is there.
   * @param doubtful whose attributes may be old now
   */
  #forgetLateReplies(files: readonly ChangedFile[], doubtful: readonly ChangedFile[]): void {
    const isWhole = ({ isData, offset, length }: ChangedFile) =>
      isData && offset === 0 && length === 0;
    this.#forgetAttributes(doubtful);
    this.#forgetDataAndNames(files.filter(isWhole), []);
  }

  #patientDelivery(): PatientDelivery {
    if (this.#delivery === undefined) {
      const messenger = this.#options.startMessenger();
      this.#delivery = { messenger, notifier: new Notifier(messenger.take) };
    }
    return this.#delivery;
  }
}
