/**
 * Reads the writer's records, by itself where it can, and checks each, until it is told to stop.
 * Arguments: the server's socket, the file of the versions, a seed. Ends with
 * status 1 when a record was not as it must be.
 */
import { ASK_SERVER } from '../../../../client/exported-blocks.ts';
import {
  DafsError,
  Extension,
  FileClient,
  type OpenFile,
  Session,
} from '../../../../client/index.ts';
import {
  Count,
  FILES,
  LIVES,
  nameOf,
  RECORD_BYTES,
  RECORDS,
  randomFrom,
  Versions,
} from './versions.ts';

const [fabric = '', path = '', seed = ''] = process.argv.slice(2);
const versions = Versions.open(path);
const random = randomFrom(Number(seed));
const session = Session.connect(fabric, {
  extensions: [Extension.ORDMA],
  pollMicroseconds: 0,
});
const client = new FileClient(session);
const reader = client.exported.blocks;
const buffer = session.allocateBuffer(RECORD_BYTES, 'read');

interface Reading {
  readonly file: number;
  readonly life: number;
  readonly open: OpenFile;
}

function openFile(file: number): Reading | undefined {
  const life = versions.lifeOf(file);
  if (life === 0) return undefined;
  try {
    const open = client.open(client.root, nameOf(file, life), 'read');
    return { file, life, open };
  } catch (error) {
    // It is being replaced, or not made yet.
    if (error instanceof DafsError && error.errno === 'ENOENT') return undefined;
    throw error;
  }
}

/** Reads one record, and says what is wrong with it. */
function check({ file, life, open }: Reading): string | undefined {
  const record = random(RECORDS);
  const acknowledged = versions.acknowledged(file, life, record);
  const offset = record * RECORD_BYTES;
  let bytes = reader?.read(open, offset, buffer, 0, RECORD_BYTES) ?? ASK_SERVER;
  const isByItself = bytes !== ASK_SERVER;
  if (!isByItself) bytes = client.readRegistered(open, offset, buffer, 0, RECORD_BYTES);
  versions.count(isByItself ? Count.READS_BY_ITSELF : Count.READS_BY_MESSAGE);
  const data = buffer.memory.subarray(0, bytes);
  const problem = versions.problemOf({ file, life, record }, data, acknowledged);
  const how = isByItself ? 'by itself' : 'by message';
  return problem && `record ${record} of file ${file}, life ${life}, read ${how}: ${problem}`;
}

const readings: (Reading | undefined)[] = new Array(FILES).fill(undefined);
while (!versions.mustStop) {
  const file = random(FILES);
  const reading = readings[file];
  const isOld = reading !== undefined && versions.lifeOf(file) - reading.life >= LIVES / 2;
  if (reading === undefined || isOld || random(200) === 0) {
    if (reading !== undefined) client.close(reading.open);
    readings[file] = openFile(file);
    continue;
  }
  const problem = check(reading);
  if (problem !== undefined) {
    process.stderr.write(`${problem}\n`);
    process.exitCode = 1;
    break;
  }
}
session.close();
