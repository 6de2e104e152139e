/**
 * A thread of the kernel driver that hears what the server tells unasked. It answers no requests of
 * the kernel, so it may tell the kernel of changes: that can wait for a reply of a worker.
 *
 * While it listens, this thread's event loop does not run: nothing posted to it is seen.
 */

import { constants } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import type { CreateListener, Listener } from '../../listener.ts';
import { mountsBelow } from '../../mount-table.ts';
import { isBeingKilled } from '../../processes.ts';
import { CacheBoard } from './cache-board.ts';
import type { ListenerOrders, ListenerReport, ListenerStart } from './control.ts';
import { Invalidation } from './invalidation.ts';
import { Messenger } from './messenger.ts';
import { Notifier, toDevice } from './notifier.ts';
import { ParkedRequests } from './parked-requests.ts';
import { WriteOrder } from './write-order.ts';

const { EINTR, EIO } = constants.errno;

/** How late it may be noticed that the mount has ended. */
const SLICE_MS = 50;

function report(message: ListenerReport): void {
  parentPort?.postMessage(message);
}

function fail(error: unknown): void {
  const { code, message } = error as { code?: unknown; message?: unknown };
  report({ kind: 'failed', code: String(code ?? 'EIO'), message: String(message ?? error) });
}

/** How a wait ends while the server is away, if it does. */
function errnoWhileAway(waiterPid: number, isOverdue: boolean): number | undefined {
  if (isOverdue) return EIO;
  return isBeingKilled(waiterPid) ? EINTR : undefined;
}

/** Asks for names as far as they are needed; the mount is alone once they are told. */
function subscribeAnew(listener: Listener, invalidation: Invalidation): void {
  const isBecomingAlone = invalidation.isBecomingAlone;
  const wantsNames = isBecomingAlone || invalidation.wantsNames;
  if (!isBecomingAlone && wantsNames === listener.hasNames) return;
  if (listener.subscribe(wantsNames) && isBecomingAlone) invalidation.becomeAlone();
}

/** A server that has been away has to be asked anew for all that it is to tell. */
function resume(listener: Listener, invalidation: Invalidation, parked: ParkedRequests): void {
  if (listener.isTold && listener.subscribe(true)) invalidation.becomeAlone();
  // Afterwards: who gets a lock now has been told before of what others have done under it.
  if (listener.locks !== undefined) parked.askAgain(listener.locks);
}

/** Listens until it shall stop. @returns false when there is nothing to hear any more */
function listen(
  listener: Listener,
  invalidation: Invalidation,
  parked: ParkedRequests,
  stop: Int32Array,
): boolean {
  if (listener.isTold) {
    if (listener.subscribe(true)) invalidation.becomeAlone();
    else invalidation.becomeShared();
  }
  let recoveries = 0;
  while (Atomics.load(stop, 0) === 0) {
    if (!listener.hear(SLICE_MS)) return false;
    if (recoveries !== listener.recoveries) {
      // Before: the server may go away once more meanwhile.
      recoveries = listener.recoveries;
      resume(listener, invalidation, parked);
    }
    if (listener.isTold) subscribeAnew(listener, invalidation);
  }
  return true;
}

function invalidationFor(orders: ListenerOrders, order: WriteOrder): Invalidation {
  const { deviceFd, lifeFd, boardMemory, directory, keepsNamesWhenShared, hasEpochs } = orders;
  return new Invalidation({
    board: new CacheBoard(boardMemory),
    notifier: new Notifier(toDevice(deviceFd)),
    startMessenger: () => new Messenger(deviceFd, lifeFd),
    order,
    keepsNamesWhenShared,
    canForgetNames: () => hasEpochs && mountsBelow(directory).length === 0,
  });
}

/**
 * Listens until it shall stop. Afterwards the kernel is told nothing any more, and nothing is granted:
 * who waits for a lock is told when that is not because the mount has ended.
 */
function work(
  listener: Listener,
  invalidation: Invalidation,
  parked: ParkedRequests,
  stop: Int32Array,
): unknown {
  try {
    if (!listen(listener, invalidation, parked, stop)) parked.abandon();
    return undefined;
  } catch (error) {
    parked.abandon();
    return error ?? new Error('a mistake of ours');
  } finally {
    invalidation.becomeUntold();
    listener.close();
  }
}

async function run(): Promise<void> {
  const { source, parkedMemory, orderMemory } = workerData as ListenerStart;
  const parked = new ParkedRequests(parkedMemory);
  const order = new WriteOrder(orderMemory);
  const module = (await import(source.module)) as { createListener: CreateListener };
  let invalidation: Invalidation | undefined;
  const listener = module.createListener(source.data, {
    changed: (news) => invalidation?.apply(news),
    granted: (unique) => parked.grant(unique),
    serverAway: (isOverdue) => parked.endWaits((pid) => errnoWhileAway(pid, isOverdue)),
  });
  parentPort?.once('message', async (orders: ListenerOrders) => {
    invalidation = invalidationFor(orders, order);
    const failure = work(listener, invalidation, parked, orders.stop);
    await invalidation.close();
    if (failure === undefined) report({ kind: 'ended' });
    else fail(failure);
  });
  report({ kind: 'ready', traits: { isTold: listener.isTold } });
}

run().catch(fail);
