/**
 * Reads or writes a file for a while, where fio is not installed. Requests under way together are calls of as many threads.
 */
import {
  closeSync,
  constants,
  fsync,
  fsyncSync,
  openSync,
  read,
  readSync,
  write,
  writeSync,
} from 'node:fs';
import { promisify } from 'node:util';
import { mapPrivate, viewMemory } from '../../nic/system-calls.ts';
import { measured, ownRequest, tell } from './own-program.ts';
import { type FileWork, percentilesOf } from './work.ts';

const { work, servers } = ownRequest<FileWork>();
const isRead = work.direction === 'read';
const lanes = work.jobs * work.depth;
const blocks = Math.floor(work.fileBytes / work.blockBytes);
const transferAsync = (buffer: Buffer, offset: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const transfer = isRead ? read : write;
    const settle = (error: unknown, bytes: number) => (error ? reject(error) : resolve(bytes));
    Reflect.apply(transfer, undefined, [fd, buffer, 0, work.blockBytes, offset, settle]);
  });
const transferAlone: (fd: number, buffer: Buffer, ...place: [number, number, number]) => number =
  isRead ? readSync : writeSync;
const fsyncAsync = promisify(fsync);

const flags =
  (isRead ? constants.O_RDONLY : constants.O_WRONLY) |
  (work.cache === 'direct' ? constants.O_DIRECT : 0);
const fd = openSync(work.file, flags);

// Each lane has memory of its own, aligned to pages as O_DIRECT wants it.
const memoryBytes = Math.max(4096, work.blockBytes);
const memory = viewMemory(mapPrivate(lanes * memoryBytes), lanes * memoryBytes);
const buffers = Array.from({ length: lanes }, (_, lane) =>
  Buffer.from(memory, lane * memoryBytes, work.blockBytes).fill(0x5a),
);

const latencies: number[] = [];
let next = 0;

function nextOffset(): number {
  const block = work.isRandom ? Math.floor(Math.random() * blocks) : next++ % blocks;
  return block * work.blockBytes;
}

function note(startedMs: number, bytes: number): void {
  if (bytes !== work.blockBytes) throw new Error(`${bytes} bytes of ${work.blockBytes}`);
  latencies.push((performance.now() - startedMs) * 1e6);
}

/** One after the other, without a thread between. */
function workAlone(untilMs: number): void {
  const [buffer] = buffers as [Buffer];
  for (let nowMs = performance.now(); nowMs < untilMs; nowMs = performance.now()) {
    const bytes = transferAlone(fd, buffer, 0, work.blockBytes, nextOffset());
    if (work.sync === 'each') fsyncSync(fd);
    note(nowMs, bytes);
  }
}

async function workInLane(buffer: Buffer, untilMs: number): Promise<void> {
  for (let nowMs = performance.now(); nowMs < untilMs; nowMs = performance.now()) {
    const bytes = await transferAsync(buffer, nextOffset());
    if (work.sync === 'each') await fsyncAsync(fd);
    note(nowMs, bytes);
  }
}

const took = await measured(servers, async () => {
  const untilMs = performance.now() + work.seconds * 1000;
  if (lanes === 1) workAlone(untilMs);
  else await Promise.all(buffers.map((buffer) => workInLane(buffer, untilMs)));
  if (work.sync === 'end') fsyncSync(fd);
});
closeSync(fd);
tell({
  operations: latencies.length,
  bytes: latencies.length * work.blockBytes,
  ...took,
  latency: percentilesOf(Float64Array.from(latencies)),
});
