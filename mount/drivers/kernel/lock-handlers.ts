/**
 * Requests about locks. A wait is parked: the worker goes on, and who learns of the grant answers.
 */

import { constants } from 'node:os';
import { type FileLocks, type LockRequest, LockType } from '../../file-system.ts';
import { LkFlag } from '../../kernel-abi/constants.ts';
import { LkIn, LkOut } from '../../kernel-abi/structures.ts';
import type { Service } from './service.ts';

const { ENOSYS } = constants.errno;

export function lockHandlers({ exchange, fileSystem, deviceFd, parked }: Service) {
  const { locks } = fileSystem;
  const lkIn = exchange.input(LkIn);
  const lkOut = exchange.output(LkOut);

  function requested(): LockRequest {
    const { type, start, end, pid } = lkIn.lk;
    const isFlock = (lkIn.lkFlags & LkFlag.FLOCK) !== 0;
    return { isFlock, type, start, end, owner: lkIn.owner, pid };
  }

  function test(keeper: FileLocks): void {
    const { nodeid } = exchange;
    const conflict = keeper.test(nodeid, exchange.fh(0), requested());
    const { lk } = lkOut;
    lk.type = conflict?.type ?? LockType.UNLOCK;
    lk.start = conflict?.start ?? 0n;
    lk.end = conflict?.end ?? 0n;
    lk.pid = conflict?.pid ?? 0;
    exchange.answer(LkOut.bytes);
  }

  function set(keeper: FileLocks, mayWait: boolean): void {
    const demand = { nodeid: exchange.nodeid, fh: exchange.fh(0), lock: requested(), mayWait };
    const wait = parked.enter(deviceFd, exchange.unique, demand);
    let isSet: boolean;
    try {
      isSet = keeper.set(demand.nodeid, demand.fh, demand.lock, wait, mayWait);
    } catch (error) {
      parked.leave(wait);
      throw error;
    }
    if (isSet) {
      parked.leave(wait);
      exchange.answer(0);
    } else parked.park(wait, keeper);
  }

  /** Without locks, INIT has not accepted them and none of these is sent. */
  function unlessAbsent(action: (keeper: FileLocks) => void): () => void {
    return locks === undefined ? () => exchange.answerError(ENOSYS) : () => action(locks);
  }

  return {
    getlk: unlessAbsent(test),
    setlk: unlessAbsent((keeper) => set(keeper, false)),
    setlkw: unlessAbsent((keeper) => set(keeper, true)),
  };
}
