/** Requests about open directories. */

import { constants } from 'node:fs';
import { constants as system } from 'node:os';
import { errnoOf } from '../../errno.ts';
import type { DirectoryEntry, DirectoryVisitor } from '../../file-system.ts';
import { FsyncFlag } from '../../kernel-abi/constants.ts';
import { Dirent, Direntplus, FsyncIn, OpenOut, ReadIn } from '../../kernel-abi/structures.ts';
import { fillEntry } from './attributes.ts';
import type { Service } from './service.ts';

const { O_NOATIME } = constants;
const { EACCES } = system.errno;

/** A dirent holds the type as readdir(3) has it: the type bits of the mode, shifted down. */
const TYPE_SHIFT = 12;

/** Records of directory entries begin at multiples of 8. */
function recordBytes(headBytes: number, nameBytes: number): number {
  return (headBytes + nameBytes + 7) & ~7;
}

export function directoryHandlers({ exchange, fileSystem, policy }: Service) {
  const { caller } = exchange;
  const { validity } = policy;
  const readIn = exchange.input(ReadIn);
  const fsyncIn = exchange.input(FsyncIn);
  const openOut = exchange.output(OpenOut);
  const dirent = exchange.dataCursor(Dirent);
  const direntplus = exchange.dataCursor(Direntplus);
  const dataOffset = dirent.place();

  // The reply that is being put together: the visitors below are made once and work on these.
  let records = exchange.data(0);
  let used = 0;

  function fillDirent(record: typeof dirent, entry: DirectoryEntry): void {
    record.ino = entry.nodeid;
    record.off = entry.cookie;
    record.namelen = entry.name.byteLength;
    record.type = entry.type >>> TYPE_SHIFT;
  }

  /** Puts the name behind its head and zeroes up to the next record. */
  function finish(headBytes: number, name: Uint8Array): void {
    const end = used + recordBytes(headBytes, name.byteLength);
    records.set(name, used + headBytes);
    records.fill(0, used + headBytes + name.byteLength, end);
    used = end;
  }

  function addDirent(entry: DirectoryEntry): boolean {
    const bytes = recordBytes(Dirent.bytes, entry.name.byteLength);
    if (used + bytes > records.byteLength) return false;
    dirent.moveTo(dataOffset + used);
    fillDirent(dirent, entry);
    finish(Dirent.bytes, entry.name);
    return true;
  }

  /** An entry without attributes has nodeid 0: the kernel takes its name alone. */
  function addDirentplus(entry: DirectoryEntry): boolean {
    const bytes = recordBytes(Direntplus.bytes, entry.name.byteLength);
    if (used + bytes > records.byteLength) return false;
    direntplus.moveTo(dataOffset + used);
    if (entry.attributes === undefined) direntplus.entryOut.clear();
    else fillEntry(direntplus.entryOut, entry.attributes, validity);
    fillDirent(direntplus.dirent, entry);
    finish(Direntplus.bytes, entry.name);
    return true;
  }

  function collect(withAttributes: boolean, visit: DirectoryVisitor): void {
    const { offset, size, flags } = readIn;
    records = exchange.data(size);
    used = 0;
    caller.keepsAccessTimes = (flags & O_NOATIME) !== 0;
    fileSystem.readdir(caller, exchange.nodeid, offset, withAttributes, size, visit);
  }

  /**
   * Attributes take the right to search the directory, names that to read it alone. The kernel asks
   * for both whoever reads: who may not search gets the names.
   */
  function collectWhatIsAllowed(): void {
    try {
      collect(true, addDirentplus);
    } catch (error) {
      if (errnoOf(error) !== EACCES) throw error;
      collect(false, addDirentplus);
    }
  }

  return {
    opendir(): void {
      openOut.fh = fileSystem.opendir(caller, exchange.nodeid);
      openOut.openFlags = policy.directoryFlags();
      openOut.backingId = 0;
      exchange.answer(OpenOut.bytes);
    },

    readdir(): void {
      collect(false, addDirent);
      exchange.answerData(used);
    },

    readdirplus(): void {
      collectWhatIsAllowed();
      exchange.answerData(used);
    },

    fsyncdir(): void {
      const dataOnly = (fsyncIn.fsyncFlags & FsyncFlag.FDATASYNC) !== 0;
      fileSystem.fsyncdir(exchange.nodeid, dataOnly);
      exchange.answer(0);
    },

    releasedir(): void {
      fileSystem.releasedir(exchange.nodeid, exchange.fh(0));
      exchange.answer(0);
    },
  };
}
