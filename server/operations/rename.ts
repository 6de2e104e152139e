import { RenameFlag } from '../../client/protocol/extensions.ts';
import type { ArgumentsOf, ResultsOf } from '../../client/protocol/operations.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import { Permission, requirePermission, requireRemovable } from '../access-control.ts';
import type { Exchange } from '../engine/exchange.ts';
import type { Handlers } from '../engine/handler.ts';
import { refuse } from '../engine/refusal.ts';
import type { Service } from '../engine/service.ts';
import { FileType, type Inode } from '../store/index.ts';
import { changeInfo, createObject, requireModifiable, requireSearchable } from './create-object.ts';
import { entryOf, existingEntry } from './entries.ts';

/** Renaming (section 6.5.34, and RENAME2 of EXTENSIONS.md). */
export const renameHandlers = {
  RENAME: (service, exchange, args) => rename(service, exchange, args, 0),
  RENAME2: (service, exchange, args) => rename(service, exchange, args, args.flags),
} satisfies Handlers;

/** One end of a renaming: a directory, and what has the name there. */
interface End {
  readonly directory: Inode;
  readonly inode: Inode | undefined;
}

/** What a renaming does with the two ends, after its permissions were checked. */
interface Renaming {
  /** @throws Refusal when the target's name is not as the flags want it. */
  requireTarget(target: Inode | undefined): void;
  /** Whether what had the target's name goes to the source's directory. */
  readonly isExchange: boolean;
  /** Whether a device 0:0 takes the source's name, by which overlayfs hides one of a lower layer. */
  readonly leavesWhiteout: boolean;
}

const replacing: Renaming = {
  requireTarget: () => {},
  isExchange: false,
  leavesWhiteout: false,
};
const keeping: Renaming = {
  ...replacing,
  requireTarget: (target) => target && refuse(DafsStatus.DAFSERR_EXIST),
};

/** By flags; what is not here is DAFSERR_INVAL. */
const renamings: Readonly<Record<number, Renaming>> = {
  0: replacing,
  [RenameFlag.NOREPLACE]: keeping,
  [RenameFlag.WHITEOUT]: { ...replacing, leavesWhiteout: true },
  [RenameFlag.WHITEOUT | RenameFlag.NOREPLACE]: { ...keeping, leavesWhiteout: true },
  [RenameFlag.EXCHANGE]: {
    requireTarget: (target) => target ?? refuse(DafsStatus.DAFSERR_NOENT),
    isExchange: true,
    leavesWhiteout: false,
  },
};

const whiteout = { type: FileType.CHARACTER_DEVICE, rdev: { major: 0, minor: 0 } } as const;

function rename(
  service: Service,
  exchange: Exchange,
  args: ArgumentsOf<'RENAME'>,
  flags: number,
): ResultsOf<'RENAME'> {
  const renaming = renamings[flags] ?? refuse(DafsStatus.DAFSERR_INVAL);
  const { store, filehandles } = service;
  const sourceDirectory = filehandles.inode(args.sourcedir);
  const targetDirectory = filehandles.inode(args.targetdir);
  const moved = existingEntry(service, exchange, sourceDirectory, args.oldname);
  requireSearchable(exchange, targetDirectory, args.newname);
  const replaced = entryOf(service, targetDirectory, args.newname);
  renaming.requireTarget(replaced);
  const before = [sourceDirectory.change, targetDirectory.change] as const;
  if (moved.id !== replaced?.id) {
    const source = { directory: sourceDirectory, inode: moved };
    const target = { directory: targetDirectory, inode: replaced };
    requirePermissions(exchange, source, target, renaming.isExchange);
  }
  const move = renaming.isExchange ? 'exchange' : 'rename';
  const toMove = () =>
    store[move](sourceDirectory.id, args.oldname, targetDirectory.id, args.newname);
  if (renaming.leavesWhiteout && moved.id !== replaced?.id) {
    store.room.together(() => {
      toMove();
      createObject(service, exchange, sourceDirectory, args.oldname, whiteout, { mode: 0 });
    });
  } else {
    toMove();
  }
  if (replaced !== undefined) {
    service.reclaimIfUnused(replaced.id);
  }
  return {
    source: changeInfo(before[0], sourceDirectory),
    target: changeInfo(before[1], targetDirectory),
  };
}

/** In the order in which Linux checks them, so that the caller sees the same error. */
function requirePermissions(
  exchange: Exchange,
  source: End,
  target: End,
  isExchange: boolean,
): void {
  requireLeave(exchange, source);
  if (target.inode === undefined) {
    requireModifiable(exchange, target.directory);
  } else {
    requireLeave(exchange, target);
  }
  if (source.directory.id !== target.directory.id) {
    requireMovable(exchange, source);
    if (isExchange) {
      requireMovable(exchange, target);
    }
  }
}

function requireLeave({ credential }: Exchange, { directory, inode }: End): void {
  if (inode !== undefined) {
    requireRemovable(directory, inode, credential);
  }
}

/** The entry `..` of a directory that moves to another one changes. */
function requireMovable({ credential }: Exchange, { inode }: End): void {
  if (inode?.type === FileType.DIRECTORY) {
    requirePermission(inode, credential, Permission.WRITE);
  }
}
