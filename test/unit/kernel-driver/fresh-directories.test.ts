/** Names of directories that were made here: those that are not there need not be asked for. */
import { afterEach, expect, test } from 'vitest';
import { CacheBoard, CacheMode } from '../../../mount/drivers/kernel/cache-board.ts';
import { FreshDirectories } from '../../../mount/drivers/kernel/fresh-directories.ts';
import type { Attributes, Caller, Nodeid } from '../../../mount/file-system.ts';
import { askRequests } from '../../support/control.ts';
import { mountObstacle } from '../../support/machine.ts';
import { Random } from '../../support/random.ts';
import { Workspace } from '../../support/workspace.ts';

const [here, there] = [1000, 1001] as Nodeid[] as [Nodeid, Nodeid];
const user = { uid: 1000 } as Caller;
const bytes = (text: string) => new TextEncoder().encode(text);

/** Workers of one mount, the only one unless said otherwise. */
function workers() {
  const memory = FreshDirectories.createMemory();
  const board = new CacheBoard(CacheBoard.createMemory(2));
  board.setMode(CacheMode.ALONE);
  const [first, second] = [
    new FreshDirectories(memory, board),
    new FreshDirectories(memory, board),
  ];
  return { board, first, second };
}

function make(worker: FreshDirectories, nodeid: Nodeid, { uid = user.uid, mode = 0o755 } = {}) {
  worker.made({ nodeid, uid, mode } as Attributes, user, worker.begin());
}

test('nothing is known of directories that were not made here', () => {
  const { first } = workers();
  expect(first.lacks(here, bytes('name'), user)).toBe(false);
});

test('what was not added is lacking, whichever worker is asked', () => {
  const { first, second } = workers();
  make(first, here);
  second.adds(here, bytes('there'));
  expect(second.lacks(here, bytes('name'), user)).toBe(true);
  expect(first.lacks(here, bytes('there'), user)).toBe(false);
  expect(first.lacks(there, bytes('name'), user)).toBe(false);
});

test.each([CacheMode.SHARED, CacheMode.UNTOLD])(
  'nothing is known once there may be others (mode %i), nor when they have gone',
  (mode) => {
    const { board, first } = workers();
    make(first, here);
    board.setMode(mode);
    expect(first.lacks(here, bytes('name'), user)).toBe(false);
    board.setMode(CacheMode.ALONE);
    expect(first.lacks(here, bytes('name'), user)).toBe(false);
    make(first, here);
    expect(first.lacks(here, bytes('name'), user)).toBe(true);
  },
);

test('nothing is known of a directory that others may have seen before its maker was told', () => {
  const { board, first } = workers();
  const begun = first.begin();
  board.setMode(CacheMode.SHARED);
  board.setMode(CacheMode.ALONE);
  first.made({ nodeid: here, uid: user.uid, mode: 0o755 } as Attributes, user, begun);
  expect(first.lacks(here, bytes('name'), user)).toBe(false);
});

test('only the owner is told, and only if he may look for names', () => {
  const { first } = workers();
  make(first, here);
  expect(first.lacks(here, bytes('name'), { uid: 1001 } as Caller)).toBe(false);
  first.forget(here);
  expect(first.lacks(here, bytes('name'), user)).toBe(false);
  make(first, there, { mode: 0o677 });
  expect(first.lacks(there, bytes('name'), user)).toBe(false);
  make(first, there, { uid: 1001 });
  expect(first.lacks(there, bytes('name'), user)).toBe(false);
});

test('what is no name is for the server to refuse', () => {
  const { first } = workers();
  make(first, here);
  for (const name of ['.', '..', 'n'.repeat(256)]) {
    expect(first.lacks(here, bytes(name), user), name).toBe(false);
  }
  for (const name of ['...', '.x', 'x.', 'n'.repeat(255)]) {
    expect(first.lacks(here, bytes(name), user), name).toBe(true);
  }
});

test('a directory that comes to the place of another begins with no names', () => {
  const { first } = workers();
  const later = (here + 256) as Nodeid;
  make(first, here);
  first.adds(here, bytes('old'));
  make(first, later);
  expect(first.lacks(here, bytes('name'), user)).toBe(false);
  expect(first.lacks(later, bytes('old'), user)).toBe(true);
  first.adds(here, bytes('name'));
  first.forget(here);
  expect(first.lacks(later, bytes('name'), user)).toBe(true);
});

test('no name that was added is ever lacking, and few others are taken for one', () => {
  const random = new Random(7);
  const { first, second } = workers();
  make(first, here);
  const names = new Set<string>();
  while (names.size < 10_000) names.add(`file-${random.below(1e9)}`);
  for (const name of names) (random.below(2) === 0 ? first : second).adds(here, bytes(name));
  expect([...names].filter((name) => first.lacks(here, bytes(name), user))).toEqual([]);
  const others = Array.from({ length: 10_000 }, (_, index) => bytes(`other-${index}`));
  const mistaken = others.filter((name) => !first.lacks(here, name, user)).length;
  expect(mistaken).toBeGreaterThan(0);
  expect(mistaken).toBeLessThan(1500);
});

let workspace: Workspace | undefined;
afterEach(() => workspace?.dispose());

test('a mount asks for no names of a directory that it has made', {
  timeout: 60_000,
}, async (context) => {
  const obstacle = mountObstacle();
  context.skip(obstacle !== undefined, obstacle);
  workspace = Workspace.create();
  const space = workspace;
  const { name } = await space.startServer();
  const request = { source: `dafs:${name}`, driver: 'kernel' };
  const requests = () => askRequests(space, name);
  const files = Array.from({ length: 50 }, (_, index) => `file-${index}`);
  const makeFiles = async (directory: string): Promise<number> => {
    const before = await requests();
    await space.succeed('touch', files, { cwd: directory });
    return (await requests()) - before;
  };
  const first = await space.startMount(request);
  await space.succeed('mkdir', ['fresh', 'old'], { cwd: first.directory });
  const inFresh = await makeFiles(`${first.directory}/fresh`);
  await first.unmount();
  const second = await space.startMount(request);
  const inOld = await makeFiles(`${second.directory}/old`);
  expect(inOld - inFresh).toBeGreaterThanOrEqual(files.length - 5);
  await space.succeed('rm', ['-r', 'fresh', 'old'], { cwd: second.directory });
  await second.unmount();
});
