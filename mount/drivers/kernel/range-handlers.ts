/** Requests about ranges of open files: where data and holes are, room for them, and copies. */

import { ErrnoError } from '../../errno.ts';
import type { Nodeid } from '../../file-system.ts';
import {
  CopyFileRangeIn,
  CopyFileRangeOut,
  FallocateIn,
  LseekIn,
  LseekOut,
  WriteOut,
} from '../../kernel-abi/structures.ts';
import type { Service } from './service.ts';

/** No file has more bytes. */
const MOST_IN_FILE = BigInt(Number.MAX_SAFE_INTEGER);

/** The most that the older of the two copying requests can tell that it has copied. */
const MOST_IN_WORD = 0xffff_ffff;

export function rangeHandlers({ exchange, fileSystem }: Service) {
  const { caller } = exchange;
  const fallocateIn = exchange.input(FallocateIn);
  const lseekIn = exchange.input(LseekIn);
  const copyIn = exchange.input(CopyFileRangeIn);
  const lseekOut = exchange.output(LseekOut);
  const copyOut = exchange.output(CopyFileRangeOut);
  const writeOut = exchange.output(WriteOut);

  function copy(most: number): number {
    const { offsets } = CopyFileRangeIn;
    const source = {
      nodeid: exchange.nodeid,
      fh: exchange.fh(offsets.fhIn),
      offset: copyIn.offIn,
    };
    const target = {
      nodeid: copyIn.nodeidOut as Nodeid,
      fh: exchange.fh(offsets.fhOut),
      offset: copyIn.offOut,
    };
    return fileSystem.copyFileRange(caller, source, target, Math.min(Number(copyIn.len), most));
  }

  return {
    fallocate(): void {
      const { offset, length, mode } = fallocateIn;
      const place = { nodeid: exchange.nodeid, fh: exchange.fh(0), offset };
      fileSystem.fallocate(caller, place, length, mode);
      exchange.answer(0);
    },

    lseek(): void {
      const { offset, whence } = lseekIn;
      if (offset > MOST_IN_FILE) throw new ErrnoError('ENXIO');
      const { nodeid } = exchange;
      lseekOut.offset = fileSystem.lseek(nodeid, exchange.fh(0), Number(offset), whence);
      exchange.answer(LseekOut.bytes);
    },

    copyFileRange(): void {
      writeOut.size = copy(MOST_IN_WORD);
      exchange.answer(WriteOut.bytes);
    },

    copyFileRange64(): void {
      copyOut.bytesCopied = copy(Number.MAX_SAFE_INTEGER);
      exchange.answer(CopyFileRangeOut.bytes);
    },
  };
}
