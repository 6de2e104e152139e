import { beforeEach, expect, test } from 'vitest';
import { CacheBoard, CacheMode } from '../../../mount/drivers/kernel/cache-board.ts';
import { Foresight } from '../../../mount/drivers/kernel/foresight.ts';
import type { Attributes, Nodeid } from '../../../mount/file-system.ts';
import { type OperationName, opcodeOf } from '../../../mount/kernel-abi/operations.ts';

const directory = 5 as Nodeid;
const file = 6 as Nodeid;
const attributes = { nodeid: directory } as Attributes;
const capability = Buffer.from('security.capability');

let board: CacheBoard;
let expected: Nodeid[];

beforeEach(() => {
  board = new CacheBoard(CacheBoard.createMemory(2));
  board.setMode(CacheMode.ALONE);
  expected = [];
});

function worker(): Foresight {
  const foresight = {
    expect: (nodeid: Nodeid) => expected.push(nodeid),
    take: () => attributes,
  };
  return new Foresight(board, { foresight });
}

function request(foresight: Foresight, name: OperationName, nodeid = directory): void {
  foresight.begin(opcodeOf(name), nodeid);
  foresight.end(true);
}

/** A worker that has made a file. */
function maker(): Foresight {
  const foresight = worker();
  foresight.begin(opcodeOf('CREATE'), directory);
  foresight.made(file);
  foresight.end(true);
  return foresight;
}

test("after a change in it, a directory's attributes are known, once", () => {
  const foresight = worker();
  request(foresight, 'UNLINK');
  expect(expected).toEqual([directory]);
  expect(foresight.attributes(file)).toBeUndefined();
  expect(foresight.attributes(directory)).toBe(attributes);
  expect(foresight.attributes(directory)).toBeUndefined();
});

test('a file that was just made lacks capabilities, and is said to lack nothing else', () => {
  const foresight = maker();
  expect(foresight.lacks(file, capability)).toBe(true);
  expect(foresight.lacks(file, Buffer.from('user.mine'))).toBe(false);
  expect(foresight.lacks(directory, capability)).toBe(false);
});

test('requests that change no directory leave what is known', () => {
  const foresight = maker();
  for (const name of ['LOOKUP', 'WRITE', 'FLUSH', 'RELEASE'] as const)
    request(foresight, name, file);
  expect(foresight.lacks(file, capability)).toBe(true);
  expect(foresight.attributes(directory)).toBe(attributes);
});

const endings: Record<string, (foresight: Foresight) => void> = {
  'its own next change': (foresight) => request(foresight, 'SETXATTR', file),
  'its own reading of a directory': (foresight) => request(foresight, 'READDIRPLUS'),
  "another worker's change": () => request(worker(), 'SETATTR'),
  "the beginning of another worker's change": () => worker().begin(opcodeOf('RENAME'), directory),
  'another client': () => board.setMode(CacheMode.SHARED),
  'another client that has gone again': () => {
    board.setMode(CacheMode.SHARED);
    board.setMode(CacheMode.ALONE);
  },
};

test.each(Object.keys(endings))('what is known ends with %s', (ending) => {
  const foresight = maker();
  endings[ending]?.(foresight);
  expect(foresight.lacks(file, capability)).toBe(false);
  expect(foresight.attributes(directory)).toBeUndefined();
});

test.each(['before', 'after'] as const)(
  'nothing is known from a change while another began %s it',
  (order) => {
    const foresight = worker();
    const other = worker();
    if (order === 'before') other.begin(opcodeOf('MKDIR'), directory);
    foresight.begin(opcodeOf('UNLINK'), directory);
    if (order === 'after') other.begin(opcodeOf('MKDIR'), directory);
    foresight.end(true);
    expect(foresight.attributes(directory)).toBeUndefined();
    other.end(true);
    expect(foresight.attributes(directory)).toBeUndefined();
  },
);

test('nothing is known from a change that failed', () => {
  const foresight = worker();
  foresight.begin(opcodeOf('RMDIR'), directory);
  foresight.end(false);
  expect(foresight.attributes(directory)).toBeUndefined();
});

test('with other clients about, nothing is asked for and nothing known', () => {
  board.setMode(CacheMode.SHARED);
  const foresight = maker();
  expect(expected).toEqual([]);
  expect(foresight.lacks(file, capability)).toBe(false);
  expect(foresight.attributes(directory)).toBeUndefined();
});
