/**
 * How long the kernel may believe what a reply tells it, and what of a file it keeps from one open to
 * the next: by the mode that the mount is in, and by what the user wants.
 */

import type { Nodeid } from '../../file-system.ts';
import { Fopen } from '../../kernel-abi/constants.ts';
import type { MountOptions } from '../../mount-options.ts';
import type { Validity } from './attributes.ts';
import { type CacheBoard, CacheMode } from './cache-board.ts';
import type { Notifier } from './notifier.ts';

/** What of an open file or directory the kernel keeps; bits of `Fopen`. */
interface Keeping {
  readonly file: number;
  readonly directory: number;
}

interface Policy {
  readonly validity: Validity;
  readonly keeping: Keeping;
}

/** With nobody else about, what the kernel knows stays right; this long, if ever we are wrong. */
const ALONE_SECONDS = 60;

/** Changes of attributes are told at once; this bounds what becomes of one that got lost. */
const TOLD_SECONDS = 1;

function validityFor(names: number, attributes: number): Validity {
  return { entrySeconds: names, negativeSeconds: names, attributesSeconds: attributes };
}

const policies: Readonly<Record<CacheMode, Policy>> = {
  [CacheMode.UNTOLD]: { validity: validityFor(0, 0), keeping: { file: 0, directory: 0 } },
  // Each open asks for its names, and so sees what others have closed, made, renamed or removed.
  [CacheMode.SHARED]: {
    validity: validityFor(0, TOLD_SECONDS),
    keeping: { file: Fopen.KEEP_CACHE, directory: 0 },
  },
  [CacheMode.ALONE]: {
    validity: validityFor(ALONE_SECONDS, ALONE_SECONDS),
    keeping: { file: Fopen.KEEP_CACHE, directory: Fopen.KEEP_CACHE | Fopen.CACHE_DIR },
  },
};

/** How many files are remembered as opened afresh since everything became doubtful. */
const MOST_REMEMBERED = 65_536;

/** What the user says of it. */
export type TimeoutOptions = Pick<
  MountOptions,
  'attributeTimeoutSeconds' | 'entryTimeoutSeconds' | 'negativeTimeoutSeconds'
>;

/** Whether the user lets the kernel believe names while there are other clients. */
export function keepsNamesWhenShared(options: TimeoutOptions): boolean {
  return (options.entryTimeoutSeconds ?? 0) > 0 || (options.negativeTimeoutSeconds ?? 0) > 0;
}

/** The policy as one worker follows it: looked up when a request begins, the same until its reply. */
export class CachePolicy {
  /** How long the kernel may believe the reply to the request that is under way. */
  readonly validity: Validity = { attributesSeconds: 0, entrySeconds: 0, negativeSeconds: 0 };
  readonly #board: CacheBoard;
  readonly #worker: number;
  readonly #options: TimeoutOptions;
  readonly #notifier: Pick<Notifier, 'invalidateAttributes'>;
  #mode: CacheMode = CacheMode.UNTOLD;
  #generation = 0;
  /** Opened by this worker since the last time that everything became doubtful. */
  readonly #openedAfresh = new Set<Nodeid>();

  constructor(
    board: CacheBoard,
    worker: number,
    options: TimeoutOptions,
    notifier: Pick<Notifier, 'invalidateAttributes'>,
  ) {
    this.#board = board;
    this.#worker = worker;
    this.#options = options;
    this.#notifier = notifier;
    this.#follow(CacheMode.UNTOLD);
  }

  /** A request was taken; the server has not been asked yet. */
  begin(): void {
    this.#board.begin(this.#worker);
    const mode = this.#board.mode();
    if (mode !== this.#mode) this.#follow(mode);
  }

  /** The request was answered. */
  end(): void {
    this.#board.end(this.#worker);
  }

  /**
   * Flags for a file that was opened. Without KEEP_CACHE the kernel drops the file's pages, and its
   * attributes are taken back: they may be from before a change that we have not been told yet.
   */
  fileFlags(nodeid: Nodeid, isCoherent: boolean): number {
    if (!isCoherent) this.#notifier.invalidateAttributes(nodeid);
    const kept = isCoherent && !this.#isDoubtful(nodeid) ? policies[this.#mode].keeping.file : 0;
    return kept | Fopen.PARALLEL_DIRECT_WRITES;
  }

  /** A file's attributes changed by a request that changes none, as far as the kernel knows. */
  forgetAttributes(nodeid: Nodeid): void {
    this.#notifier.invalidateAttributes(nodeid);
  }

  directoryFlags(): number {
    return policies[this.#mode].keeping.directory;
  }

  #follow(mode: CacheMode): void {
    const { validity } = policies[mode];
    const { attributeTimeoutSeconds, entryTimeoutSeconds, negativeTimeoutSeconds } = this.#options;
    this.validity.attributesSeconds = attributeTimeoutSeconds ?? validity.attributesSeconds;
    this.validity.entrySeconds = entryTimeoutSeconds ?? validity.entrySeconds;
    this.validity.negativeSeconds = negativeTimeoutSeconds ?? validity.negativeSeconds;
    this.#mode = mode;
  }

  /** Whether the kernel may hold pages of the file from before everything became doubtful. */
  #isDoubtful(nodeid: Nodeid): boolean {
    const generation = this.#board.generation();
    if (generation === 0) return false;
    const { size } = this.#openedAfresh;
    if (generation !== this.#generation || size === MOST_REMEMBERED) this.#openedAfresh.clear();
    this.#generation = generation;
    if (this.#openedAfresh.has(nodeid)) return false;
    this.#openedAfresh.add(nodeid);
    return true;
  }
}
