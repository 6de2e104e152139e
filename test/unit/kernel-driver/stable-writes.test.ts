import { expect, test } from 'vitest';
import { CacheBoard, CacheMode } from '../../../mount/drivers/kernel/cache-board.ts';
import { NOT_EXPECTED, StableWrites } from '../../../mount/drivers/kernel/stable-writes.ts';
import type { Nodeid } from '../../../mount/file-system.ts';
import {
  type OperationName,
  opcodeOf,
  operationByOpcode,
} from '../../../mount/kernel-abi/operations.ts';
import { Random } from '../../support/random.ts';

const [log, other] = [1000, 1001] as Nodeid[] as [Nodeid, Nodeid];

/** Workers of one mount, the only one unless said otherwise. */
function workers(count: number) {
  const memory = StableWrites.createMemory();
  const board = new CacheBoard(CacheBoard.createMemory(count));
  board.setMode(CacheMode.ALONE);
  const all = Array.from({ length: count }, () => new StableWrites(memory, board));
  return { board, all, first: all[0] as StableWrites, second: all[1] as StableWrites };
}

function writeAndSync(worker: StableWrites, nodeid: Nodeid): boolean {
  const change = worker.beginWrite(nodeid);
  if (change === NOT_EXPECTED) worker.endWrite(nodeid);
  else worker.becameStable(nodeid, change);
  return worker.sync(nodeid);
}

/** Two files are synced in turn after each write, often enough. */
function syncOften(worker: StableWrites): void {
  for (let round = 0; round < 10; round++) {
    for (const nodeid of [log, other]) writeAndSync(worker, nodeid);
  }
}

function settled() {
  const made = workers(2);
  syncOften(made.first);
  return made;
}

test('files that are synced after each write are expected to be, whichever worker is asked', () => {
  const { first, second } = workers(2);
  const found = Array.from({ length: 12 }, (_, round) => {
    writeAndSync(second, other);
    return writeAndSync(round % 2 === 0 ? first : second, log);
  });
  expect(found).toEqual([...Array(8).fill(false), true, true, true, true]);
});

test('who syncs alone is left to the server', () => {
  const { first } = workers(1);
  const found = Array.from({ length: 20 }, () => writeAndSync(first, log));
  expect(found).not.toContain(true);
});

test('with other clients about, nothing is taken for stable, nor after they have gone', () => {
  const { first, board } = settled();
  board.setMode(CacheMode.SHARED);
  expect(first.beginWrite(log)).toBe(NOT_EXPECTED);
  board.setMode(CacheMode.ALONE);
  first.becameStable(other, first.beginWrite(other));
  board.setMode(CacheMode.SHARED);
  expect(first.sync(other)).toBe(false);
  board.setMode(CacheMode.ALONE);
  expect(first.sync(other)).toBe(false);
  syncOften(first);
  expect(writeAndSync(first, log)).toBe(true);
});

test('a second write without a sync ends the expectation', () => {
  const { first } = settled();
  first.becameStable(log, first.beginWrite(log));
  expect(first.beginWrite(log)).toBe(NOT_EXPECTED);
  first.endWrite(log);
  expect(first.sync(log)).toBe(false);
  expect(first.beginWrite(log)).toBe(NOT_EXPECTED);
});

test('a file that comes to the place of another begins anew', () => {
  const { first } = settled();
  const change = first.beginWrite(log);
  const neighbour = (log + 256) as Nodeid;
  expect(first.beginWrite(neighbour)).toBe(NOT_EXPECTED);
  first.becameStable(log, change);
  expect(first.sync(log)).toBe(false);
  expect(first.sync(neighbour)).toBe(false);
});

test('what is stable of a file is nothing of one that has its place next', () => {
  const { first } = settled();
  first.becameStable(log, first.beginWrite(log));
  expect(first.sync((log + 256) as Nodeid)).toBe(false);
});

test('a write that ends after a stable one has begun may not be covered by it', () => {
  const { first, second } = settled();
  expect(second.beginWrite(log)).not.toBe(NOT_EXPECTED);
  expect(first.sync(log)).toBe(false);
  const change = first.beginWrite(log);
  expect(change).not.toBe(NOT_EXPECTED);
  first.becameStable(log, change);
  // It was too long to be sent as a stable one.
  second.endWrite(log);
  expect(first.sync(log)).toBe(false);
});

test.each<OperationName>([
  'SETATTR',
  'RENAME2',
  'FALLOCATE',
  'OPEN',
  'SETXATTR',
  'COPY_FILE_RANGE',
  'UNLINK',
])('%s leaves something to sync, be it under way or done', (name) => {
  const { first, second } = settled();
  second.begin(opcodeOf(name));
  first.becameStable(log, first.beginWrite(log));
  second.end(opcodeOf(name));
  expect(first.sync(log)).toBe(false);
  first.becameStable(other, first.beginWrite(other));
  second.begin(opcodeOf(name));
  second.end(opcodeOf(name));
  expect(first.sync(other)).toBe(false);
});

test('only what is known to change nothing, or is counted by file, leaves nothing to sync', () => {
  const harmless = [...operationByOpcode.keys()].filter((code) => {
    const { first } = settled();
    first.becameStable(log, first.beginWrite(log));
    first.begin(code);
    first.end(code);
    return first.sync(log);
  });
  const names = harmless.map((code) => operationByOpcode.get(code)?.name);
  expect(
    names.filter((name) =>
      /SET(?!LK)|NAME|LINK$|MK|RM|CREATE|ALLOC|COPY|TMP|OPEN$/.test(name as string),
    ),
  ).toEqual(['READLINK']);
});

/** What a process waits for. */
interface Act {
  readonly worker: StableWrites;
  readonly kind: 'write' | 'other';
  readonly file: Nodeid;
  /** Of a write: what `beginWrite` said. */
  readonly change: number;
  isExecuted: boolean;
  isAnswered: boolean;
}

/** A process that writes and syncs its file in turn, nearly always. */
interface Writer {
  readonly file: Nodeid;
  act: Act | undefined;
  isToSync: boolean;
}

/** With the server as it should be: which changes were executed, and which of them are stable. */
test.each([1, 2, 3, 4, 5])(
  'an fsync that finds nothing to do has nothing to do, whatever the order, seed %i',
  (seed) => {
    const random = new Random(seed);
    const { all } = workers(3);
    const files = [log, other, other, 1002 as Nodeid, (log + 256) as Nodeid];
    const writers = files.map((file): Writer => ({ file, act: undefined, isToSync: false }));
    /** Executed, and lost by a power cut. */
    let unstable: Act[] = [];
    /** Workers that have answered another change, and have yet to say so. */
    const late: StableWrites[] = [];
    let foundStable = 0;

    function begin(file: Nodeid): Act {
      const worker = random.pick(all);
      const kind = random.oneIn(200) ? 'other' : 'write';
      if (kind === 'other') worker.begin(opcodeOf('SETATTR'));
      const change = kind === 'other' ? NOT_EXPECTED : worker.beginWrite(file);
      return { worker, kind, file, change, isExecuted: false, isAnswered: false };
    }

    function execute(act: Act): void {
      act.isExecuted = true;
      unstable.push(act);
      if (act.change === NOT_EXPECTED) return;
      unstable = unstable.filter(({ kind, file }) => kind === 'write' && file !== act.file);
    }

    /** Of a write the worker is told before who asked for it; of others he is told right after. */
    function end(act: Act): void {
      const { worker, kind, file, change } = act;
      act.isAnswered = true;
      if (kind === 'other') late.push(worker);
      else if (change === NOT_EXPECTED) worker.endWrite(file);
      else worker.becameStable(file, change);
    }

    function sync(file: Nodeid): void {
      const isOfFile = (act: Act): boolean => act.kind === 'other' || act.file === file;
      if (random.pick(all).sync(file)) {
        foundStable++;
        expect(unstable.filter((act) => act.isAnswered && isOfFile(act))).toEqual([]);
      }
      unstable = unstable.filter((act) => !isOfFile(act));
    }

    for (let step = 0; step < 50_000; step++) {
      if (random.oneIn(10)) late.pop()?.end(opcodeOf('SETATTR'));
      const writer = random.pick(writers);
      const { act, file, isToSync } = writer;
      if (act === undefined && isToSync) {
        writer.isToSync = false;
        if (!random.oneIn(100)) sync(file);
      } else if (act === undefined) {
        writer.act = begin(random.oneIn(200) ? random.pick(files) : file);
      } else if (act.isExecuted) {
        end(act);
        writer.act = undefined;
        writer.isToSync = true;
      } else execute(act);
    }
    expect(foundStable).toBeGreaterThan(100);
  },
);
