/** A dispatcher between a kernel and a file system that are the test. */

import { Dispatcher } from '../../../../mount/drivers/kernel/dispatch.ts';
import { Exchange, exchangeBytes, type Wire } from '../../../../mount/drivers/kernel/exchange.ts';
import { PendingRequests } from '../../../../mount/drivers/kernel/pending-requests.ts';
import type { Service } from '../../../../mount/drivers/kernel/service.ts';
import { ErrnoError } from '../../../../mount/errno.ts';
import {
  type Attributes,
  type Caller,
  type Fh,
  type FileSystem,
  type Nodeid,
  ROOT_NODEID,
} from '../../../../mount/file-system.ts';
import { SetxattrIn } from '../../../../mount/kernel-abi/structures.ts';
import { neverStable, plainService } from './service.ts';

export const FH = 0x1122334455667788n as Fh;
const ADDRESS = 0x10000;

const attributes: Attributes = {
  nodeid: 42 as Nodeid,
  mode: 0o100644,
  nlink: 1,
  uid: 1000,
  gid: 100,
  rdevMajor: 0,
  rdevMinor: 0,
  sizeBytes: 10,
  blocks: 8,
  blockBytes: 4096,
  atime: { seconds: 1, nseconds: 2 },
  mtime: { seconds: -3, nseconds: 4 },
  ctime: { seconds: 5, nseconds: 6 },
  btime: { seconds: 7, nseconds: 8 },
  change: 9n,
  flags: 0x90,
};

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

/** Answers as the golden exchanges expect. */
export const answers: Partial<FileSystem> = {
  lookup(_caller, _parent, name) {
    if (text(name) !== 'file') throw new ErrnoError('ENOENT');
    return attributes;
  },
  getattr: () => attributes,
  setattr: () => attributes,
  readlink: () => Buffer.from('target'),
  mknod: () => attributes,
  mkdir: () => attributes,
  symlink: () => attributes,
  link: () => attributes,
  open: () => ({ fh: FH, isCoherent: true }),
  create: () => ({ attributes, fh: FH, isCoherent: true, isNew: true }),
  opendir: () => 0n as Fh,
  tmpfile: () => ({ attributes, fh: FH, isCoherent: true, isNew: true }),
  read(_caller, _nodeid, _fh, _offset, into) {
    into.set(Buffer.from('hello'));
    return 5;
  },
  write: (_nodeid, _fh, _offset, data) => data.byteLength,
  fallocate() {},
  lseek: () => 65_536,
  copyFileRange: () => 5,
  readdir(_caller, _nodeid, cookie, withAttributes, _bytesHint, visit) {
    const dot = { name: Buffer.from('.'), nodeid: ROOT_NODEID, type: 0o040000, cookie: 1 };
    const file = { name: Buffer.from('file'), nodeid: 42 as Nodeid, type: 0o100000, cookie: 3 };
    if (cookie < 1) visit({ ...dot, attributes: undefined });
    if (cookie < 3) visit({ ...file, attributes: withAttributes ? attributes : undefined });
    return true;
  },
  extendedAttributes: {
    get: () => Buffer.from('value'),
    set: () => undefined,
    list: () => [Buffer.from('user.x'), Buffer.from('user.y')],
    remove: () => undefined,
  },
  statfs: () => ({
    blockBytes: 4096,
    blocks: 1000,
    blocksFree: 900,
    blocksAvailable: 800,
    files: 70,
    filesFree: 60,
    nameBytes: 255,
  }),
  beginFsync: () => ({ hasEnded: true, look: () => {}, settle: () => {} }),
};

export type Call = readonly unknown[];

/** Bytes as text, callers as uid/gid/pid: what a call was made with, for comparison. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return value.byteLength > 64 ? value.byteLength : text(value);
  if (typeof value === 'function') return 'visitor';
  if (typeof value === 'object' && value !== null && 'pid' in value) {
    const { uid, gid, pid, umask } = value as Caller;
    return `${uid}/${gid}/${pid}${umask === 0 ? '' : ` umask ${umask.toString(8)}`}`;
  }
  return value;
}

/** Has the methods of `given`, and notes how they are called. */
function recording<Methods extends object>(
  calls: Call[],
  given: Partial<Methods>,
  prefix = '',
): Methods {
  return new Proxy({} as Methods, {
    get: (_target, key) => {
      const name = key as keyof Methods & string;
      return (...values: unknown[]) => {
        calls.push([`${prefix}${name}`, ...values.map(plain)]);
        return (given[name] as ((...all: unknown[]) => unknown) | undefined)?.(...values);
      };
    },
  });
}

function recordingFileSystem(calls: Call[], given: Partial<FileSystem> = answers): FileSystem {
  const { locks, extendedAttributes } = given;
  const methods = recording<FileSystem>(calls, given);
  return new Proxy(methods, {
    get: (_target, name: keyof FileSystem) => {
      if (name === 'locks') return locks;
      if (name !== 'extendedAttributes') return methods[name];
      return extendedAttributes && recording(calls, extendedAttributes, 'xattr.');
    },
  });
}

/** A wire whose kernel is the test. */
class FakeWire implements Wire {
  readonly memory = new Uint8Array(exchangeBytes(1 << 20));
  readonly replies: Buffer[] = [];
  #request: Uint8Array = new Uint8Array(0);

  send(request: Uint8Array): void {
    this.#request = request;
  }

  receive(address: number): number {
    this.memory.set(this.#request, address - ADDRESS);
    return this.#request.byteLength;
  }

  reply(address: number, bytes: number): void {
    const start = address - ADDRESS;
    this.replies.push(Buffer.from(this.memory.slice(start, start + bytes)));
  }
}

export function bench(
  given: Partial<FileSystem> = answers,
  negativeSeconds = 0,
  setxattrInBytes = SetxattrIn.bytes,
  stableWrites: Service['stableWrites'] = neverStable,
) {
  const calls: Call[] = [];
  const mistakes: unknown[] = [];
  const wire = new FakeWire();
  const exchange = new Exchange(wire, { memory: wire.memory, address: ADDRESS });
  const pending = new PendingRequests(exchange);
  const dispatcher = new Dispatcher(
    {
      ...plainService(exchange, recordingFileSystem(calls, given)),
      policy: {
        validity: { attributesSeconds: 1.5, entrySeconds: 2, negativeSeconds },
        fileFlags: () => 0x42,
        directoryFlags: () => 0,
        forgetAttributes: () => {},
      },
      setxattrInBytes,
      pending,
      stableWrites,
    },
    (error) => mistakes.push(error),
  );
  const ask = (request: Uint8Array) => {
    wire.send(request);
    dispatcher.dispatch(exchange.receive());
    pending.answerEnded();
  };
  return { ask, calls, wire, mistakes };
}
