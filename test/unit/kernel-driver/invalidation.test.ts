import { Worker } from 'node:worker_threads';
import { beforeEach, describe, expect, test } from 'vitest';
import { CacheBoard, CacheMode } from '../../../mount/drivers/kernel/cache-board.ts';
import { Invalidation } from '../../../mount/drivers/kernel/invalidation.ts';
import type { Nodeid } from '../../../mount/file-system.ts';
import { NotifyCode } from '../../../mount/kernel-abi/constants.ts';
import {
  NotifyInvalEntryOut,
  NotifyInvalInodeOut,
  OutHeader,
} from '../../../mount/kernel-abi/structures.ts';
import type { ChangedFile, ChangeNews } from '../../../mount/listener.ts';

const nodeid = (value: number) => value as Nodeid;

let memory: SharedArrayBuffer;
let board: CacheBoard;
/** What the kernel was told, and in which mode the mount was then. */
let told: string[];
let canForgetNames: boolean;
/** What the kernel does not know. */
let unknown: number[];

beforeEach(() => {
  memory = CacheBoard.createMemory(1);
  board = new CacheBoard(memory);
  told = [];
  canForgetNames = true;
  unknown = [];
});

/** What the messenger is to deliver. */
function readNotification(message: Uint8Array): string {
  const view = new DataView(message.buffer);
  const { error, len } = OutHeader.at(view);
  expect(len).toBe(message.byteLength);
  if (error === NotifyCode.INVAL_INODE) {
    const { ino, off, len: length } = NotifyInvalInodeOut.at(view, OutHeader.bytes);
    return `data ${ino} ${off}+${length}`;
  }
  expect(error).toBe(NotifyCode.INVAL_ENTRY);
  const { parent, namelen } = NotifyInvalEntryOut.at(view, OutHeader.bytes);
  const nameAt = OutHeader.bytes + NotifyInvalEntryOut.bytes;
  return `name ${parent}/${Buffer.from(message.subarray(nameAt, nameAt + namelen))}`;
}

function invalidation(keepsNamesWhenShared = false): Invalidation {
  const tell = (what: string) => {
    told.push(what);
    return true;
  };
  return new Invalidation({
    board,
    notifier: {
      invalidateAttributes: (file) => tell(`attributes ${file}`) && !unknown.includes(Number(file)),
      forgetNames: () => void tell(`all names, in mode ${board.mode()}`),
    },
    startMessenger: () => ({
      take: (message, bytes) => tell(readNotification(message.slice(0, bytes))),
      settle: () => void tell('settled'),
      close: async () => void tell('closed'),
    }),
    order: { changed() {} },
    keepsNamesWhenShared,
    canForgetNames: () => canForgetNames,
  });
}

const news = (rest: Partial<ChangeNews>): ChangeNews => ({
  alone: false,
  everything: false,
  files: [],
  names: [],
  ...rest,
});

const data = (file: number, offset = 0, length = 0): ChangedFile => {
  return { nodeid: nodeid(file), isData: true, offset, length };
};
const attributes = (file: number): ChangedFile => ({ ...data(file), isData: false });

describe('what others change', () => {
  test('is told to the kernel: data, attributes, names', () => {
    const subject = invalidation();
    subject.becomeShared();
    told = [];
    const names = [{ parent: nodeid(1), name: Buffer.from('a') }];
    subject.apply(news({ files: [data(7, 4096, 100), attributes(8), data(9)], names }));
    expect(told).toEqual([
      ...['attributes 7', 'attributes 8', 'attributes 9'],
      ...['data 7 4096+100', 'data 9 0+0', 'name 1/a', 'settled'],
    ]);
    expect(board.generation()).toBe(0);
  });

  const first = [
    ...['attributes 7', 'attributes 8', 'attributes 9'],
    ...['data 7 4096+100', 'data 9 0+0', 'settled'],
  ];
  const listing = ['data 9 0+0', 'settled'];

  // Pages are held until a reply is there; listings of directories are not. Late attributes the kernel
  // believes only of what it did not know, or in reply to a change; else it is not to doubt what it has
  // asked for since.
  test.each([
    { workerIsAt: 'a question', again: ['attributes 7', ...listing] },
    { workerIsAt: 'a change', again: ['attributes 7', 'attributes 8', 'attributes 9', ...listing] },
  ])(
    'is told once more when a worker at $workerIsAt may reply with what was before',
    async ({ workerIsAt, again }) => {
      const subject = invalidation();
      subject.becomeShared();
      told = [];
      unknown = [7];
      if (workerIsAt === 'a change') board.beginChange();
      // A worker is at a request, and through only a while after the news has come.
      board.begin(0);
      const script = `
      const { workerData: { memory, word } } = require('node:worker_threads');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
      Atomics.add(new Int32Array(memory), word, 1);`;
      const isBefore = () => !board.areDone(Int32Array.of(1));
      // The words of the workers stand last.
      const word = new Int32Array(memory).length - 1;
      const worker = new Worker(script, { eval: true, workerData: { memory, word } });
      expect(isBefore()).toBe(true);
      subject.apply(news({ files: [data(7, 4096, 100), attributes(8), data(9)] }));
      expect(isBefore()).toBe(false);
      expect(told).toEqual([...first, ...again]);
      await worker.terminate();
    },
  );

  test('does not wait for a worker that has died', () => {
    board.begin(0);
    const requests = board.requestsUnderWay();
    expect(board.areDone(requests)).toBe(false);
    board.abandon(0);
    expect(board.areDone(requests)).toBe(true);
    board.abandon(0);
    expect(board.areDone(board.requestsUnderWay())).toBe(true);
  });

  test('may be everything: then all names go, and nothing is kept at the next open', () => {
    const subject = invalidation();
    subject.becomeShared();
    told = [];
    subject.apply(news({ everything: true, files: [data(7)] }));
    expect(told).toEqual([
      `all names, in mode ${CacheMode.SHARED}`,
      ...['attributes 7', 'data 7 0+0', 'settled'],
    ]);
    expect(board.generation()).toBe(1);
  });
});

describe('alone or not', () => {
  test('names are wanted alone, and no more when others come and all names were forgotten', () => {
    const subject = invalidation();
    subject.becomeAlone();
    expect([board.mode(), subject.wantsNames]).toEqual([CacheMode.ALONE, true]);
    subject.apply(news({ files: [attributes(7)] }));
    // First nothing new is believed, then what was believed goes.
    expect(told).toEqual([`all names, in mode ${CacheMode.SHARED}`, 'attributes 7']);
    expect([board.mode(), subject.wantsNames]).toEqual([CacheMode.SHARED, false]);
    subject.apply(news({ files: [attributes(7)] }));
    expect(told).toHaveLength(3);
  });

  test('names stay wanted when they cannot be forgotten, or the user wants them believed', () => {
    canForgetNames = false;
    const subject = invalidation();
    subject.becomeAlone();
    subject.apply(news({}));
    expect([told, subject.wantsNames]).toEqual([[], true]);
    canForgetNames = true;
    const wished = invalidation(true);
    wished.becomeAlone();
    wished.apply(news({}));
    expect(wished.wantsNames).toBe(true);
  });

  test('the mount becomes alone only when names are told again', () => {
    const subject = invalidation();
    subject.becomeShared();
    subject.apply(news({ alone: true }));
    expect(board.mode()).toBe(CacheMode.SHARED);
    expect(subject.isBecomingAlone).toBe(true);
    subject.becomeAlone();
    expect(board.mode()).toBe(CacheMode.ALONE);
    expect([subject.isBecomingAlone, subject.wantsNames]).toEqual([false, true]);
    subject.apply(news({ alone: true }));
    expect(subject.isBecomingAlone).toBe(false);
    subject.apply(news({ alone: false }));
    expect([board.mode(), subject.isBecomingAlone]).toEqual([CacheMode.SHARED, false]);
  });

  test('when nothing will be told any more, nothing is believed', () => {
    const subject = invalidation();
    subject.becomeAlone();
    subject.becomeUntold();
    expect([board.mode(), board.generation()]).toEqual([CacheMode.UNTOLD, 1]);
    expect(told).toEqual([`all names, in mode ${CacheMode.UNTOLD}`]);
  });
});
