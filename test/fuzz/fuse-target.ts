/** Requests of FUSE, and what the file system behind is asked for because of them. */
import { Dispatcher } from '../../mount/drivers/kernel/dispatch.ts';
import { Exchange, exchangeBytes, type Wire } from '../../mount/drivers/kernel/exchange.ts';
import { ErrnoError } from '../../mount/errno.ts';
import type { FileSystem } from '../../mount/file-system.ts';
import { InHeader, OutHeader } from '../../mount/kernel-abi/structures.ts';
import { bytesOfBlock, readGolden } from '../unit/kernel-abi/support/golden.ts';
import { plainService } from '../unit/kernel-driver/support/service.ts';
import type { Target } from './support/fuzz.ts';

const ADDRESS = 0x10000;
const DATA_BYTES = 1 << 20;
const LENGTH_OFFSET = 0;
const UNIQUE_OFFSET = 8;

class OneRequest implements Wire {
  readonly memory = new Uint8Array(exchangeBytes(DATA_BYTES));
  readonly replies: number[] = [];
  request: Uint8Array = new Uint8Array(0);

  receive(address: number): number {
    this.memory.set(this.request, address - ADDRESS);
    return this.request.length;
  }

  reply(address: number, bytes: number): void {
    const view = new DataView(this.memory.buffer, address - ADDRESS);
    if (bytes < OutHeader.bytes || view.getUint32(0, true) !== bytes) {
      throw new Error(`a reply of ${bytes} bytes says that it has ${view.getUint32(0, true)}`);
    }
    this.replies.push(bytes);
  }
}

/** Has every method, and refuses whatever it is asked for, once it has looked at the arguments. */
const refusing = new Proxy(
  {},
  {
    get:
      (_target, name) =>
      (...values: unknown[]) => {
        for (const value of values) {
          if (
            value instanceof Uint8Array &&
            value.buffer.byteLength < value.byteOffset + value.length
          ) {
            throw new Error(`${String(name)} got bytes that are not there`);
          }
        }
        throw new ErrnoError('ENOSYS');
      },
  },
);

const fileSystem = new Proxy(refusing, {
  get: (target, name) =>
    name === 'extendedAttributes' || name === 'locks' ? refusing : Reflect.get(target, name),
}) as FileSystem;

export function fuseTarget(): Target {
  const wire = new OneRequest();
  const exchange = new Exchange(wire, { memory: wire.memory, address: ADDRESS });
  const mistakes: unknown[] = [];
  const service = plainService(exchange, fileSystem);
  const dispatcher = new Dispatcher(service, (error) => mistakes.push(error));
  return {
    name: 'requests of FUSE',
    seeds: readGolden('exchanges.txt')
      .filter(({ heading }) => heading.startsWith('request '))
      .map(bytesOfBlock),
    decode(input) {
      // The kernel says as many bytes as it sends, and those are a header at least.
      const request = new Uint8Array(Math.min(Math.max(input.length, InHeader.bytes), 4096));
      request.set(input.subarray(0, request.length));
      const view = new DataView(request.buffer);
      view.setUint32(LENGTH_OFFSET, request.length, true);
      // The kernel counts its requests.
      view.setBigUint64(UNIQUE_OFFSET, 2n, true);
      wire.request = request;
      wire.replies.length = 0;
      mistakes.length = 0;
      dispatcher.dispatch(exchange.receive());
      if (wire.replies.length > 1) {
        throw new Error('it was answered twice');
      }
      if (mistakes.length > 0) {
        throw mistakes[0];
      }
    },
    isPrecise: () => false,
  };
}
