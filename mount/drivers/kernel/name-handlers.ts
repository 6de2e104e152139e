/** Requests about names in directories: finding, making and removing them. */

import { constants } from 'node:os';
import { ErrnoError, errnoOf } from '../../errno.ts';
import type { Attributes, Nodeid } from '../../file-system.ts';
import {
  EntryOut,
  LinkIn,
  MkdirIn,
  MknodIn,
  Rename2In,
  RenameIn,
} from '../../kernel-abi/structures.ts';
import { deviceMajor, deviceMinor, fillEntry, fillNegativeEntry } from './attributes.ts';
import type { Service } from './service.ts';

const { ENOENT } = constants.errno;

export function nameHandlers({ exchange, fileSystem, policy, freshDirectories }: Service) {
  const { caller } = exchange;
  const { validity } = policy;
  const mknodIn = exchange.input(MknodIn);
  const mkdirIn = exchange.input(MkdirIn);
  const linkIn = exchange.input(LinkIn);
  const renameIn = exchange.input(RenameIn);
  const rename2In = exchange.input(Rename2In);
  const entryOut = exchange.output(EntryOut);

  function answerEntry(attributes: Attributes): void {
    fillEntry(entryOut, attributes, validity);
    exchange.answer(EntryOut.bytes);
  }

  function rename(newParent: number, flags: number, namesAt: number): void {
    const name = exchange.name(namesAt);
    const newName = exchange.nameAfter(name);
    freshDirectories.adds(newParent as Nodeid, newName);
    fileSystem.rename(caller, exchange.nodeid, name, newParent as Nodeid, newName, flags);
    exchange.answer(0);
  }

  return {
    lookup(): void {
      const { nodeid } = exchange;
      const name = exchange.name(0);
      try {
        if (freshDirectories.lacks(nodeid, name, caller)) throw new ErrnoError('ENOENT');
        answerEntry(fileSystem.lookup(caller, nodeid, name));
      } catch (error) {
        if (validity.negativeSeconds === 0 || errnoOf(error) !== ENOENT) throw error;
        fillNegativeEntry(entryOut, validity);
        exchange.answer(EntryOut.bytes);
      }
    },

    mknod(): void {
      const { mode, rdev, umask } = mknodIn;
      caller.umask = umask;
      const { nodeid } = exchange;
      const name = exchange.name(MknodIn.bytes);
      freshDirectories.adds(nodeid, name);
      answerEntry(
        fileSystem.mknod(caller, nodeid, name, mode, deviceMajor(rdev), deviceMinor(rdev)),
      );
    },

    mkdir(): void {
      const name = exchange.name(MkdirIn.bytes);
      caller.umask = mkdirIn.umask;
      freshDirectories.adds(exchange.nodeid, name);
      const begun = freshDirectories.begin();
      const made = fileSystem.mkdir(caller, exchange.nodeid, name, mkdirIn.mode);
      freshDirectories.made(made, caller, begun);
      answerEntry(made);
    },

    symlink(): void {
      const name = exchange.name(0);
      const target = exchange.nameAfter(name);
      freshDirectories.adds(exchange.nodeid, name);
      answerEntry(fileSystem.symlink(caller, exchange.nodeid, name, target));
    },

    link(): void {
      const newName = exchange.name(LinkIn.bytes);
      freshDirectories.adds(exchange.nodeid, newName);
      answerEntry(fileSystem.link(caller, linkIn.oldnodeid as Nodeid, exchange.nodeid, newName));
    },

    unlink(): void {
      fileSystem.unlink(caller, exchange.nodeid, exchange.name(0));
      exchange.answer(0);
    },

    rmdir(): void {
      fileSystem.rmdir(caller, exchange.nodeid, exchange.name(0));
      exchange.answer(0);
    },

    rename(): void {
      rename(renameIn.newdir, 0, RenameIn.bytes);
    },

    rename2(): void {
      rename(rename2In.newdir, rename2In.flags, Rename2In.bytes);
    },
  };
}
