import type { Random } from '../support/random.ts';
import type { DiskCall } from './machine/disk.ts';

/** How a server ends. */
export type Ending = 'kill' | 'power cut' | 'stop';

/** What goes wrong in a world, and how often. */
export interface Troubles {
  readonly clients: number;
  readonly changesPerClient: number;
  /** Requests that a client has under way at the most. */
  readonly mostUnderWay: number;
  /** One of so many messages breaks its connection; 0: none. */
  readonly breaksOneIn: number;
  /** One of so many connections is asked for in vain, twice, or without an answer; 0: none. */
  readonly connectFaultsOneIn: number;
  /** How the servers end, one after the other. */
  readonly endings: readonly Ending[];
  /** One of so many steps begins the next ending. */
  readonly endsOneIn: number;
  /** One of so many promises is followed by the next ending. */
  readonly endsAfterOneIn: number;
  /** A thread of the server works one of so many times that it could. */
  readonly worksOneIn: number;
  /** One of so many steps takes long: milliseconds, or a second. */
  readonly waitsOneIn: number;
  /** One of so many calls to the disk fails; 0: none. */
  readonly diskErrorsOneIn: number;
  /** Only such calls do. */
  readonly failingCall: DiskCall | undefined;
  /** Whether the disk may get full. */
  readonly isSmall: boolean;
  /** What the disk has room for beyond what is on it at first, in bytes. */
  readonly roomBytes: number;
}

const mebibyte = 1 << 20;

/** Draws what goes wrong: in some worlds nothing of a kind does, in some a lot. */
export function drawTroubles(random: Random): Troubles {
  const hasDiskErrors = random.oneIn(5);
  const failingCall = random.oneIn(2) ? 'sync' : undefined;
  const isSmall = random.oneIn(5);
  const endings = Array.from({ length: random.below(9) }, () =>
    random.pick(['kill', 'kill', 'power cut', 'power cut', 'stop'] as const),
  );
  return {
    clients: 1 + random.below(3),
    changesPerClient: 10 + random.below(40),
    mostUnderWay: hasDiskErrors || isSmall ? 1 : 1 + random.below(4),
    breaksOneIn: random.pick([0, 0, 60, 15]),
    connectFaultsOneIn: random.pick([0, 3]),
    endings,
    endsOneIn: random.pick([20, 60, 200]),
    endsAfterOneIn: random.pick([3, 30]),
    worksOneIn: random.pick([1, 4, 20]),
    waitsOneIn: random.pick([10, 60, 400]),
    diskErrorsOneIn: hasDiskErrors
      ? random.pick([30, 200]) / (failingCall === undefined ? 1 : 10)
      : 0,
    failingCall,
    isSmall,
    roomBytes: isSmall ? 2 * mebibyte + random.below(8 * mebibyte) : 1 << 30,
  };
}
