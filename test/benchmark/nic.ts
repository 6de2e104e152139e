/**
 * What the NIC does between two processes, beside what the bare memory does between the same two.
 * `node test/benchmark/nic.ts` runs it alone; `npm run bench -- nic` among the others.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from '../../mount/bench/statistics.ts';
import {
  Access,
  Arena,
  type CompletionGroup,
  Context,
  connect,
  createWorkCompletions,
  Listener,
  type MemoryRegion,
  Opcode,
  type QueuePair,
  QueuePairState,
  SendFlag,
  type SendWorkRequest,
  type WorkCompletion,
} from '../../nic/index.ts';
import { MappedMemory, SharedSegment } from '../../nic/mapped-memory.ts';
import type { BenchmarkRow, BenchmarkSection } from './support/row.ts';

const SECTION = 'nic';
/** A message that shares a cache line with its descriptor, and one that takes two. */
const SMALL_BYTES = 8;
const MESSAGE_BYTES = 64;
const MEBIBYTE = 1 << 20;
const RECEIVES = 64;
const BARE_BYTES = 4096;
/** Words of the bare ping-pong, each in a cache line of its own. */
const PING = 0;
const PONG = 64;
const STOP = -1;
/** Some tens of seconds of looking. */
const MAXIMUM_LOOKS = 2 ** 31;
/** Everything is measured in turn, in so many rounds, so that a slow moment meets it all. */
const ROUNDS = 10;
/**
 * Rounds consist of pieces that last about so long, of which the median counts: a machine with other
 * work interrupts some pieces, and not the others.
 */
const PIECE_MS = 0.1;
const FIRST_PIECE = 16;

interface Endpoint {
  readonly context: Context;
  readonly group: CompletionGroup;
  readonly queuePair: QueuePair;
  readonly arena: Arena;
  readonly region: MemoryRegion;
  readonly completions: WorkCompletion[];
}

function openEndpoint(): Endpoint {
  const context = Context.open();
  const domain = context.allocateProtectionDomain();
  const queue = context.createCompletionQueue(4 * RECEIVES);
  const group = context.createCompletionGroup();
  group.add(queue);
  const queuePair = domain.createQueuePair({
    sendCq: queue,
    receiveCq: queue,
    maxSendWr: RECEIVES,
    maxReceiveWr: RECEIVES,
    maxMessageBytes: 4096,
  });
  const arena = Arena.create(4 * MEBIBYTE, 'write');
  const access =
    Access.LOCAL_WRITE | Access.REMOTE_WRITE | Access.REMOTE_READ | Access.REMOTE_ATOMIC;
  const region = domain.registerMemory(arena, 0, arena.bytes, access);
  queuePair.modify(QueuePairState.INIT);
  const endpoint = {
    context,
    group,
    queuePair,
    arena,
    region,
    completions: createWorkCompletions(16),
  };
  for (let index = 0; index < RECEIVES; index++) postReceive(endpoint, index);
  return endpoint;
}

function closeEndpoint(endpoint: Endpoint): void {
  endpoint.context.close();
  endpoint.arena.close();
}

// One object for all posts: the NIC keeps nothing of it.
const receiveEntry = { lkey: 0, address: 0, length: 4096 };

function postReceive({ queuePair, region }: Endpoint, index: number): void {
  receiveEntry.lkey = region.lkey;
  receiveEntry.address = region.address + MEBIBYTE + index * 4096;
  queuePair.postReceive(index, receiveEntry);
}

function sendRequest({ region }: Endpoint, flags: number, length: number): SendWorkRequest {
  return {
    wrId: 0,
    opcode: Opcode.SEND,
    flags,
    sgList: [{ lkey: region.lkey, address: region.address, length }],
  };
}

/** Takes completions until a message has come, reposts its receive, and returns its first byte. */
function takeMessage(endpoint: Endpoint, isBlocking: boolean): number {
  const { group, completions, arena } = endpoint;
  for (;;) {
    const count = isBlocking ? group.wait(completions, 1000) : group.poll(completions);
    let first = -1;
    for (let at = 0; at < count; at++) {
      const completion = completions[at] as WorkCompletion;
      if (completion.status !== 0) return STOP;
      if (completion.opcode < 128) continue;
      first = arena.memory[MEBIBYTE + completion.wrId * 4096] as number;
      postReceive(endpoint, completion.wrId);
    }
    if (first >= 0) return first;
  }
}

/** What the message's first byte tells the peer to do with it. */
const Order = { ECHO: 1, ECHO_SIGNALED: 2, ECHO_BLOCKING: 3, ECHO_SMALL: 4 } as const;

/** The request that asks for what an order says, and the one that answers it. */
function orderRequest(endpoint: Endpoint, order: number): SendWorkRequest {
  const flags = order === Order.ECHO_SIGNALED ? SendFlag.SIGNALED : 0;
  return sendRequest(endpoint, flags, order === Order.ECHO_SMALL ? SMALL_BYTES : MESSAGE_BYTES);
}

// --- the peer process -------------------------------------------------------------------------

function runPeer(path: string, barePath: string): void {
  const bare = new Int32Array(
    MappedMemory.ofDescriptor(openSync(barePath, 'r+'), BARE_BYTES, true).octets.buffer,
  );
  const endpoint = openEndpoint();
  const { region } = endpoint;
  const privateData = Buffer.alloc(16);
  privateData.writeDoubleLE(region.address, 0);
  privateData.writeUInt32LE(region.rkey, 8);
  connect(path, endpoint.queuePair, { privateData });
  process.on('message', (what) => {
    if (what === 'bare') echoBare(bare);
    else echoMessages(endpoint);
    process.send?.('done');
  });
  process.on('disconnect', () => closeEndpoint(endpoint));
}

function echoBare(words: Int32Array): void {
  const parent = process.ppid;
  let last = 0;
  for (let looks = 0; ; looks++) {
    const value = Atomics.load(words, PING);
    if (value !== last) {
      if (value === STOP) return;
      last = value;
      Atomics.store(words, PONG, value);
    }
    // Nothing else would tell this loop that the measuring process is gone.
    if ((looks & 0xfffff) === 0 && process.ppid !== parent) process.exit(1);
  }
}

function echoMessages(endpoint: Endpoint): void {
  const answers = [0, ...Object.values(Order)].map((order) => orderRequest(endpoint, order));
  let isBlocking = false;
  for (;;) {
    const order = takeMessage(endpoint, isBlocking);
    if (order <= 0) return;
    isBlocking = order === Order.ECHO_BLOCKING;
    endpoint.queuePair.postSend(answers[order] as SendWorkRequest);
  }
}

// --- the measuring process --------------------------------------------------------------------

function bareRoundTrips(words: Int32Array, count: number): void {
  const base = Atomics.load(words, PONG);
  for (let value = base + 1; value <= base + count; value++) {
    Atomics.store(words, PING, value);
    for (let looks = 1; Atomics.load(words, PONG) !== value; looks++) {
      if (looks === MAXIMUM_LOOKS) throw new Error('the peer process does not answer');
    }
  }
}

function roundTrips(endpoint: Endpoint, order: number, count: number): void {
  const request = orderRequest(endpoint, order);
  endpoint.arena.memory[0] = order;
  for (let index = 0; index < count; index++) {
    endpoint.queuePair.postSend(request);
    takeMessage(endpoint, order === Order.ECHO_BLOCKING);
  }
}

/** Posts one request until it is done, `count` times. */
function performAll(endpoint: Endpoint, request: SendWorkRequest, count: number): void {
  for (let index = 0; index < count; index++) {
    endpoint.queuePair.postSend(request);
    if (endpoint.group.poll(endpoint.completions) !== 1) throw new Error('no completion');
    if (endpoint.completions[0]?.status !== 0) throw new Error('the request failed');
  }
}

/** What the peer does meanwhile: nothing, the bare ping-pong, or echoing messages. */
type PeerMode = 'idle' | 'bare' | 'messages';

interface Measurement {
  readonly name: string;
  readonly mode: PeerMode;
  readonly run: (count: number) => void;
  readonly unit: 'us' | 'GB/s';
  readonly bytes: number;
  readonly ratioTo?: string;
}

/** Runs for a while and adds to `pieces` how many milliseconds one repetition took in each piece. */
function runPieces(run: (count: number) => void, durationMs: number, pieces: number[]): void {
  const endMs = performance.now() + durationMs;
  let count = FIRST_PIECE;
  for (let startMs = performance.now(); startMs < endMs; ) {
    run(count);
    const nowMs = performance.now();
    const oneMs = (nowMs - startMs) / count;
    pieces.push(oneMs);
    count = Math.min(2 * count, Math.max(1, Math.round(PIECE_MS / oneMs)));
    startMs = nowMs;
  }
}

class Bench {
  readonly #path: string;
  readonly #directory: string;
  readonly #listener: Listener;
  readonly #bare = new SharedSegment('dafs-bench', BARE_BYTES, 'write');
  readonly #endpoint = openEndpoint();
  readonly #peer: ChildProcess;
  #remoteAddress = 0;
  #rkey = 0;

  constructor() {
    this.#directory = mkdtempSync(join(tmpdir(), 'dafs-bench-'));
    this.#path = join(this.#directory, 'fabric');
    this.#listener = Listener.listen(this.#path);
    const barePath = `/proc/${process.pid}/fd/${this.#bare.descriptor}`;
    this.#peer = fork(import.meta.filename, ['peer', this.#path, barePath]);
  }

  connect(): void {
    const request = this.#listener.accept(10_000);
    if (request === undefined) throw new Error('the peer process did not connect');
    const greeting = Buffer.from(request.privateData);
    this.#remoteAddress = greeting.readDoubleLE(0);
    this.#rkey = greeting.readUInt32LE(8);
    request.accept(this.#endpoint.queuePair);
  }

  #rdma(opcode: Opcode, bytes: number, more: Partial<SendWorkRequest> = {}): SendWorkRequest {
    const { region } = this.#endpoint;
    return {
      wrId: 0,
      opcode,
      flags: SendFlag.SIGNALED,
      sgList: [{ lkey: region.lkey, address: region.address, length: bytes }],
      remoteAddress: this.#remoteAddress,
      rkey: this.#rkey,
      ...more,
    };
  }

  /** Reads of memory that was admitted once, each with the look that makes them trustworthy. */
  #importedReads(bytes: number): (count: number) => void {
    const { queuePair, region } = this.#endpoint;
    const remote = queuePair.importRegion(this.#rkey, this.#remoteAddress, bytes);
    return (count) => {
      for (let index = 0; index < count; index++) {
        const status = remote.read(0, region, 0, bytes);
        if (status !== 0 || !remote.isReadable()) throw new Error('the read failed');
      }
    };
  }

  #measurements(): Measurement[] {
    const endpoint = this.#endpoint;
    const words = this.#bare.memory.words;
    const perform = (request: SendWorkRequest) => (count: number) =>
      performAll(endpoint, request, count);
    const trips = (order: number) => (count: number) => roundTrips(endpoint, order, count);
    const bareName = 'bare Atomics round trip';
    const copyName = 'memcpy 1 MiB';
    const write = this.#rdma(Opcode.RDMA_WRITE, MEBIBYTE);
    // Finds the peer's memory as it is mapped here, for the plain copy.
    performAll(endpoint, write, 1);
    const remote = endpoint.queuePair.connection?.memory.segment?.octets.subarray(0, MEBIBYTE);
    const local = endpoint.arena.memory.subarray(0, MEBIBYTE);
    const small = {
      mode: 'messages',
      unit: 'us',
      bytes: MESSAGE_BYTES,
      ratioTo: bareName,
    } as const;
    const rdma = { mode: 'idle', bytes: MEBIBYTE, unit: 'GB/s', ratioTo: copyName } as const;
    const quick = { mode: 'idle', unit: 'us', ratioTo: bareName } as const;
    return [
      {
        name: bareName,
        mode: 'bare',
        run: (count) => bareRoundTrips(words, count),
        unit: 'us',
        bytes: 0,
      },
      {
        ...small,
        name: 'send 8 B round trip',
        bytes: SMALL_BYTES,
        run: trips(Order.ECHO_SMALL),
      },
      { ...small, name: 'send 64 B round trip', run: trips(Order.ECHO) },
      { ...small, name: 'send 64 B round trip, signaled', run: trips(Order.ECHO_SIGNALED) },
      { ...small, name: 'send 64 B round trip, waiting', run: trips(Order.ECHO_BLOCKING) },
      {
        name: copyName,
        mode: 'idle',
        run: (count) => {
          for (let index = 0; index < count; index++) remote?.set(local);
        },
        unit: 'GB/s',
        bytes: MEBIBYTE,
      },
      { ...rdma, name: 'RDMA write 1 MiB', run: perform(write) },
      {
        ...rdma,
        name: 'RDMA read 1 MiB',
        run: perform(this.#rdma(Opcode.RDMA_READ, MEBIBYTE)),
      },
      ...(
        [
          [Opcode.RDMA_WRITE, 64, 'RDMA write 64 B'],
          [Opcode.RDMA_WRITE, 4096, 'RDMA write 4 KiB'],
          [Opcode.RDMA_READ, 4096, 'RDMA read 4 KiB'],
        ] as const
      ).map(([opcode, bytes, name]) => ({
        ...quick,
        name,
        bytes,
        run: perform(this.#rdma(opcode, bytes)),
      })),
      { ...quick, name: 'imported read 4 KiB', bytes: 4096, run: this.#importedReads(4096) },
      {
        ...quick,
        name: 'fetch-and-add',
        bytes: 8,
        run: perform(this.#rdma(Opcode.ATOMIC_FETCH_AND_ADD, 8, { swapOrAdd: 1n })),
      },
    ];
  }

  async measure(seconds: number): Promise<BenchmarkRow[]> {
    const measurements = this.#measurements();
    const roundMs = (seconds * 1000) / ROUNDS;
    const times: number[][] = measurements.map(() => []);
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [index, { run, mode }] of measurements.entries()) {
        const finish = await this.#engage(mode);
        // The first round only warms up.
        runPieces(run, roundMs, round === 0 ? [] : (times[index] ?? []));
        await finish();
      }
    }
    return measurements.map(({ name, unit, bytes, ratioTo }, index) => {
      const oneMs = median(times[index] ?? []);
      const value = unit === 'us' ? oneMs * 1000 : bytes / 1e6 / oneMs;
      return { section: SECTION, name, value, unit, ...(ratioTo === undefined ? {} : { ratioTo }) };
    });
  }

  /** Brings the peer into a mode; the result brings it back. */
  async #engage(mode: PeerMode): Promise<() => Promise<unknown>> {
    if (mode === 'idle') return async () => undefined;
    const done = new Promise((resolve) => this.#peer.once('message', resolve));
    const words = this.#bare.memory.words;
    if (mode === 'bare') Atomics.store(words, PING, 0);
    this.#peer.send(mode);
    return () => {
      if (mode === 'bare') Atomics.store(words, PING, STOP);
      else this.#sendStop();
      return done;
    };
  }

  #sendStop(): void {
    this.#endpoint.arena.memory[0] = 0;
    this.#endpoint.queuePair.postSend(sendRequest(this.#endpoint, 0, SMALL_BYTES));
  }

  close(): void {
    this.#listener.close();
    closeEndpoint(this.#endpoint);
    this.#bare.close();
    if (this.#peer.connected) this.#peer.disconnect();
    rmSync(this.#directory, { recursive: true });
  }
}

/** The NIC's latencies and bandwidths, each as a ratio to the bare memory's. */
export const nicBenchmark: BenchmarkSection = async ({ secondsPerMeasurement }) => {
  const bench = new Bench();
  try {
    bench.connect();
    return await bench.measure(secondsPerMeasurement);
  } finally {
    bench.close();
  }
};

if (process.argv[2] === 'peer' && import.meta.main) {
  runPeer(process.argv[3] ?? '', process.argv[4] ?? '');
}
