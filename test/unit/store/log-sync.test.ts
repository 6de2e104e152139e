/** The thread that syncs the log, and what becomes of real errors. */
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Context, createWorkCompletions } from '../../../nic/index.ts';
import { BlockingLogSync } from '../../../server/store/log-sync.ts';
import { LogSyncThread } from '../../../server/store/log-sync-thread.ts';
import { copyKilled } from './support/killed-copy.ts';
import { codeOf, makeFile, names, openStore, temporaryDirectory } from './support/stores.ts';

const LIMIT = { timeout: 60_000 };

function newLog(): number {
  const path = join(temporaryDirectory(), 'log');
  writeFileSync(path, 'data');
  return openSync(path, 'r');
}

it('ends whatever it syncs, one after the other, and wakes who sleeps meanwhile', LIMIT, () => {
  const log = newLog();
  const context = Context.open();
  const group = context.createCompletionGroup();
  const completions = createWorkCompletions(1);
  const thread = new LogSyncThread(context.waker());
  for (let count = 0; count < 100; count += 1) {
    thread.begin([log]);
    while (!thread.hasEnded()) {
      group.wait(completions, 30_000);
      context.takeWake();
    }
  }
  thread.begin([log]);
  thread.close();
  expect(thread.hasEnded()).toBe(true);
  context.close();
  closeSync(log);
});

it('syncs at once for who is alone', LIMIT, () => {
  const log = newLog();
  const device = openSync('/dev/null', 'r');
  const context = Context.open();
  const thread = new LogSyncThread(context.waker());
  thread.begin([log], true);
  expect(thread.hasEnded()).toBe(true);
  thread.begin([log]);
  thread.await();
  expect(thread.hasEnded()).toBe(true);
  thread.begin([log, device]);
  thread.await();
  expect(() => thread.hasEnded()).toThrow(/EINVAL/);
  thread.close();
  context.close();
  closeSync(device);
  closeSync(log);
});

it.each(['in the same thread', 'in another one'])(
  'tells of an error that the system gives, %s',
  LIMIT,
  (where) => {
    const device = openSync('/dev/null', 'r');
    const context = Context.open();
    const sync =
      where === 'in another one' ? new LogSyncThread(context.waker()) : new BlockingLogSync();
    sync.begin([device]);
    sync.await();
    // What cannot be synced is refused by the kernel: see fdatasync(2).
    expect(() => sync.hasEnded()).toThrow(/EINVAL/);
    sync.close();
    context.close();
    closeSync(device);
  },
);

it('syncs a store from a thread of its own', LIMIT, () => {
  const context = Context.open();
  const path = join(temporaryDirectory(), 'store.dafs');
  openStore(path).close();
  let syncs = 0;
  const store = openStore(path, undefined, {}, () => {
    const thread = new LogSyncThread(context.waker());
    const begin = thread.begin.bind(thread);
    return Object.assign(thread, {
      begin: (files: readonly number[]) => {
        syncs += 1;
        begin(files);
      },
    });
  });
  const sync = () => {
    store.durability.beginSync();
    while (!store.durability.syncHasEnded());
  };
  makeFile(store, 'first');
  sync();
  makeFile(store, 'second');
  sync();
  expect(syncs).toBe(2);
  sync();
  expect(syncs).toBe(2);
  expect(readFileSync(`${path}-intents`).includes('second')).toBe(true);
  store.close();
  context.close();
});

it('needs none for what goes onto the disk at once, for who is alone', LIMIT, () => {
  const path = join(temporaryDirectory(), 'store.dafs');
  openStore(path).close();
  let syncs = 0;
  let failure: NodeJS.ErrnoException | undefined;
  const systemError = (code: string) => Object.assign(new Error(code), { code, syscall: 'write' });
  const store = openStore(path, undefined, {}, () => {
    const sync = new BlockingLogSync();
    const { begin, writeAtOnce } = BlockingLogSync.prototype;
    return Object.assign(sync, {
      begin: (files: readonly number[]) => {
        syncs += 1;
        begin.call(sync, files);
      },
      writeAtOnce: (...values: Parameters<typeof writeAtOnce>) => {
        if (failure !== undefined) throw failure;
        return writeAtOnce.call(sync, ...values);
      },
    });
  });
  const made: string[] = [];
  const make = (isAlone: boolean) => {
    made.push(`file ${made.length}`);
    makeFile(store, made.at(-1) as string);
    store.durability.beginSync(isAlone);
    expect(store.durability.syncHasEnded()).toBe(true);
  };
  make(true);
  make(true);
  expect(syncs).toBe(0);
  make(false);
  expect(syncs).toBe(1);
  // What others have not synced yet is synced with what comes then.
  makeFile(store, 'early');
  store.commit();
  make(true);
  expect(syncs).toBe(2);
  make(true);
  expect(syncs).toBe(2);
  // A full disk may take it the next time, and a file system that knows no such writes never will.
  failure = systemError('ENOSPC');
  make(true);
  expect(syncs).toBe(3);
  failure = undefined;
  make(true);
  expect(syncs).toBe(3);
  failure = systemError('EINVAL');
  make(true);
  failure = undefined;
  make(true);
  expect(syncs).toBe(5);
  const left = openStore(copyKilled(store, temporaryDirectory()));
  expect(names(left)).toEqual([...made, 'early'].sort());
  left.close();
  store.close();
});

it('ends all changes when what goes onto the disk at once fails', LIMIT, () => {
  const path = join(temporaryDirectory(), 'store.dafs');
  openStore(path).close();
  const store = openStore(path, undefined, {}, () =>
    Object.assign(new BlockingLogSync(), {
      writeAtOnce: () => {
        throw Object.assign(new Error('EIO'), { code: 'EIO', syscall: 'write' });
      },
    }),
  );
  makeFile(store, 'file');
  expect(codeOf(() => store.durability.beginSync(true))).toBe('EIO');
  expect(codeOf(() => makeFile(store, 'other'))).toBe('EROFS');
  store.close();
});

it('is not tried again once it has failed: the kernel would not tell a second time', LIMIT, () => {
  const device = openSync('/dev/null', 'r');
  const path = join(temporaryDirectory(), 'store.dafs');
  openStore(path).close();
  let syncs = 0;
  const store = openStore(path, undefined, {}, () => {
    const sync = new BlockingLogSync();
    return Object.assign(sync, {
      begin: () => {
        syncs += 1;
        BlockingLogSync.prototype.begin.call(sync, [device]);
      },
      writeAtOnce: () => false,
    });
  });
  makeFile(store, 'file');
  expect(codeOf(() => store.sync())).toBe('EIO');
  expect(codeOf(() => store.sync())).toBe('EROFS');
  expect(codeOf(() => store.durability.beginSync())).toBe('EROFS');
  expect(syncs).toBe(1);
  expect(names(store)).toEqual(['file']);
  closeSync(device);
});
