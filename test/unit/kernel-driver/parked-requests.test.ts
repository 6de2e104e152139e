import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  createParkedMemory,
  type LockDemand,
  ParkedRequests,
} from '../../../mount/drivers/kernel/parked-requests.ts';
import { ErrnoError } from '../../../mount/errno.ts';
import {
  type Fh,
  type FileLocks,
  type LockRequest,
  LockType,
  type LockWait,
  type Nodeid,
} from '../../../mount/file-system.ts';
import { closeDescriptor } from '../../../nic/system-calls.ts';
import { createSocketPair, readInto, setNonBlocking } from '../../../nic/system-calls-fuse.ts';
import { addressOf } from '../../../nic/system-calls-memory.ts';

/** Beyond 32 bits, to see both halves. */
const UNIQUE = 5 * 2 ** 32 + 4_000_000_002;
const EINTR = 4;
const EIO = 5;

/** All of it beyond 32 bits where it may be. */
const demand: LockDemand = {
  nodeid: (2 ** 52 + 7) as Nodeid,
  fh: 0xfedc_ba98_7654_3210n as Fh,
  lock: {
    isFlock: false,
    type: LockType.WRITE,
    start: 0x7fff_ffff_0000_0001n,
    end: 0x7fff_ffff_ffff_ffffn,
    owner: 0xffff_ffff_ffff_fff1n,
    pid: 4_000_000,
  },
  mayWait: true,
};

/** Where locks are kept: says what it is asked, and answers what it is told to. */
class Keeper implements FileLocks {
  readonly asked: string[] = [];
  readonly demands: LockDemand[] = [];
  set: FileLocks['set'] = (nodeid, fh, lock: LockRequest, wait: LockWait, mayWait) => {
    this.asked.push(`set ${wait.unique - UNIQUE}`);
    this.demands.push({ nodeid, fh, lock, mayWait });
    return this.onSet();
  };
  cancel: FileLocks['cancel'] = ({ unique }) => {
    this.asked.push(`cancel ${unique - UNIQUE}`);
    return this.onCancel();
  };
  /** Whether it is granted at once. */
  onSet = (): boolean => false;
  /** Whether it still waited. */
  onCancel = (): boolean => true;
  test(): undefined {}
  closed(): void {}
}

let device: number;
let kernel: number;
let keeper: Keeper;
/** The table as two threads see it. */
let parked: ParkedRequests;
let elsewhere: ParkedRequests;

beforeEach(() => {
  [device, kernel] = createSocketPair();
  setNonBlocking(kernel);
  keeper = new Keeper();
  const memory = createParkedMemory();
  parked = new ParkedRequests(memory);
  elsewhere = new ParkedRequests(memory);
});

afterEach(() => {
  closeDescriptor(device);
  closeDescriptor(kernel);
});

/** The replies that the kernel has got: id and error of each. */
function replies(): [unique: number, error: number][] {
  const memory = new Uint8Array(160);
  const bytes = Math.max(0, readInto(kernel, addressOf(memory), memory.byteLength));
  const view = new DataView(memory.buffer);
  return Array.from({ length: bytes / 16 }, (_, index) => [
    Number(view.getBigUint64(index * 16 + 8, true)),
    view.getInt32(index * 16 + 4, true),
  ]);
}

const enter = (unique = UNIQUE): LockWait => parked.enter(device, unique, demand);
const park = (unique = UNIQUE): void => parked.park(enter(unique), keeper);

test('a wait is answered by whoever learns of the grant, once', () => {
  park();
  expect(replies()).toEqual([]);
  elsewhere.grant(UNIQUE);
  expect(replies()).toEqual([[UNIQUE, 0]]);
  elsewhere.grant(UNIQUE);
  elsewhere.interrupt(UNIQUE, keeper);
  expect([replies(), keeper.asked]).toEqual([[], []]);
});

test('an interrupted wait is called off, and answered then', () => {
  park();
  keeper.onCancel = () => {
    expect(replies()).toEqual([]);
    return true;
  };
  elsewhere.interrupt(UNIQUE, keeper);
  expect(replies()).toEqual([[UNIQUE, -EINTR]]);
  parked.grant(UNIQUE);
  expect(replies()).toEqual([]);
});

test('a wait that cannot be called off any more is answered by its grant', () => {
  park();
  keeper.onCancel = () => false;
  elsewhere.interrupt(UNIQUE, keeper);
  expect([replies(), keeper.asked]).toEqual([[], ['cancel 0']]);
  parked.grant(UNIQUE);
  expect(replies()).toEqual([[UNIQUE, 0]]);
});

test('a grant that is learnt while a wait is called off in vain answers it', () => {
  park();
  keeper.onCancel = () => {
    parked.grant(UNIQUE);
    return false;
  };
  elsewhere.interrupt(UNIQUE, keeper);
  expect(replies()).toEqual([[UNIQUE, 0]]);
});

test('a grant before the worker has let go counts when it does', () => {
  const wait = enter();
  elsewhere.grant(UNIQUE);
  expect(replies()).toEqual([]);
  parked.park(wait, keeper);
  expect(replies()).toEqual([[UNIQUE, 0]]);
});

test('an interruption before the worker has let go counts when it does', () => {
  const wait = enter();
  elsewhere.interrupt(UNIQUE, keeper);
  expect(keeper.asked).toEqual([]);
  parked.park(wait, keeper);
  expect([replies(), keeper.asked]).toEqual([[[UNIQUE, -EINTR]], ['cancel 0']]);
});

test('an interruption that another worker reads first is not lost', () => {
  elsewhere.interrupt(UNIQUE, keeper);
  park();
  expect(replies()).toEqual([[UNIQUE, -EINTR]]);
});

test('what is interrupted and waits for nothing is left alone', () => {
  parked.leave(enter());
  elsewhere.interrupt(UNIQUE, keeper);
  elsewhere.interrupt(UNIQUE + 2, keeper);
  expect([replies(), keeper.asked]).toEqual([[], []]);
});

test('a later request in the same place is another one', () => {
  const old = enter();
  parked.leave(old);
  expect(enter(UNIQUE + 2).place).toBe(old.place);
  elsewhere.grant(UNIQUE);
  elsewhere.interrupt(UNIQUE, keeper);
  parked.park({ ...old, unique: UNIQUE + 2 }, keeper);
  expect([replies(), keeper.asked]).toEqual([[], []]);
});

test('a server that has come back is asked again for all, in the order in which they came', () => {
  for (const unique of [4, 0, 2]) park(UNIQUE + unique);
  elsewhere.askAgain(keeper);
  expect([replies(), keeper.asked]).toEqual([[], ['set 0', 'set 2', 'set 4']]);
  expect(keeper.demands).toEqual([demand, demand, demand]);
  elsewhere.grant(UNIQUE + 2);
  expect(replies()).toEqual([[UNIQUE + 2, 0]]);
});

test('a server that has come back may grant at once, or refuse', () => {
  for (const unique of [0, 2]) park(UNIQUE + unique);
  keeper.onSet = () => {
    if (keeper.asked.length === 1) return true;
    throw new ErrnoError('EDEADLK');
  };
  elsewhere.askAgain(keeper);
  expect(replies()).toEqual([
    [UNIQUE, 0],
    [UNIQUE + 2, -35],
  ]);
});

test('who was asking the server that has gone asks the next one when it lets go', () => {
  const wait = enter();
  elsewhere.askAgain(keeper);
  expect(keeper.asked).toEqual([]);
  parked.park(wait, keeper);
  expect([replies(), keeper.asked]).toEqual([[], ['set 0']]);
  park(UNIQUE + 2);
  expect(keeper.asked).toEqual(['set 0']);
});

test('an interruption that the server did not know what to do with is done when it has come back', () => {
  park();
  keeper.onCancel = () => false;
  elsewhere.interrupt(UNIQUE, keeper);
  keeper.onCancel = () => true;
  elsewhere.askAgain(keeper);
  expect(keeper.asked).toEqual(['cancel 0', 'set 0', 'cancel 0']);
  expect(replies()).toEqual([[UNIQUE, -EINTR]]);
});

test('a server that comes back while a wait is called off is asked by who calls it off', () => {
  park();
  keeper.onCancel = () => {
    if (keeper.asked.length > 1) return true;
    parked.askAgain(keeper);
    return false;
  };
  elsewhere.interrupt(UNIQUE, keeper);
  expect(keeper.asked).toEqual(['cancel 0', 'set 0', 'cancel 0']);
  expect(replies()).toEqual([[UNIQUE, -EINTR]]);
});

test('waits can be ended, one and not the other, while nobody can be asked', () => {
  park();
  parked.park(
    parked.enter(device, UNIQUE + 2, { ...demand, lock: { ...demand.lock, pid: 5 } }),
    keeper,
  );
  expect([UNIQUE, UNIQUE + 2, 2].map((unique) => elsewhere.waiterOf(unique))).toEqual([
    demand.lock.pid,
    5,
    0,
  ]);
  elsewhere.endWaits((pid) => (pid === 5 ? EINTR : undefined));
  expect(replies()).toEqual([[UNIQUE + 2, -EINTR]]);
  elsewhere.grant(UNIQUE);
  expect(replies()).toEqual([[UNIQUE, 0]]);
  expect(keeper.asked).toEqual([]);
});

test('when nothing will be granted any more, all waits are answered, and those to come', () => {
  const waits = [2, 4, 6].map((unique) => enter(UNIQUE + unique));
  for (const wait of waits.slice(0, 2)) parked.park(wait, keeper);
  elsewhere.abandon();
  expect(replies()).toEqual([
    [UNIQUE + 2, -EIO],
    [UNIQUE + 4, -EIO],
  ]);
  parked.park(waits[2] as LockWait, keeper);
  expect(replies()).toEqual([[UNIQUE + 6, -EIO]]);
  expect(enter().place).toBe(0);
});

test('places are used again, and there is an end of them', () => {
  const waits = Array.from({ length: 1024 }, (_, index) => enter(1000 + 2 * index));
  expect(() => enter(2)).toThrow('too many');
  parked.leave(waits[7] as LockWait);
  expect(enter(4).place).toBe(7);
});

test('after the end nobody writes to the channels, whose numbers may be other files’', () => {
  park();
  park(UNIQUE + 2);
  elsewhere.end();
  elsewhere.grant(UNIQUE);
  parked.abandon();
  expect(replies()).toEqual([]);
});
