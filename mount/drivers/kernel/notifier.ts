/**
 * What we tell the kernel unasked: that something it remembers is no longer so.
 *
 * The kernel may wait, before it takes a notification of data or of a name, for a request on the same
 * file. Such notifications are for the messenger to deliver (messenger.ts).
 */

import { constants } from 'node:os';
import { writeFrom } from '../../../nic/system-calls-fuse.ts';
import { addressOf } from '../../../nic/system-calls-memory.ts';
import type { Nodeid } from '../../file-system.ts';
import { InvalEntryFlag, NotifyCode } from '../../kernel-abi/constants.ts';
import {
  NotifyDeleteOut,
  NotifyInvalEntryOut,
  NotifyInvalInodeOut,
  OutHeader,
} from '../../kernel-abi/structures.ts';

const { ENODEV, ENOENT, ENOTCONN, ENOTDIR, ENOTEMPTY } = constants.errno;

/** The kernel did not remember it (or no longer can): there is nothing to correct. */
const unknownToKernel = new Set([ENOENT, ENOTDIR, ENOTEMPTY, ENODEV, ENOTCONN]);

const LONGEST_NAME_BYTES = 1024;

/**
 * Takes the first `bytes` bytes of `message`, a notification, to the kernel.
 * @returns whether the kernel knew what it is about, as far as that is known
 */
export type Delivery = (message: Uint8Array, bytes: number) => boolean;

/** Delivers by any channel of the mount, and returns when the kernel has taken the notification. */
export function toDevice(fd: number): Delivery {
  return (message, bytes) => {
    const written = writeFrom(fd, addressOf(message), bytes);
    if (written === bytes) return true;
    if (unknownToKernel.has(-written)) return false;
    throw new Error(`the kernel refuses a notification: errno ${-written}`);
  };
}

export class Notifier {
  readonly #deliver: Delivery;
  readonly #memory = new Uint8Array(OutHeader.bytes + NotifyDeleteOut.bytes + LONGEST_NAME_BYTES);
  readonly #view = new DataView(this.#memory.buffer);
  readonly #header = OutHeader.at(this.#view);
  readonly #inode = NotifyInvalInodeOut.at(this.#view, OutHeader.bytes);
  readonly #entry = NotifyInvalEntryOut.at(this.#view, OutHeader.bytes);
  readonly #deleted = NotifyDeleteOut.at(this.#view, OutHeader.bytes);

  constructor(deliver: Delivery) {
    this.#deliver = deliver;
  }

  /**
   * Attributes of a file have changed, and its data from `offset` on for `length` bytes; 0 for all.
   * @returns whether the kernel knew the file
   */
  invalidateData(nodeid: Nodeid, offset = 0, length = 0): boolean {
    this.#inode.ino = nodeid;
    this.#inode.off = offset;
    this.#inode.len = length;
    return this.#send(NotifyCode.INVAL_INODE, NotifyInvalInodeOut.bytes);
  }

  /** Attributes of a file have changed, its data has not. The kernel waits for nothing. */
  invalidateAttributes(nodeid: Nodeid): boolean {
    return this.invalidateData(nodeid, -1);
  }

  /** A name in a directory may lead elsewhere now, or nowhere. */
  invalidateEntry(parent: Nodeid, name: Uint8Array): boolean {
    return this.#invalidateEntry(parent, name, 0);
  }

  /** A name in a directory is to be looked up afresh, but what is mounted below it stays. */
  expireEntry(parent: Nodeid, name: Uint8Array): boolean {
    return this.#invalidateEntry(parent, name, InvalEntryFlag.EXPIRE_ONLY);
  }

  #invalidateEntry(parent: Nodeid, name: Uint8Array, flags: number): boolean {
    this.#entry.parent = parent;
    this.#entry.namelen = name.byteLength;
    this.#entry.flags = flags;
    return this.#sendNamed(NotifyCode.INVAL_ENTRY, NotifyInvalEntryOut.bytes, name);
  }

  /** A name has been removed: whoever watches the directory (inotify) is told so. */
  deleteEntry(parent: Nodeid, child: Nodeid, name: Uint8Array): boolean {
    this.#deleted.clear();
    this.#deleted.parent = parent;
    this.#deleted.child = child;
    this.#deleted.namelen = name.byteLength;
    return this.#sendNamed(NotifyCode.DELETE, NotifyDeleteOut.bytes, name);
  }

  /**
   * Every name is to be looked up afresh (7.44). The kernel then forgets each that leads to a
   * directory together with what is mounted below.
   */
  forgetNames(): void {
    this.#send(NotifyCode.INC_EPOCH, 0);
  }

  #sendNamed(code: number, structureBytes: number, name: Uint8Array): boolean {
    const nameAt = OutHeader.bytes + structureBytes;
    this.#memory.set(name, nameAt);
    this.#memory[nameAt + name.byteLength] = 0;
    return this.#send(code, structureBytes + name.byteLength + 1);
  }

  #send(code: number, bytes: number): boolean {
    const length = OutHeader.bytes + bytes;
    this.#header.len = length;
    this.#header.error = code;
    this.#header.unique = 0;
    return this.#deliver(this.#memory, length);
  }
}
