import { modeAttributes, type NewMode } from './file-status.ts';
import { type ArgumentsOf, Extension, type FileAttributes, ObjectType } from './protocol/index.ts';
import type { Session } from './session.ts';

/** What an object without data is to be: all that CREATE takes beside the name. */
export interface NewObject {
  readonly create: ArgumentsOf<'CREATE'>['create'];
  readonly attr: FileAttributes;
}

/** The special files that there are. */
export type NodeType = 'fifo' | 'socket' | 'character device' | 'block device';

/** The two numbers of a device; other special files have none. */
export interface DeviceNumber {
  readonly major: number;
  readonly minor: number;
}

const NODE_TYPE = {
  fifo: ObjectType.DAFS_TYPE_FIFO,
  socket: ObjectType.DAFS_TYPE_SOCK,
  'character device': ObjectType.DAFS_TYPE_CHR,
  'block device': ObjectType.DAFS_TYPE_BLK,
} as const;

/** What `mode` without the bits of `umask` is in the words of this session. */
export function newMode({ extensions }: Session, mode: number, umask: number): NewMode {
  return extensions.has(Extension.XATTR) ? { mode, umask } : mode & ~umask;
}

export function newDirectory(mode: NewMode): NewObject {
  return { create: { objType: ObjectType.DAFS_TYPE_DIR }, attr: modeAttributes(mode) };
}

/** A symbolic link to `target`. */
export function newLink(target: Uint8Array): NewObject {
  return {
    create: { objType: ObjectType.DAFS_TYPE_LNK, linkdata: target },
    attr: { mode: 0o777 },
  };
}

/** A special file; `device` is for the two kinds of devices. */
export function newNode(
  type: NodeType,
  mode: NewMode,
  device: DeviceNumber = { major: 0, minor: 0 },
): NewObject {
  const objType = NODE_TYPE[type];
  const isDevice = objType === ObjectType.DAFS_TYPE_CHR || objType === ObjectType.DAFS_TYPE_BLK;
  const specdata = { specdata1: device.major, specdata2: device.minor };
  return { create: isDevice ? { objType, specdata } : { objType }, attr: modeAttributes(mode) };
}
