/**
 * Requests about open files. READ and WRITE allocate nothing: data moves between the kernel and the
 * file system through the registered memory of the exchange, and views of it are made once. In all
 * requests with an fh of their own it is their first field.
 */

import { constants } from 'node:fs';
import { constants as system } from 'node:os';
import type { CreatedFile, FilePlace, Nodeid, OpenedFile } from '../../file-system.ts';
import { Fopen, FsyncFlag, WriteFlag } from '../../kernel-abi/constants.ts';
import {
  CreateIn,
  EntryOut,
  FlushIn,
  FsyncIn,
  OpenIn,
  OpenOut,
  ReadIn,
  WriteIn,
  WriteOut,
} from '../../kernel-abi/structures.ts';
import { fillEntry } from './attributes.ts';
import type { Service } from './service.ts';
import { NOT_EXPECTED } from './stable-writes.ts';

const { O_APPEND, O_NOATIME } = constants;
const { ENOSYS } = system.errno;

export function fileHandlers(service: Service) {
  const { exchange, fileSystem, order, pending, stableWrites, policy, foresight } = service;
  const { freshDirectories } = service;
  const { caller } = exchange;
  const { validity } = policy;
  const openIn = exchange.input(OpenIn);
  const createIn = exchange.input(CreateIn);
  const readIn = exchange.input(ReadIn);
  const writeIn = exchange.input(WriteIn);
  const flushIn = exchange.input(FlushIn);
  const fsyncIn = exchange.input(FsyncIn);
  const openOut = exchange.output(OpenOut);
  const entryOut = exchange.output(EntryOut);
  const createdOpenOut = exchange.output(OpenOut, EntryOut.bytes);
  const writeOut = exchange.output(WriteOut);

  function fillOpen(out: typeof openOut, nodeid: Nodeid, opened: OpenedFile): void {
    out.fh = opened.fh;
    out.openFlags =
      policy.fileFlags(nodeid, opened.isCoherent) | (opened.isUncached ? Fopen.DIRECT_IO : 0);
    out.backingId = 0;
  }

  function answerCreated(created: CreatedFile): void {
    fillEntry(entryOut, created.attributes, validity);
    fillOpen(createdOpenOut, created.attributes.nodeid, created);
    if (created.isNew) foresight.made(created.attributes.nodeid);
    exchange.answer(EntryOut.bytes + OpenOut.bytes);
  }

  /** @returns whether the write is under way */
  function beginStableWrite(
    place: FilePlace,
    data: Uint8Array,
    append: boolean,
    change: number,
  ): boolean {
    const request = fileSystem.beginStableWrite?.(place, data, append);
    if (request === undefined) return false;
    pending.add(exchange, request, () => {
      stableWrites.becameStable(place.nodeid, change);
    });
    return true;
  }

  return {
    open(): void {
      const { nodeid } = exchange;
      fillOpen(openOut, nodeid, fileSystem.open(caller, nodeid, openIn.flags));
      exchange.answer(OpenOut.bytes);
    },

    create(): void {
      const { mode, flags, umask } = createIn;
      caller.umask = umask;
      const name = exchange.name(CreateIn.bytes);
      freshDirectories.adds(exchange.nodeid, name);
      answerCreated(fileSystem.create(caller, exchange.nodeid, name, mode, flags));
    },

    tmpfile(): void {
      const { mode, flags, umask } = createIn;
      caller.umask = umask;
      answerCreated(fileSystem.tmpfile(caller, exchange.nodeid, mode, flags));
    },

    read(): void {
      const { offset, size, flags } = readIn;
      const { nodeid } = exchange;
      const into = exchange.data(size);
      caller.keepsAccessTimes = (flags & O_NOATIME) !== 0;
      order.awaitWrites(nodeid);
      exchange.answerData(fileSystem.read(caller, nodeid, exchange.fh(0), offset, into));
    },

    write(): void {
      const { offset, size, flags, writeFlags } = writeIn;
      const data = exchange.data(size);
      const append = (flags & O_APPEND) !== 0;
      const writer = (writeFlags & WriteFlag.KILL_SUIDGID) !== 0 ? caller : undefined;
      const { nodeid } = exchange;
      const fh = exchange.fh(0);
      const change = stableWrites.beginWrite(nodeid);
      const isBegun =
        change !== NOT_EXPECTED &&
        writer === undefined &&
        beginStableWrite({ nodeid, fh, offset }, data, append, change);
      if (isBegun) return;
      try {
        writeOut.size = fileSystem.write(nodeid, fh, offset, data, append, writer);
      } finally {
        stableWrites.endWrite(nodeid);
      }
      exchange.answer(WriteOut.bytes);
    },

    /**
     * A descriptor was closed. Writes are done when they are answered, so only locks are left to care
     * for; without them ENOSYS makes the kernel stop asking.
     */
    flush(): void {
      const { locks } = fileSystem;
      if (locks === undefined) {
        exchange.answerError(ENOSYS);
        return;
      }
      locks.closed(exchange.nodeid, exchange.fh(0), flushIn.lockOwner);
      exchange.answer(0);
    },

    fsync(): void {
      const dataOnly = (fsyncIn.fsyncFlags & FsyncFlag.FDATASYNC) !== 0;
      const { nodeid } = exchange;
      if (stableWrites.sync(nodeid)) {
        exchange.answer(0);
      } else if (fileSystem.beginFsync === undefined) {
        fileSystem.fsync(nodeid, exchange.fh(0), dataOnly);
        exchange.answer(0);
      } else {
        pending.add(exchange, fileSystem.beginFsync(nodeid, exchange.fh(0), dataOnly));
      }
    },

    release(): void {
      fileSystem.release(exchange.nodeid, exchange.fh(0));
      exchange.answer(0);
    },
  };
}
