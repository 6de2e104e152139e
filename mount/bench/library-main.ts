/**
 * Reads a file through the user-level library, straight into memory that is registered with the adapter.
 */
import { FileClient, Session } from '../../client/index.ts';
import { Extension } from '../../client/protocol/index.ts';
import type { LibraryWork } from './library.ts';
import { measured, ownRequest, tell } from './own-program.ts';
import { percentilesOf, type WorkDone } from './work.ts';

/** V8 has yet to compile what is measured. */
const WARMING_PART = 0.5;
const CHUNK_BYTES = 1 << 20;

const { work, servers } = ownRequest<LibraryWork>();
const { serverName, fileBytes, blockBytes, depth, seconds } = work;
const session = Session.connect(serverName, {
  extensions: work.isOrdma ? [Extension.ORDMA] : [],
});
const files = new FileClient(session);
const buffer = session.allocateBuffer(depth * Math.max(blockBytes, CHUNK_BYTES), 'both');
const name = new TextEncoder().encode('bench.data');

function write(): WorkDone {
  const creation = { mode: 'unchecked', attributes: { mode: 0o644 } } as const;
  const file = files.open(files.root, name, 'both', creation);
  for (let offset = 0; offset < fileBytes; offset += CHUNK_BYTES) {
    files.writeRegistered(file, offset, buffer, 0, CHUNK_BYTES);
  }
  files.close(file);
  return { operations: fileBytes / CHUNK_BYTES, bytes: fileBytes, seconds: 0 };
}

const file = work.isPreparing ? undefined : files.open(files.root, name, 'read');
const latencies: number[] = [];
let next = 0;

function nextOffset(): number {
  const offset = next;
  next = (next + blockBytes) % fileBytes;
  return offset;
}

function assertWhole(bytes: number): void {
  if (bytes !== blockBytes) throw new Error(`${bytes} bytes of ${blockBytes}`);
}

function readOne(): void {
  if (file === undefined) return;
  const startedMs = performance.now();
  assertWhole(files.readRegistered(file, nextOffset(), buffer, 0, blockBytes));
  latencies.push((performance.now() - startedMs) * 1e6);
}

/** As many as `depth` under way: each is waited for in turn, and the next one sent in its place. */
function readPipelined(untilMs: number): void {
  if (file === undefined) return;
  const submit = (slot: number) => ({
    startedMs: performance.now(),
    slot,
    request: files.submitRead(file, nextOffset(), buffer, slot * blockBytes, blockBytes),
  });
  const underWay = Array.from({ length: depth }, (_, slot) => submit(slot));
  for (let first = underWay.shift(); first !== undefined; first = underWay.shift()) {
    assertWhole(session.wait(first.request).bytes);
    const nowMs = performance.now();
    latencies.push((nowMs - first.startedMs) * 1e6);
    if (nowMs < untilMs) underWay.push(submit(first.slot));
  }
}

function readUntil(untilMs: number): void {
  if (depth > 1) readPipelined(untilMs);
  else while (performance.now() < untilMs) readOne();
}

async function read(): Promise<WorkDone> {
  readUntil(performance.now() + seconds * WARMING_PART * 1000);
  latencies.length = 0;
  const took = await measured(servers, () => readUntil(performance.now() + seconds * 1000));
  return {
    operations: latencies.length,
    bytes: latencies.length * blockBytes,
    ...took,
    latency: percentilesOf(Float64Array.from(latencies)),
  };
}

const done = work.isPreparing ? write() : await read();
if (file !== undefined) files.close(file);
session.close();
buffer.close();
tell(done);
