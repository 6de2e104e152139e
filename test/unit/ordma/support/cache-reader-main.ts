/**
 * Reads the records of a cache's owner without a pause, as far as that needs no message, and checks
 * each. Arguments: the owner's socket, the file of the versions, a seed. Ends with status 1 when a
 * record was not as it must be.
 */
import { ASK_SERVER, ExportedBlocks } from '../../../../client/exported-blocks.ts';
import {
  ExportedCacheLayout,
  filehandleOf,
  type StateId,
} from '../../../../client/protocol/index.ts';
import { RegisteredBuffer } from '../../../../client/registration.ts';
import { Context, connect } from '../../../../nic/index.ts';
import { stateIdOf } from './state-ids.ts';
import { Count, FILES, RECORD_BYTES, RECORDS, randomFrom, Versions } from './versions.ts';

const [socket = '', path = '', seed = ''] = process.argv.slice(2);
const LIFE = 1;
const versions = Versions.open(path);
const random = randomFrom(Number(seed));
const context = Context.open();
const domain = context.allocateProtectionDomain();
const queue = context.createCompletionQueue(64);
const sizes = { maxSendWr: 4, maxReceiveWr: 4, maxMessageBytes: 64 };
const queuePair = domain.createQueuePair({ sendCq: queue, receiveCq: queue, ...sizes });
const privateData = Buffer.from(connect(socket, queuePair, { timeoutMs: 60_000 })).toString();
const { slots, ids } = JSON.parse(privateData) as { slots: number; ids: number[] };
const layout = new ExportedCacheLayout(slots, 4096);
const [rkey = 0, address = 0] = versions.awaitPublished();
const reader = new ExportedBlocks(
  queuePair.importRegion(rkey, address, layout.bytes),
  layout,
  () => {},
);
const buffer = RegisteredBuffer.allocate(domain, RECORD_BYTES, 'read');
const files = ids.map((id) => ({
  handle: filehandleOf(new Uint8Array(16), id),
  stateId: stateIdOf(id) as StateId,
}));

while (!versions.mustStop) {
  const file = random(FILES);
  const record = random(RECORDS);
  const acknowledged = versions.acknowledged(file, LIFE, record);
  const reference = files[file] as (typeof files)[number];
  const bytes = reader.read(reference, record * RECORD_BYTES, buffer, 0, RECORD_BYTES);
  if (bytes === ASK_SERVER) continue;
  versions.count(Count.READS_BY_ITSELF);
  const data = buffer.memory.subarray(0, bytes);
  const problem = versions.problemOf({ file, life: LIFE, record }, data, acknowledged);
  if (problem !== undefined) {
    process.stderr.write(`record ${record} of file ${file}: ${problem}\n`);
    process.exitCode = 1;
    break;
  }
}
context.close();
buffer.close();
