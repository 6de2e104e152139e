/**
 * Requests of ioctl(2): those by which chattr(1) and lsattr(1) work. The kernel answers the rest of
 * what regular files know itself, and checks who may set which flag before it asks.
 */

import { constants } from 'node:os';
import { Ioctl, type IoctlName, XFlag } from '../../kernel-abi/constants.ts';
import { Fsxattr, InodeFlags, IoctlIn, IoctlOut } from '../../kernel-abi/structures.ts';
import type { Service } from './service.ts';

const { ENOTTY, EOPNOTSUPP } = constants.errno;

/** The same flags in the words of two generations of ioctls. */
const XFLAGS: readonly (readonly [flag: number, xflag: number])[] = [
  [0x10, XFlag.IMMUTABLE],
  [0x20, XFlag.APPEND],
  [0x40, XFlag.NODUMP],
  [0x80, XFlag.NOATIME],
];

const ALL_XFLAGS = XFLAGS.reduce((all, [, xflag]) => all | xflag, 0);

const toXflags = (flags: number): number =>
  XFLAGS.reduce((all, [flag, xflag]) => all | (flags & flag ? xflag : 0), 0);

const toFlags = (xflags: number): number =>
  XFLAGS.reduce((all, [flag, xflag]) => all | (xflags & xflag ? flag : 0), 0);

export function ioctlHandlers({ exchange, fileSystem, policy }: Service) {
  const { caller } = exchange;
  const ioctlIn = exchange.input(IoctlIn);
  const flagsIn = exchange.input(InodeFlags, IoctlIn.bytes);
  const fsxattrIn = exchange.input(Fsxattr, IoctlIn.bytes);
  const ioctlOut = exchange.output(IoctlOut);
  const flagsOut = exchange.output(InodeFlags, IoctlOut.bytes);
  const fsxattrOut = exchange.output(Fsxattr, IoctlOut.bytes);

  const flags = (): number => fileSystem.getattr(caller, exchange.nodeid).flags;

  function setFlags(wanted: number): void {
    const { nodeid } = exchange;
    fileSystem.setattr(caller, nodeid, { flags: wanted }, undefined);
    policy.forgetAttributes(nodeid);
    answer(0);
  }

  function answer(bytes: number): void {
    ioctlOut.clear();
    exchange.answer(IoctlOut.bytes + bytes);
  }

  const requests: Record<IoctlName, () => void> = {
    FS_IOC_GETFLAGS(): void {
      flagsOut.flags = flags();
      answer(InodeFlags.bytes);
    },

    FS_IOC_SETFLAGS(): void {
      setFlags(flagsIn.flags);
    },

    FS_IOC_FSGETXATTR(): void {
      fsxattrOut.clear();
      fsxattrOut.xflags = toXflags(flags());
      answer(Fsxattr.bytes);
    },

    FS_IOC_FSSETXATTR(): void {
      const { xflags, extsize, projid, cowextsize } = fsxattrIn;
      const isOurs = (xflags & ~ALL_XFLAGS) === 0 && extsize + projid + cowextsize === 0;
      if (isOurs) setFlags(toFlags(xflags));
      else exchange.answerError(EOPNOTSUPP);
    },
  };

  const byCommand = new Map(
    Object.entries(requests).map(([name, request]) => [Ioctl[name as IoctlName], request]),
  );

  return {
    ioctl(): void {
      const request = byCommand.get(ioctlIn.cmd as (typeof Ioctl)[IoctlName]);
      if (request === undefined) exchange.answerError(ENOTTY);
      else request();
    },
  };
}
