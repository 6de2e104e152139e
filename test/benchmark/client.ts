/**
 * The client library against a server in another process, everything warm in the server's cache.
 * `node test/benchmark/client.ts` runs it alone; `npm run bench -- nic memory client` gives the
 * ratios too. The rows "inline" and "direct" are where the thresholds of
 * client/transfer-requests.ts come from.
 */
import { join } from 'node:path';
import { FileClient, type OpenFile, type RegisteredBuffer, Session } from '../../client/index.ts';
import { operations, StableHow } from '../../client/protocol/index.ts';
import { TransferRequests } from '../../client/transfer-requests.ts';
import { Workspace } from '../support/workspace.ts';
import type { BenchmarkRow, BenchmarkSection } from './support/row.ts';

const SECTION = 'client';
const KIBIBYTE = 1 << 10;
const MEBIBYTE = 1 << 20;
/** Small enough to stay in the server's cache, large enough not to be one block. */
const FILE_BYTES = 64 * MEBIBYTE;
/** Requests under way in the pipelined rows. */
const DEPTH = 8;
/** Each thing is measured in so many rounds; the median round counts. */
const ROUNDS = 5;
const SWEEP_BYTES = [512, 1024, 2048, 4096, 8192, 12_288] as const;

const SEND_ROW = 'nic/send 64 B round trip';
const COPY_ROW = 'memory/memcpy 1 MiB';

interface Bench {
  readonly session: Session;
  readonly files: FileClient;
  readonly file: OpenFile;
  readonly buffer: RegisteredBuffer;
  readonly memory: Uint8Array;
}

interface Measurement {
  readonly name: string;
  /** Bytes that one turn moves; without it the row tells microseconds a turn. */
  readonly bytes?: number;
  readonly ratioTo?: string;
  /** Operations that one turn consists of. */
  readonly operations?: number;
  run(turn: number): void;
}

export const clientBenchmark: BenchmarkSection = async ({ secondsPerMeasurement }) => {
  const workspace = Workspace.create();
  try {
    const { name } = await workspace.startServer();
    const bench = openBench(join(workspace.runtimeDirectory, 'dafs', `${name}.fabric`));
    try {
      const measurements = [...calls(bench), ...transfers(bench), ...sweep(bench)];
      return measurements.map((measurement) => measure(measurement, secondsPerMeasurement));
    } finally {
      bench.buffer.close();
      bench.session.close();
    }
  } finally {
    await workspace.dispose();
  }
};

function openBench(path: string): Bench {
  const session = Session.connect(path);
  const files = new FileClient(session);
  const creation = { mode: 'unchecked', attributes: { mode: 0o644 } } as const;
  const file = files.open(files.root, new TextEncoder().encode('file'), 'both', creation);
  const memory = new Uint8Array(MEBIBYTE).fill(0x5a);
  for (let offset = 0; offset < FILE_BYTES; offset += memory.length) {
    files.write(file, offset, memory);
  }
  const buffer = session.allocateBuffer(DEPTH * MEBIBYTE, 'both');
  return { session, files, file, buffer, memory };
}

/** A place in the file, another one each turn. */
function place(turn: number, bytes: number): number {
  return (turn * 7 * bytes) % FILE_BYTES;
}

function calls({ session, files, file }: Bench): Measurement[] {
  const name = new TextEncoder().encode('file');
  return [
    {
      name: 'NULL round trip',
      ratioTo: SEND_ROW,
      run: () => session.call(operations.NULL, {}),
    },
    { name: 'getattr', ratioTo: SEND_ROW, run: () => files.getattr(file.handle) },
    { name: 'lookup', ratioTo: SEND_ROW, run: () => files.lookup(files.root, name) },
  ];
}

function transfers({ session, files, file, buffer, memory }: Bench): Measurement[] {
  const page = memory.subarray(0, 4 * KIBIBYTE);
  const small = { ratioTo: SEND_ROW };
  const large = { bytes: MEBIBYTE, ratioTo: COPY_ROW };
  const unstable = StableHow.UNSTABLE;
  const pipelined = (bytes: number, isRead: boolean) => (turn: number) => {
    const requests = Array.from({ length: DEPTH }, (_, index) => {
      const offset = place(turn * DEPTH + index, bytes);
      return isRead
        ? files.submitRead(file, offset, buffer, index * bytes, bytes)
        : files.submitWrite(file, offset, buffer, index * bytes, bytes, unstable);
    });
    for (const request of requests) {
      session.settle(request);
      if (request.results.bytes !== bytes) throw new Error('a transfer was cut short');
    }
  };
  const many = { operations: DEPTH };
  return [
    {
      ...small,
      name: 'read 4 KiB',
      run: (turn) => files.read(file, place(turn, page.length), page),
    },
    {
      ...small,
      name: 'read 4 KiB, registered',
      run: (turn) => files.readRegistered(file, place(turn, page.length), buffer, 0, page.length),
    },
    { ...small, ...many, name: 'read 4 KiB, pipelined', run: pipelined(page.length, true) },
    {
      ...small,
      name: 'write 4 KiB',
      run: (turn) => files.write(file, place(turn, page.length), page),
    },
    {
      ...small,
      name: 'write 4 KiB, registered',
      run: (turn) => files.writeRegistered(file, place(turn, page.length), buffer, 0, page.length),
    },
    { ...small, ...many, name: 'write 4 KiB, pipelined', run: pipelined(page.length, false) },
    {
      ...large,
      name: 'read 1 MiB',
      run: (turn) => files.read(file, place(turn, MEBIBYTE), memory),
    },
    {
      ...large,
      name: 'read 1 MiB, registered',
      run: (turn) => files.readRegistered(file, place(turn, MEBIBYTE), buffer, 0, MEBIBYTE),
    },
    { ...large, ...many, name: 'read 1 MiB, pipelined', run: pipelined(MEBIBYTE, true) },
    {
      ...large,
      name: 'write 1 MiB',
      run: (turn) => files.write(file, place(turn, MEBIBYTE), memory),
    },
    {
      ...large,
      name: 'write 1 MiB, registered',
      run: (turn) => files.writeRegistered(file, place(turn, MEBIBYTE), buffer, 0, MEBIBYTE),
    },
    { ...large, ...many, name: 'write 1 MiB, pipelined', run: pipelined(MEBIBYTE, false) },
  ];
}

/** The same transfer of unregistered memory both ways. */
function sweep({ session, file, memory }: Bench): Measurement[] {
  const requests = new TransferRequests(session);
  const arena = session.transfers;
  const slot = arena.acquire();
  if (slot === undefined) throw new Error('no transfer slot is free');
  return SWEEP_BYTES.flatMap((bytes): Measurement[] => {
    const data = memory.subarray(0, bytes);
    const unstable = StableHow.UNSTABLE;
    return [
      {
        name: `read ${bytes} B inline`,
        run: (turn) => session.wait(requests.readInline(file, place(turn, bytes), data, 0)),
      },
      {
        name: `read ${bytes} B direct`,
        ratioTo: `read ${bytes} B inline`,
        run: (turn) => {
          const offset = place(turn, bytes);
          session.wait(requests.readDirect(file, offset, arena.buffer, slot.offset, bytes, 0));
          data.set(slot.memory.subarray(0, bytes));
        },
      },
      ...(bytes > 8000
        ? []
        : [
            {
              name: `write ${bytes} B inline`,
              run: (turn: number) =>
                session.wait(requests.writeInline(file, place(turn, bytes), data, unstable, 0)),
            },
            {
              name: `write ${bytes} B direct`,
              ratioTo: `write ${bytes} B inline`,
              run: (turn: number) => {
                const offset = place(turn, bytes);
                slot.memory.set(data);
                session.wait(
                  requests.writeDirect(file, offset, arena.buffer, slot.offset, bytes, unstable, 0),
                );
              },
            },
          ]),
    ];
  });
}

function measure(measurement: Measurement, seconds: number): BenchmarkRow {
  const { name, bytes, ratioTo } = measurement;
  const roundMs = (seconds * 1000) / (ROUNDS + 1);
  timeTurns(measurement, roundMs);
  const rounds = Array.from({ length: ROUNDS }, () => timeTurns(measurement, roundMs));
  const microseconds = rounds.sort((a, b) => a - b)[ROUNDS >> 1] as number;
  return {
    section: SECTION,
    name,
    value: bytes === undefined ? microseconds : bytes / (microseconds * 1000),
    unit: bytes === undefined ? 'us' : 'GB/s',
    ...(ratioTo === undefined ? {} : { ratioTo }),
  };
}

/** Runs turns for about `limitMs`. @returns microseconds per operation */
function timeTurns({ run, operations: perTurn = 1 }: Measurement, limitMs: number): number {
  const begin = performance.now();
  let turns = 0;
  let now = begin;
  while (now - begin < limitMs) {
    // A clock reading is not free: several turns for one of them.
    for (let index = 0; index < 8; index += 1) {
      run(turns);
      turns += 1;
    }
    now = performance.now();
  }
  return ((now - begin) * 1000) / (turns * perTurn);
}
