/**
 * Prints what the codecs of the hot operations cost, headers included, in nanoseconds of this
 * thread's processor time: the best and the median of several rounds.
 * Run it by `npx node test/unit/protocol/measure-codecs.ts`.
 */

import {
  type Codec,
  decodeRequestHeader,
  decodeResponseHeader,
  encodeRequestHeader,
  encodeResponseHeader,
  type Filehandle,
  fletcher32,
  MessageBuffer,
  type OperationName,
  operations,
  RequestHeader,
  ResponseHeader,
} from '../../../client/protocol/index.ts';

const ROUNDS = 9;
const CALLS = 200_000;
const WARM_UP_CALLS = 100_000;

/** The sum is exact; the kernel divides it into user and system time by a guess. */
const processorNanoseconds = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) * 1000;
};

const measure = (call: () => unknown): string => {
  for (let count = 0; count < WARM_UP_CALLS; count++) call();
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = processorNanoseconds();
    for (let count = 0; count < CALLS; count++) call();
    rounds.push((processorNanoseconds() - start) / CALLS);
  }
  rounds.sort((first, second) => first - second);
  const column = (index: number): string => (rounds[index] as number).toFixed(0).padStart(5);
  return `${column(0)} ${column(ROUNDS >> 1)}`;
};

const filehandle = new Uint8Array(64).fill(7) as Filehandle;
const at = { filehandle, stateId: 5n, offset: 28672, cacheHint: 0 };
const buffers = [{ address: 0x7f0012345000, byteCount: 4096, handle: 42 }];
const time = { seconds: 1_700_000_000, nseconds: 123_456_789 };
const written = { count: 4096, committed: 0, verifier: 99n };
const attributes = {
  objectType: 1,
  mode: 0o644,
  numLinks: 1,
  change: 7n,
  objectSize: 4096,
  fileId: 42,
  spaceUsed: 4096,
  timeAccess: time,
  timeCreate: time,
  timeMetadata: time,
  timeModify: time,
  rawDev: { specdata1: 0, specdata2: 0 },
  owner: '1000',
  ownerGroup: '1000',
};

/** The arguments and the results of each operation. */
const cases: Partial<Record<OperationName, [object, object]>> = {
  READ_DIRECT: [
    { ...at, byteCount: 4096, readDataBuffers: buffers },
    { eof: false, bytesRead: 4096, directChecksum: 0 },
  ],
  WRITE_DIRECT: [
    { ...at, byteCount: 4096, stableHow: 0, directChecksum: 0, writeDataBuffers: buffers },
    written,
  ],
  READ_INLINE: [
    { ...at, byteCount: 512 },
    { eof: false, readData: new Uint8Array(512) },
  ],
  WRITE_INLINE: [{ ...at, stableHow: 0, writePadded: false, data: new Uint8Array(512) }, written],
  LOOKUP: [
    { directory: filehandle, path: [new TextEncoder().encode('hello.txt')] },
    { filehandle, componentCount: 1 },
  ],
  GETATTR_INLINE: [{ filehandle, attrRequestBitmap: 0x1820171 }, { objAttributes: attributes }],
};

const newMessage = (): MessageBuffer => MessageBuffer.allocate(8192, { littleEndian: true });

const requestHeader = new RequestHeader();
const responseHeader = new ResponseHeader();

console.log('nanoseconds, best and median      encode       decode');
for (const [name, [args, results]] of Object.entries(cases)) {
  const operation = operations[name as OperationName];
  const [argumentCodec, resultCodec] = [
    operation.arguments as Codec<object>,
    operation.results as Codec<object>,
  ];
  const request = newMessage();
  const encodeRequest = measure(() => {
    argumentCodec.encode(request, args);
    encodeRequestHeader(request, requestHeader);
  });
  const decodeRequest = measure(() => {
    decodeRequestHeader(request, requestHeader);
    return argumentCodec.decode(request);
  });
  console.log(`${`${name} request`.padEnd(28)} ${encodeRequest}  ${decodeRequest}`);

  const response = newMessage();
  const encodeResponse = measure(() => {
    resultCodec.encode(response, results);
    encodeResponseHeader(response, responseHeader);
  });
  const decodeResponse = measure(() => {
    decodeResponseHeader(response, responseHeader);
    return resultCodec.decode(response);
  });
  console.log(`${`${name} response`.padEnd(28)} ${encodeResponse}  ${decodeResponse}`);
}

const megabyte = new Uint8Array(2 ** 20);
const start = processorNanoseconds();
for (let count = 0; count < 200; count++) fletcher32(megabyte, true);
const gigabytesPerSecond = (200 * megabyte.length) / (processorNanoseconds() - start);
console.log(`Fletcher-32: ${gigabytesPerSecond.toFixed(2)} GB/s`);
