/** READ and WRITE leave no garbage behind: in the driver alone, and on the whole way to the fabric. */

import { constants } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectFileSystem } from '../../../mount/client-file-system.ts';
import { Dispatcher } from '../../../mount/drivers/kernel/dispatch.ts';
import {
  Exchange,
  type ExchangeMemory,
  exchangeBytes,
  type Wire,
} from '../../../mount/drivers/kernel/exchange.ts';
import { type CreatedFile, type FileSystem, ROOT_NODEID } from '../../../mount/file-system.ts';
import { InHeader, ReadIn, WriteIn } from '../../../mount/kernel-abi/structures.ts';
import { addressOf } from '../../../nic/system-calls-memory.ts';
import { allocationsOf } from '../../support/allocations.ts';
import { Workspace } from '../../support/workspace.ts';
import { plainService } from './support/service.ts';

const PAGE_BYTES = 4096;
const TRANSFER_BYTES = 1 << 20;
const OPCODES = { READ: 15, WRITE: 16 } as const;

/** Enough for everything to be compiled. */
const WARM_UP = 50_000;
const REQUESTS = 10_000;

/** Less than the smallest object has: some of the first requests may still run unoptimised code. */
const NOISE_BYTES = 8;

type Operation = keyof typeof OPCODES;

/** A wire whose kernel sends the same request for ever. */
class RepeatingWire implements Wire {
  readonly #memory: ExchangeMemory;
  readonly #request: Uint8Array;
  replies = 0;
  /** Of the last reply: its length, and the errno that it bears. */
  lastLength = 0;
  lastError = 0;
  readonly #view: DataView;

  constructor(memory: ExchangeMemory, request: Uint8Array) {
    this.#memory = memory;
    this.#request = request;
    this.#view = new DataView(memory.memory.buffer, memory.memory.byteOffset);
  }

  receive(address: number): number {
    this.#memory.memory.set(this.#request, address - this.#memory.address);
    return this.#request.byteLength;
  }

  reply(address: number): void {
    this.replies++;
    const at = address - this.#memory.address;
    this.lastLength = this.#view.getUint32(at, true);
    this.lastError = this.#view.getInt32(at + 4, true);
  }
}

/** A request of one page for this file, as the kernel sends it. */
function requestOf(operation: Operation, { attributes, fh }: CreatedFile): Uint8Array {
  const data = operation === 'WRITE' ? PAGE_BYTES : 0;
  const bytes = new Uint8Array(InHeader.bytes + WriteIn.bytes + data);
  const view = new DataView(bytes.buffer);
  const header = InHeader.at(view);
  header.len = bytes.byteLength;
  header.opcode = OPCODES[operation];
  header.unique = 7;
  header.nodeid = attributes.nodeid;
  const body = (operation === 'READ' ? ReadIn : WriteIn).at(view, InHeader.bytes);
  body.fh = fh;
  body.offset = 0;
  body.size = PAGE_BYTES;
  return bytes;
}

function serveRepeatedly(
  fileSystem: FileSystem,
  memory: ExchangeMemory,
  request: Uint8Array,
): { wire: RepeatingWire; serve: (requests: number) => void } {
  const wire = new RepeatingWire(memory, request);
  const exchange = new Exchange(wire, memory);
  const dispatcher = new Dispatcher(plainService(exchange, fileSystem), (error) =>
    expect.unreachable(String(error)),
  );
  const serve = (requests: number) => {
    for (let count = 0; count < requests; count++) dispatcher.dispatch(exchange.receive());
  };
  return { wire, serve };
}

async function expectNoGarbage(
  { wire, serve }: ReturnType<typeof serveRepeatedly>,
  limitBytes = NOISE_BYTES,
): Promise<void> {
  serve(WARM_UP);
  const { bytes, largest } = await allocationsOf(['mount', 'client'], () => serve(REQUESTS));
  expect(bytes / REQUESTS, largest.join('\n')).toBeLessThan(limitBytes);
  expect(wire.replies).toBe(WARM_UP + REQUESTS);
  expect(wire.lastError).toBe(0);
}

describe('in the driver alone', () => {
  const fileSystem = {
    read: () => PAGE_BYTES,
    write: (_nodeid, _fh, _offset, data) => data.byteLength,
  } as Partial<FileSystem> as FileSystem;
  const file = { attributes: { nodeid: 1000 }, fh: 2n ** 60n } as unknown as CreatedFile;
  // As high as real addresses are: no small integer.
  const address = 0x7f00_0000_0000;
  const memory = new Uint8Array(exchangeBytes(TRANSFER_BYTES));

  test.each(['READ', 'WRITE'] as const)('%s leaves no garbage', async (operation) => {
    const request = requestOf(operation, file);
    await expectNoGarbage(serveRepeatedly(fileSystem, { memory, address }, request));
  });
});

describe.each([
  { way: 'to the server', ordma: false, limitBytes: NOISE_BYTES },
  // Sizes and times are read from there as floating-point numbers, which V8 may put on the heap.
  { way: 'to its cache', ordma: true, limitBytes: 64 },
])('on the whole way $way', { timeout: 120_000 }, ({ ordma, limitBytes }) => {
  const caller = {
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    pid: 0,
    umask: 0,
    keepsAccessTimes: false,
  };
  let workspace: Workspace;
  let fileSystem: FileSystem;
  let memory: ExchangeMemory;

  beforeAll(async () => {
    workspace = Workspace.create();
    const { fabricSocket } = await workspace.startServer();
    fileSystem = connectFileSystem(fabricSocket, { isShared: false, ordma });
    const bytes = exchangeBytes(TRANSFER_BYTES);
    const registered = fileSystem.registeredBuffer(bytes + PAGE_BYTES);
    const address = addressOf(registered);
    const skipped = (PAGE_BYTES - (address % PAGE_BYTES)) % PAGE_BYTES;
    const aligned = registered.subarray(skipped, skipped + bytes);
    memory = { memory: aligned, address: address + skipped };
  }, 60_000);

  afterAll(async () => {
    fileSystem?.close();
    await workspace.dispose();
  }, 60_000);

  test.each(['READ', 'WRITE'] as const)('%s leaves no garbage', async (operation) => {
    const name = new TextEncoder().encode(operation);
    const file = fileSystem.create(caller, ROOT_NODEID, name, 0o644, constants.O_RDWR);
    const data = new Uint8Array(PAGE_BYTES).fill(1);
    fileSystem.write(file.attributes.nodeid, file.fh, 0, data, false, undefined);
    const served = serveRepeatedly(fileSystem, memory, requestOf(operation, file));
    await expectNoGarbage(served, limitBytes);
    const replied = { READ: PAGE_BYTES, WRITE: 8 }[operation];
    expect(served.wire.lastLength).toBe(16 + replied);
  });
});
