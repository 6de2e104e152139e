/**
 * Writes, cuts, extends, deletes and makes files until it is told to stop.
 * Arguments: the server's socket, the file of the versions, a seed.
 */
import { FileClient, type OpenFile, Session } from '../../../../client/index.ts';
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

const [fabric = '', path = '', seed = ''] = process.argv.slice(2);
const versions = Versions.open(path);
const random = randomFrom(Number(seed));
// There are more processes than processors: who polls keeps the others from working.
const session = Session.connect(fabric, { pollMicroseconds: 0 });
const client = new FileClient(session);
const buffer = session.allocateBuffer(RECORD_BYTES, 'write');

interface Writing {
  file: number;
  life: number;
  open: OpenFile;
  /** Records that lie within the file. */
  present: number;
}

function begin(file: number, life: number): Writing {
  versions.begin(file, life);
  const creation = { mode: 'guarded', attributes: { mode: 0o600 } } as const;
  const open = client.open(client.root, nameOf(file, life), 'both', creation);
  return { file, life, open, present: 0 };
}

/** Changes records from `first` to before `end`, all of them to the same kind. */
function change(writing: Writing, first: number, end: number, kind: Kind, act: () => void): void {
  const { file, life } = writing;
  for (let record = first; record < end; record += 1) versions.announce(file, life, record, kind);
  act();
  for (let record = first; record < end; record += 1) versions.acknowledge(file, life, record);
}

function write(writing: Writing): void {
  const { file, life, open, present } = writing;
  const record = Math.min(random(RECORDS), present);
  const version = versions.announce(file, life, record, Kind.DATA);
  fillRecord(buffer.memory, { file, life, record }, version);
  client.writeRegistered(open, record * RECORD_BYTES, buffer, 0, RECORD_BYTES);
  versions.acknowledge(file, life, record);
  writing.present = Math.max(present, record + 1);
  versions.count(Count.WRITES);
}

function resize(writing: Writing, records: number): void {
  const { open } = writing;
  client.setattr(open.handle, { sizeBytes: records * RECORD_BYTES }, open.stateId);
  writing.present = records;
}

function cut(writing: Writing): void {
  const records = random(writing.present + 1);
  const act = () => resize(writing, records);
  change(writing, records, writing.present, Kind.ABSENT, act);
}

function extend(writing: Writing): void {
  const records = writing.present + random(RECORDS - writing.present + 1);
  change(writing, writing.present, records, Kind.ZEROS, () => resize(writing, records));
}

function replace(writing: Writing): Writing {
  const { file, life, open } = writing;
  client.unlink(client.root, nameOf(file, life));
  client.close(open);
  return begin(file, life + 1);
}

const writings = Array.from({ length: FILES }, (_, file) => begin(file, 1));
while (!versions.mustStop) {
  const file = random(FILES);
  const writing = writings[file] as Writing;
  const choice = random(100);
  if (choice < 85) write(writing);
  else if (choice < 92) cut(writing);
  else if (choice < 98) extend(writing);
  else writings[file] = replace(writing);
}
session.close();
