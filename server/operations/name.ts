import { ObjectType, RemoveMode } from '../../client/protocol/constants.ts';
import { Capability, RemoveModeExtension } from '../../client/protocol/extensions.ts';
import type { ArgumentsOf } from '../../client/protocol/operations.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import { isCapable, requireChangeable, requireRemovable } from '../access-control.ts';
import type { Handlers } from '../engine/handler.ts';
import { refuse } from '../engine/refusal.ts';
import type { Service } from '../engine/service.ts';
import { FileType, type Inode } from '../store/index.ts';
import {
  changeInfo,
  createObject,
  type ObjectDescription,
  requireModifiable,
  requireSearchable,
} from './create-object.ts';
import { existingEntry, requireAbsent } from './entries.ts';

/** Making, linking and removing names (sections 6.5.9, 6.5.17 and 6.5.33). */
export const nameHandlers = {
  CREATE(service, exchange, args) {
    const directory = service.filehandles.inode(args.filehandle);
    const description = describe(args.create);
    requireSearchable(exchange, directory, args.component);
    requireAbsent(service, directory, args.component);
    requireModifiable(exchange, directory);
    if (isDevice(description) && !isCapable(exchange.credential, Capability.MKNOD)) {
      // Whoever could make device files could read the machine's disks through them.
      refuse(DafsStatus.DAFSERR_PERM);
    }
    const before = directory.change;
    const { component, attr } = args;
    const inode = createObject(service, exchange, directory, component, description, attr);
    return {
      filehandle: service.filehandles.of(inode.id),
      changeInfo: changeInfo(before, directory),
    };
  },

  LINK(service, exchange, args) {
    const source = service.filehandles.inode(args.sourceObject);
    const directory = service.filehandles.inode(args.destinationObject);
    requireSearchable(exchange, directory, args.newname);
    if (source.type === FileType.DIRECTORY) {
      refuse(DafsStatus.DAFSERR_ISDIR);
    }
    requireAbsent(service, directory, args.newname);
    requireModifiable(exchange, directory);
    requireChangeable(source);
    const before = directory.change;
    service.store.link(source.id, directory.id, args.newname);
    return { changeInfo: changeInfo(before, directory) };
  },

  REMOVE(service, exchange, args) {
    const directory = service.filehandles.inode(args.filehandle);
    const target = existingEntry(service, exchange, directory, args.target);
    requireRemovable(directory, target, exchange.credential);
    requireRemoveMode(service, target, args.removeMode);
    const before = directory.change;
    service.store.remove(directory.id, args.target);
    service.reclaimIfUnused(target.id);
    return { changeInfo: changeInfo(before, directory) };
  },
} satisfies Handlers;

type Creation = ArgumentsOf<'CREATE'>['create'];

/** @throws Refusal DAFSERR_BADTYPE for what CREATE does not make; OPEN makes regular files. */
function describe(create: Creation): ObjectDescription {
  switch (create.objType) {
    case ObjectType.DAFS_TYPE_DIR:
      return { type: FileType.DIRECTORY };
    case ObjectType.DAFS_TYPE_FIFO:
      return { type: FileType.FIFO };
    case ObjectType.DAFS_TYPE_SOCK:
      return { type: FileType.SOCKET };
    case ObjectType.DAFS_TYPE_LNK:
      return { type: FileType.SYMBOLIC_LINK, target: create.linkdata };
    case ObjectType.DAFS_TYPE_BLK:
    case ObjectType.DAFS_TYPE_CHR:
      return {
        type:
          create.objType === ObjectType.DAFS_TYPE_BLK
            ? FileType.BLOCK_DEVICE
            : FileType.CHARACTER_DEVICE,
        rdev: { major: create.specdata.specdata1, minor: create.specdata.specdata2 },
      };
    default:
      refuse(DafsStatus.DAFSERR_BADTYPE);
  }
}

/** The character device 0:0 is none: overlay file systems mark removed names by it (mknod(2)). */
const isDevice = ({ type, rdev }: ObjectDescription): boolean =>
  rdev !== undefined &&
  !(type === FileType.CHARACTER_DEVICE && rdev.major === 0 && rdev.minor === 0);

/** Which files a REMOVE of each mode leaves alone, and what it says then. */
const removeRules: Readonly<
  Record<number, (service: Service, target: Pick<Inode, 'id' | 'type'>) => DafsStatus | undefined>
> = {
  [RemoveMode.UNCHECKED_REMOVE]: () => undefined,
  [RemoveMode.CHECK_OPEN]: (service, target) =>
    service.opens.isOpen(target.id) ? DafsStatus.DAFSERR_DENYDISP_CONFLICT : undefined,
  [RemoveModeExtension.REMOVE_FILE]: (_service, target) =>
    target.type === FileType.DIRECTORY ? DafsStatus.DAFSERR_ISDIR : undefined,
  [RemoveModeExtension.REMOVE_DIRECTORY]: (_service, target) =>
    target.type === FileType.DIRECTORY ? undefined : DafsStatus.DAFSERR_NOTDIR,
};

/** @throws Refusal for a mode of REMOVE that leaves `target` alone, or that is none */
export function requireRemoveMode(
  service: Service,
  target: Pick<Inode, 'id' | 'type'>,
  mode: number,
): void {
  const rule = removeRules[mode] ?? refuse(DafsStatus.DAFSERR_INVAL);
  const objection = rule(service, target);
  if (objection !== undefined) {
    refuse(objection);
  }
  if (service.opens.isRemovalDenied(target.id)) {
    refuse(DafsStatus.DAFSERR_DENYDISP_CONFLICT);
  }
}
