/**
 * Owns an exported cache that is much too small for its files, and writes, cuts and reads them without
 * a pause, as a server would whose requests cost nothing.
 * Arguments: the socket to listen on, the file of the versions, a seed, a directory for the database.
 */
import { join } from 'node:path';
import { Access, Arena, Context, Listener, QueuePairState } from '../../../../nic/index.ts';
import { BlockCache } from '../../../../server/block-cache.ts';
import { ExportedCache } from '../../../../server/exported-cache/exported-cache.ts';
import {
  type FileId,
  FileType,
  type Inode,
  rootId,
  Store,
} from '../../../../server/store/index.ts';
import { stateIdOf } from './state-ids.ts';
import {
  Count,
  FILES,
  fillRecord,
  Kind,
  nameOf,
  RECORD_BYTES,
  RECORDS,
  randomFrom,
  Versions,
} from './versions.ts';

const [socket = '', path = '', seed = '', directory = ''] = process.argv.slice(2);
const BLOCK_BYTES = 4096;
/** A quarter of what the files come to. */
const SLOTS = 216;
const LIFE = 1;

const versions = Versions.open(path);
const random = randomFrom(Number(seed));
const store = Store.open(join(directory, 'store'), { create: true, blockBytes: BLOCK_BYTES });
const context = Context.open();
const domain = context.allocateProtectionDomain();
const layout = ExportedCache.layoutFor(SLOTS * BLOCK_BYTES, BLOCK_BYTES);
const arena = Arena.create(layout.bytes, 'read');
const access = Access.LOCAL_WRITE | Access.MW_BIND;
const region = domain.registerMemory(arena, 0, layout.bytes, access);
const exported = new ExportedCache(layout, region.memory);
const cache = new BlockCache(store, exported.blocks, { exported });
const record = new Uint8Array(RECORD_BYTES);

const ids: FileId[] = Array.from({ length: FILES }, (_, file) => {
  versions.begin(file, LIFE);
  const owner = { mode: 0o600, uid: 0, gid: 0 };
  return store.create(rootId, nameOf(file, LIFE), { type: FileType.REGULAR, ...owner }).id;
});
const present = new Array<number>(FILES).fill(0);

function admit(id: FileId): void {
  exported.files.admit(store.inode(id) as Inode, Number.MAX_SAFE_INTEGER);
  exported.opens.admit(stateIdOf(id), id);
}

function write(file: number): void {
  const id = ids[file] as FileId;
  const number = Math.min(random(RECORDS), present[file] as number);
  const version = versions.announce(file, LIFE, number, Kind.DATA);
  fillRecord(record, { file, life: LIFE, record: number }, version);
  let at = 0;
  cache.write(id, number * RECORD_BYTES, RECORD_BYTES, (start, bytes) => {
    exported.blocks.set(record.subarray(at, at + bytes), start);
    at += bytes;
  });
  versions.acknowledge(file, LIFE, number);
  present[file] = Math.max(present[file] as number, number + 1);
  versions.count(Count.WRITES);
}

function resize(file: number, records: number): void {
  const before = present[file] as number;
  const kind = records < before ? Kind.ABSENT : Kind.ZEROS;
  const [first, end] = records < before ? [records, before] : [before, records];
  for (let at = first; at < end; at += 1) versions.announce(file, LIFE, at, kind);
  cache.truncate(ids[file] as FileId, records * RECORD_BYTES);
  for (let at = first; at < end; at += 1) versions.acknowledge(file, LIFE, at);
  present[file] = records;
}

/** Brings a part of a file into the cache, for which others have to go. */
function read(file: number): void {
  const id = ids[file] as FileId;
  cache.read(id, random(RECORDS) * RECORD_BYTES, RECORD_BYTES, () => {});
  versions.count(Count.SCANS);
}

const queue = context.createCompletionQueue(64);
const sizes = { maxSendWr: 4, maxReceiveWr: 4, maxMessageBytes: 64 };
const queuePair = domain.createQueuePair({ sendCq: queue, receiveCq: queue, ...sizes });
queuePair.modify(QueuePairState.INIT);
const listener = Listener.listen(socket);
process.stdout.write('ready\n');
const request = listener.accept(60_000);
if (request === undefined) throw new Error('no reader came');
// The window can be bound when the connection is there, so the reader is told where by a file id.
request.accept(queuePair, new TextEncoder().encode(JSON.stringify({ slots: SLOTS, ids })));
const { rkey, address } = queuePair.bindWindow(region);
versions.publish([rkey, address]);

while (!versions.mustStop) {
  const file = random(FILES);
  const choice = random(100);
  if (choice < 30) write(file);
  else if (choice < 33) resize(file, random(RECORDS));
  else read(file);
  admit(ids[file] as FileId);
  if (choice === 99 && store.inTransaction) store.commit();
}
listener.close();
context.close();
store.close();
