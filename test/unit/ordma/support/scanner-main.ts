/**
 * Reads a large file through the server again and again, so that the cache is always too small.
 * Arguments: the server's socket, the file of the versions, the large file's size in MiB.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { FileClient, Session } from '../../../../client/index.ts';
import { Count, Versions } from './versions.ts';

const MEBIBYTE = 1 << 20;
const [fabric = '', path = '', size = ''] = process.argv.slice(2);
const versions = Versions.open(path);
const session = Session.connect(fabric, { pollMicroseconds: 0 });
const client = new FileClient(session);
const buffer = session.allocateBuffer(MEBIBYTE, 'both');
const creation = { mode: 'guarded', attributes: { mode: 0o600 } } as const;
const file = client.open(client.root, new TextEncoder().encode('large'), 'both', creation);
for (let at = 0; at < Number(size); at += 1) {
  client.writeRegistered(file, at * MEBIBYTE, buffer, 0, MEBIBYTE);
}
let reads = 0;
while (!versions.mustStop) {
  client.readRegistered(file, (reads % Number(size)) * MEBIBYTE, buffer, 0, MEBIBYTE);
  reads += 1;
  versions.count(Count.SCANS);
  if (reads % 4 === 0) await sleep(1);
}
session.close();
