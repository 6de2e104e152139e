/**
 * Locks against a model that knows one mode per owner and byte, and no ranges: whatever is locked,
 * unlocked, waited for, cancelled and closed, both must agree on every byte, every grant and its
 * order.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DafsStatus } from '../../../client/protocol/status.ts';
import { type Refusal, refuse } from '../../../server/engine/refusal.ts';
import type { ByteRange, LockedRange, LockMode } from '../../../server/state/lock-ranges.ts';
import { LockTable } from '../../../server/state/locks.ts';
import type { Open, OpenHolder } from '../../../server/state/opens.ts';
import type { FileId } from '../../../server/store/index.ts';

const OWNERS = 4;
/** The bytes that are looked at; the last stands for all that follow. */
const BYTES = 12;
const TO_THE_END = 0xffff_ffff_ffff_ffffn;
const FILE = 7 as FileId;

type Step =
  | { type: 'lock' | 'wait'; owner: number; mode: LockMode; range: [number, number] }
  | { type: 'unlock'; owner: number; range: [number, number] }
  | { type: 'cancel'; which: number }
  | { type: 'close'; owner: number };

const owner = fc.nat(OWNERS - 1);
const mode = fc.constantFrom<LockMode>('read', 'write');
const range = fc
  .tuple(fc.nat(BYTES - 1), fc.nat(BYTES - 1))
  .map(([one, other]): [number, number] => (one < other ? [one, other] : [other, one]));
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('lock' as const), owner, mode, range }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('wait' as const), owner, mode, range }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('unlock' as const), owner, range }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('cancel' as const), which: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('close' as const), owner }) },
);

interface ModelWait {
  readonly id: bigint;
  readonly owner: number;
  readonly mode: LockMode;
  readonly range: [number, number];
}

type Outcome = 'locked' | 'waits' | 'denied' | 'deadlock';

/** Knows nothing of ranges: one mode, or none, for each byte of each owner. */
class Model {
  readonly bytes: (LockMode | undefined)[][] = Array.from({ length: OWNERS }, () =>
    new Array(BYTES).fill(undefined),
  );
  waits: ModelWait[] = [];
  readonly granted: bigint[] = [];

  blockers(who: number, wanted: LockMode, [first, last]: [number, number]): number[] {
    return this.bytes.flatMap((held, other) => {
      const isInTheWay = held
        .slice(first, last + 1)
        .some((one) => one === 'write' || (one === 'read' && wanted === 'write'));
      return other !== who && isInTheWay ? [other] : [];
    });
  }

  set(who: number, value: LockMode | undefined, [first, last]: [number, number]): void {
    this.bytes[who]?.fill(value, first, last + 1);
  }

  lock(who: number, wanted: LockMode, where: [number, number], waitId?: bigint): Outcome {
    if (this.blockers(who, wanted, where).length === 0) {
      this.set(who, wanted, where);
      this.admit();
      return 'locked';
    }
    if (waitId === undefined) {
      return 'denied';
    }
    const wait = { id: waitId, owner: who, mode: wanted, range: where };
    if (this.reachable(wait).has(who)) {
      return 'deadlock';
    }
    this.waits.push(wait);
    return 'waits';
  }

  /** Everybody whom a wait is for, by however many others. */
  reachable(wait: ModelWait): Set<number> {
    const found = new Set<number>();
    const visit = (one: ModelWait): void => {
      for (const other of this.blockers(one.owner, one.mode, one.range)) {
        if (!found.has(other)) {
          found.add(other);
          this.waits.filter((next) => next.owner === other).forEach(visit);
        }
      }
    };
    visit(wait);
    return found;
  }

  unlock(who: number, where: [number, number]): void {
    this.set(who, undefined, where);
    this.admit();
  }

  admit(): void {
    for (let before = -1; before !== this.granted.length; ) {
      before = this.granted.length;
      for (const wait of [...this.waits]) {
        if (this.blockers(wait.owner, wait.mode, wait.range).length === 0) {
          this.waits = this.waits.filter((one) => one !== wait);
          this.set(wait.owner, wait.mode, wait.range);
          this.granted.push(wait.id);
        }
      }
    }
  }

  /** What the ranges of an owner must be: the runs of equal bytes. */
  runs(who: number): { first: bigint; last: bigint; mode: LockMode }[] {
    const runs: { first: bigint; last: bigint; mode: LockMode }[] = [];
    for (const [index, value] of (this.bytes[who] ?? []).entries()) {
      const previous = runs.at(-1);
      const last = index === BYTES - 1 ? TO_THE_END : BigInt(index);
      if (value !== undefined && previous?.mode === value && previous.last === BigInt(index - 1)) {
        previous.last = last;
      } else if (value !== undefined) {
        runs.push({ first: BigInt(index), last, mode: value });
      }
    }
    return runs;
  }
}

const holder: OpenHolder = { clientId: 1n, isDurable: true, opens: new Set() };
const openOf = (who: number): Open => ({
  stateId: BigInt(who),
  holder,
  fileId: FILE,
  ownerKey: `1:${who}`,
  access: 3,
  deny: 0,
  shareKey: undefined,
  deniesRemoval: false,
});

const subjectOf = (who: number) => ({ kind: 'record', ownerKey: `1:${who}` }) as const;

const byteRange = ([first, last]: [number, number]): ByteRange => ({
  first: BigInt(first),
  last: last === BYTES - 1 ? TO_THE_END : BigInt(last),
});

/** The table, and what it must agree with. */
class Comparison {
  readonly #model = new Model();
  readonly #granted: bigint[] = [];
  readonly #opens = Array.from({ length: OWNERS }, (_, who) => openOf(who));
  readonly #table = new LockTable({
    overdue: () => new Set(),
    takeFrom: () => {},
    maxLocksPerClient: 1000,
    maxWaitsPerClient: 1000,
    refuseMore: () => refuse(DafsStatus.DAFSERR_RESOURCE),
    onChange: () => {},
    onGrant: (_holder, _fileId, id) => this.#granted.push(id),
  });
  #lastWait = 0n;

  perform(one: Step): void {
    const { type } = one;
    if (type === 'lock' || type === 'wait') {
      this.#lock(one.owner, one.mode, one.range, type === 'wait');
    } else if (type === 'unlock') {
      this.#table.unlock(FILE, subjectOf(one.owner), byteRange(one.range));
      this.#model.unlock(one.owner, one.range);
    } else if (type === 'cancel') {
      this.#cancel(this.#model.waits[one.which]);
    } else {
      this.#table.closed(this.#opens[one.owner] as Open);
      this.#model.waits = this.#model.waits.filter((wait) => wait.owner !== one.owner);
      this.#model.unlock(one.owner, [0, BYTES - 1]);
    }
    this.#compare();
  }

  #lock(who: number, mode: LockMode, range: [number, number], waits: boolean): void {
    const open = this.#opens[who] as Open;
    const wanted: LockedRange = { ...byteRange(range), mode, pid: who };
    if (!waits) {
      const conflict = this.#table.lock(open, subjectOf(who), wanted);
      expect(conflict === undefined ? 'locked' : 'denied').toBe(
        this.#model.lock(who, mode, range, undefined),
      );
      return;
    }
    this.#lastWait += 1n;
    const id = this.#lastWait;
    const lockOrWait = () => this.#table.lockOrWait(open, subjectOf(who), wanted, id);
    const expected = this.#model.lock(who, mode, range, id);
    if (expected === 'deadlock') {
      expect(statusOf(lockOrWait)).toBe(DafsStatus.DAFSERR_DEADLOCK);
    } else {
      expect(lockOrWait() ? 'locked' : 'waits').toBe(expected);
    }
  }

  #cancel(wait: ModelWait | undefined): void {
    expect(this.#table.cancel(holder, wait?.id ?? 0n)).toBe(wait !== undefined);
    this.#model.waits = this.#model.waits.filter((one) => one !== wait);
  }

  /** Everybody finds the same in his way, byte by byte, and it is no longer or shorter than it is. */
  #compare(): void {
    expect(this.#granted).toEqual(this.#model.granted);
    const runs = this.#opens.map((_, who) => this.#model.runs(who));
    for (let who = 0; who < OWNERS; who += 1) {
      for (let byte = 0; byte < BYTES; byte += 1) {
        const conflict = this.#table.test(FILE, subjectOf(who), byteRange([byte, byte]), 'write');
        const blockers = this.#model.blockers(who, 'write', [byte, byte]);
        expect(conflict === undefined).toBe(blockers.length === 0);
        if (conflict !== undefined) {
          const { first, last, mode, pid } = conflict.range;
          expect(conflict.owner.key).toBe(subjectOf(pid).ownerKey);
          expect(runs[pid]).toContainEqual({ first, last, mode });
        }
      }
    }
    const locked = runs.reduce((sum, list) => sum + list.length, 0);
    expect(this.#table.size).toBe(locked + this.#model.waits.length);
  }
}

function statusOf(action: () => void): DafsStatus | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    return (error as Refusal).status;
  }
}

it('agrees with a model of single bytes', { timeout: 120_000 }, () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
      const comparison = new Comparison();
      for (const one of steps) {
        comparison.perform(one);
      }
    }),
    { numRuns: 300 },
  );
});
