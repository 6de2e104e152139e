import { PerformanceObserver } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import { Dispatcher } from '../../../mount/drivers/kernel/dispatch.ts';
import { Exchange, exchangeBytes, type Wire } from '../../../mount/drivers/kernel/exchange.ts';
import {
  createParkedMemory,
  ParkedRequests,
} from '../../../mount/drivers/kernel/parked-requests.ts';
import type { FileSystem } from '../../../mount/file-system.ts';
import { SetxattrIn } from '../../../mount/kernel-abi/structures.ts';
import { bytesOfBlock, readGolden } from '../kernel-abi/support/golden.ts';

/** As high as real addresses are: no small integer. */
const ADDRESS = 0x7f00_0000_0000;

const WARM_UP = 100_000;

/**
 * So many requests that leave 40 bytes each would fill the nursery (16 MB) twice. Less than that
 * cannot be told from what the observer itself leaves.
 */
const REQUESTS = 800_000;

/** A wire whose kernel sends the same request for ever. */
class RepeatingWire implements Wire {
  readonly memory = new Uint8Array(exchangeBytes(1 << 20));
  readonly #request: Uint8Array;
  replies = 0;

  constructor(request: Uint8Array) {
    this.#request = request;
  }

  receive(address: number): number {
    this.memory.set(this.#request, address - ADDRESS);
    return this.#request.byteLength;
  }

  reply(): void {
    this.replies++;
  }
}

async function collectionsDuring(action: () => void): Promise<number> {
  let collections = 0;
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  });
  observer.observe({ entryTypes: ['gc'] });
  action();
  await new Promise((resolve) => setTimeout(resolve, 50));
  observer.disconnect();
  return collections;
}

const fileSystem = {
  read: () => 4096,
  write: (_nodeid, _fh, _offset, data) => data.byteLength,
} as Partial<FileSystem> as FileSystem;

test.each(['READ', 'WRITE at the end'])('%s leaves no garbage', async (title) => {
  const block = readGolden('exchanges.txt').find(({ heading }) => heading === `request ${title}`);
  const wire = new RepeatingWire(bytesOfBlock(block ?? { heading: '', fields: [] }));
  const exchange = new Exchange(wire, { memory: wire.memory, address: ADDRESS });
  const dispatcher = new Dispatcher(
    {
      exchange,
      fileSystem,
      policy: {
        validity: { attributesSeconds: 1, entrySeconds: 1, negativeSeconds: 0 },
        fileFlags: () => 0,
        directoryFlags: () => 0,
      },
      setxattrInBytes: SetxattrIn.bytes,
      deviceFd: -1,
      parked: new ParkedRequests(createParkedMemory()),
    },
    () => {},
  );
  const serve = (requests: number) => {
    for (let count = 0; count < requests; count++) dispatcher.dispatch(exchange.receive());
  };
  serve(WARM_UP);
  expect(await collectionsDuring(() => serve(REQUESTS))).toBeLessThanOrEqual(1);
  expect(wire.replies).toBe(WARM_UP + REQUESTS);
});
