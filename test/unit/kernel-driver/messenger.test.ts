import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import { OutHeader } from '../../../mount/kernel-abi/structures.ts';
import { createSocketPair, Epoll, EpollEvent } from '../../../nic/system-calls-fuse.ts';
import { programAt } from '../../../nic/thread.ts';

const LIMIT_MS = 30_000;
const program = programAt(
  new URL('../../../mount/drivers/kernel/messenger-main.ts', import.meta.url),
);

let child: ChildProcess | undefined;
afterEach(() => child?.kill('SIGKILL'));

test('the messenger ends in good order when its mount is killed before it has read an answer', {
  timeout: LIMIT_MS,
}, async () => {
  const [notifications, itsNotifications] = createSocketPair('close-on-exec');
  const [life, itsLife] = createSocketPair('close-on-exec');
  const device = openSync('/dev/null', 'r+');
  child = spawn(process.execPath, [program.pathname], {
    stdio: ['ignore', 'ignore', 'pipe', itsNotifications, itsLife, device],
  });
  for (const descriptor of [itsNotifications, itsLife, device]) closeSync(descriptor);
  const ended = once(child, 'exit');
  const complaints = text(child.stderr as Readable);
  const question = new Uint8Array(OutHeader.bytes);
  OutHeader.at(new DataView(question.buffer)).len = OutHeader.bytes;
  writeSync(notifications, question);
  const epoll = new Epoll();
  epoll.add(notifications, EpollEvent.IN, 1);
  expect(epoll.wait(LIMIT_MS / 2)).toBe(1);
  epoll.close();
  closeSync(notifications);
  closeSync(life);
  expect(await ended).toEqual([0, null]);
  expect(await complaints).toBe('');
});
