/**
 * System calls that a FUSE driver needs: mount and umount2, the device of the kernel protocol, and
 * reads and writes at raw addresses.
 *
 * The calls of the data path return what the kernel returned, or the negative errno; they allocate
 * nothing. The others throw a NicError whose code is the errno name.
 */

import { constants } from 'node:fs';
import koffi from 'koffi';
import { NicError } from './error.ts';
import { closeDescriptor, lastErrorName } from './system-calls.ts';

const libc = koffi.load(null);

const libcRead = libc.func('int64_t read(int fd, uintptr_t address, size_t bytes)');
const libcWrite = libc.func('int64_t write(int fd, uintptr_t address, size_t bytes)');
const libcWriteMemory = libc.func('int64_t write(int fd, void *memory, size_t bytes)');
const libcOpen = libc.func('int open(const char *path, int flags)');
const libcIoctl = libc.func('int ioctl(int fd, unsigned long request, void *argument)');
const libcFcntl = libc.func('int fcntl(int fd, int command, int argument)');
const libcMount = libc.func(
  'int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)',
);
const libcUmount2 = libc.func('int umount2(const char *target, int flags)');
const libcEpollCreate = libc.func('int epoll_create1(int flags)');
const libcEpollControl = libc.func('int epoll_ctl(int epoll, int operation, int fd, void *event)');
const libcEpollWait = libc.func('int epoll_wait(int epoll, void *events, int count, int timeout)');
const libcEventfd = libc.func('int eventfd(unsigned int initial, int flags)');
const libcSocketpair = libc.func('int socketpair(int domain, int type, int protocol, void *pair)');
const libcRecvmsg = libc.func('int64_t recvmsg(int fd, void *message, int flags)');

/** Returns `result`, or throws the last error when it is negative. */
function checked(call: string, result: number): number {
  if (result >= 0) return result;
  const name = lastErrorName();
  throw new NicError(name, `${call} failed with ${name}`);
}

/** read(2) of up to `bytes` to `address`; the byte count or the negative errno. */
export function readInto(fd: number, address: number, bytes: number): number {
  const count = libcRead(fd, address, bytes) as number;
  return count >= 0 ? count : -koffi.errno();
}

/** write(2) of `bytes` from `address`; the byte count or the negative errno. */
export function writeFrom(fd: number, address: number, bytes: number): number {
  const count = libcWrite(fd, address, bytes) as number;
  return count >= 0 ? count : -koffi.errno();
}

const { O_NONBLOCK } = constants;

/** A flag of open(2) that Node does not name. */
export const O_CLOEXEC = 0o2000000;

/** open(2) without a mode. */
export function openDescriptor(path: string, flags: number): number {
  return checked(`open ${path}`, libcOpen(path, flags));
}

const F_GETFL = 3;
const F_SETFL = 4;

/** Makes reads of a descriptor return EAGAIN instead of waiting. */
export function setNonBlocking(fd: number): void {
  const flags = checked('fcntl', libcFcntl(fd, F_GETFL, 0));
  checked('fcntl', libcFcntl(fd, F_SETFL, flags | O_NONBLOCK));
}

/** ioctl(2) whose argument points to one 32-bit number. */
export function ioctlWord(fd: number, request: number, word: number): void {
  checked('ioctl', libcIoctl(fd, request, Uint32Array.of(word)));
}

/** Flags of mount(2). */
export const MountFlag = {
  RDONLY: 1,
  NOSUID: 2,
  NODEV: 4,
  NOEXEC: 8,
  SYNCHRONOUS: 16,
  REMOUNT: 32,
  DIRSYNC: 128,
  NOSYMFOLLOW: 256,
} as const;

/** mount(2). */
export function mount(
  source: string,
  target: string,
  type: string,
  flags: number,
  data: string,
): void {
  checked(`mount ${target}`, libcMount(source, target, type, flags, data));
}

/** Flags of umount2(2). */
export const UnmountFlag = { FORCE: 1, DETACH: 2, NOFOLLOW: 8 } as const;

/** umount2(2). */
export function unmount(target: string, flags: number): void {
  checked(`umount ${target}`, libcUmount2(target, flags));
}

const EPOLL_CTL_ADD = 1;
const EPOLL_CLOEXEC = O_CLOEXEC;

/** Events of epoll(7). EXCLUSIVE wakes one of several sleepers on the same source, not all. */
export const EpollEvent = { IN: 1, EXCLUSIVE: 1 << 28 } as const;

/** struct epoll_event on x86-64 is packed: events at 0, data at 4; elsewhere data stands at 8. */
const epollData = process.arch === 'x64' ? 4 : 8;
const epollEventBytes = epollData + 8;

/** A set of descriptors to sleep on; each is told apart by a number of the caller's. */
export class Epoll {
  readonly #fd: number;
  readonly #events: DataView;

  constructor() {
    this.#fd = checked('epoll_create1', libcEpollCreate(EPOLL_CLOEXEC));
    this.#events = new DataView(new ArrayBuffer(epollEventBytes));
  }

  /** Adds a descriptor; `tag` is what {@link wait} returns for it. */
  add(fd: number, events: number, tag: number): void {
    const event = new DataView(new ArrayBuffer(epollEventBytes));
    event.setUint32(0, events, true);
    event.setUint32(epollData, tag, true);
    checked('epoll_ctl', libcEpollControl(this.#fd, EPOLL_CTL_ADD, fd, event));
  }

  /** Sleeps until a descriptor is ready and returns its tag; -1 after `timeoutMs` or a signal. */
  wait(timeoutMs: number): number {
    const count = libcEpollWait(this.#fd, this.#events, 1, timeoutMs) as number;
    return count > 0 ? this.#events.getUint32(epollData, true) : -1;
  }

  close(): void {
    closeDescriptor(this.#fd);
  }
}

/** An eventfd(2): nobody reads it, so once {@link raiseEvent} has been called it stays readable. */
export function createEventDescriptor(): number {
  return checked('eventfd', libcEventfd(0, O_CLOEXEC | O_NONBLOCK));
}

/** Wakes all who sleep on an eventfd, now and from now on. */
export function raiseEvent(fd: number): void {
  checked('write', libcWriteMemory(fd, BigUint64Array.of(1n), 8));
}

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = O_CLOEXEC;

/** socketpair(2) of UNIX stream sockets; whether both ends survive exec(2) or none does. */
export function createSocketPair(
  atExec: 'close-on-exec' | 'survive-exec' = 'survive-exec',
): [number, number] {
  const pair = new Int32Array(2);
  const type = atExec === 'close-on-exec' ? SOCK_STREAM | SOCK_CLOEXEC : SOCK_STREAM;
  checked('socketpair', libcSocketpair(AF_UNIX, type, 0, pair));
  return [pair[0] as number, pair[1] as number];
}

const SCM_RIGHTS = 1;
const SOL_SOCKET = 1;
const MSG_CMSG_CLOEXEC = 0x40000000;

/**
 * Receives one descriptor over a UNIX socket.
 * @returns the descriptor, or undefined when the peer closed the socket without passing one on
 */
export function receiveDescriptor(socket: number): number | undefined {
  const byte = new Uint8Array(1);
  const control = new DataView(new ArrayBuffer(24));
  const vector = new BigUint64Array([koffi.address(byte), 1n]);
  const message = new BigUint64Array(7);
  message[2] = koffi.address(vector);
  message[3] = 1n;
  message[4] = koffi.address(control.buffer);
  message[5] = BigInt(control.byteLength);
  const count = checked('recvmsg', libcRecvmsg(socket, message, MSG_CMSG_CLOEXEC));
  const received = message[5] >= 20n && control.getInt32(8, true) === SOL_SOCKET;
  if (count <= 0 || !received || control.getInt32(12, true) !== SCM_RIGHTS) return undefined;
  return control.getInt32(16, true);
}
