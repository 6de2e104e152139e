/**
 * The system calls of the project: the only file that calls into C.
 *
 * Addresses are plain numbers (user space ends below 2^47). Every descriptor is close-on-exec. A
 * failed call throws a NicError whose code is the errno name, unless its docstring says otherwise.
 */
import { constants, endianness } from 'node:os';
import koffi from 'koffi';
import { NicError } from './error.ts';

if (endianness() !== 'LE') {
  throw new NicError('ENOTSUP', 'the NIC lays out its memory for little-endian machines');
}

const libc = koffi.load(null);
const native = {
  mmap: libc.func('mmap', 'intptr_t', ['intptr_t', 'size_t', 'int', 'int', 'int', 'int64_t']),
  munmap: libc.func('munmap', 'int', ['intptr_t', 'size_t']),
  memfdCreate: libc.func('memfd_create', 'int', ['str', 'uint32_t']),
  ftruncate: libc.func('ftruncate', 'int', ['int', 'int64_t']),
  fcntl: libc.func('fcntl', 'int', ['int', 'int', 'int']),
  fallocate: libc.func('fallocate', 'int', ['int', 'int', 'int64_t', 'int64_t']),
  fchmod: libc.func('fchmod', 'int', ['int', 'uint32_t']),
  fstatfs: libc.func('fstatfs', 'int', ['int', 'intptr_t']),
  flock: libc.func('flock', 'int', ['int', 'int']),
  close: libc.func('close', 'int', ['int']),
  futex: libc.func('syscall', 'long', [
    'long',
    'intptr_t',
    'int',
    'int',
    'intptr_t',
    'intptr_t',
    'int',
  ]),
  poll: libc.func('poll', 'int', ['intptr_t', 'unsigned long', 'int']),
  socket: libc.func('socket', 'int', ['int', 'int', 'int']),
  bind: libc.func('bind', 'int', ['int', 'intptr_t', 'uint32_t']),
  listen: libc.func('listen', 'int', ['int', 'int']),
  accept4: libc.func('accept4', 'int', ['int', 'intptr_t', 'intptr_t', 'int']),
  connect: libc.func('connect', 'int', ['int', 'intptr_t', 'uint32_t']),
  sendmsg: libc.func('sendmsg', 'intptr_t', ['int', 'intptr_t', 'int']),
  recvmsg: libc.func('recvmsg', 'intptr_t', ['int', 'intptr_t', 'int']),
  getsockopt: libc.func('getsockopt', 'int', ['int', 'int', 'int', 'intptr_t', 'intptr_t']),
  schedYield: libc.func('sched_yield', 'int', []),
  mallopt: libc.func('mallopt', 'int', ['int', 'int']),
};

const errnoNames = new Map<number, string>();
for (const [name, value] of Object.entries(constants.errno)) {
  if (!errnoNames.has(value)) errnoNames.set(value, name);
}

/** The name of the calling thread's last error, as in `ENOENT`. */
export function lastErrorName(): string {
  const value = koffi.errno();
  return errnoNames.get(value) ?? `errno ${value}`;
}

/** Returns `result`, or throws the last error when it is -1. */
function checked(call: string, result: number): number {
  if (result !== -1) return result;
  const name = lastErrorName();
  throw new NicError(name, `${call} failed with ${name}`);
}

/** Returns `result`, or undefined when the call would have had to wait, or was interrupted. */
function unlessBlocked(call: string, result: number): number | undefined {
  if (result !== -1) return result;
  const name = lastErrorName();
  if (name === 'EAGAIN' || name === 'EWOULDBLOCK' || name === 'EINTR') return undefined;
  throw new NicError(name, `${call} failed with ${name}`);
}

// --- memory ---------------------------------------------------------------------------------

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const MAP_PRIVATE = 2;
const MAP_ANONYMOUS = 0x20;

/** Maps a whole memory file. */
export function mapShared(descriptor: number, bytes: number, writable: boolean): number {
  const protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
  return checked('mmap', native.mmap(0, bytes, protection, MAP_SHARED, descriptor, 0));
}

/** Maps zeroed memory that no other process can reach. */
export function mapPrivate(bytes: number): number {
  const flags = MAP_PRIVATE | MAP_ANONYMOUS;
  return checked('mmap', native.mmap(0, bytes, PROT_READ | PROT_WRITE, flags, -1, 0));
}

/** Unmaps. No view of the memory may be used afterwards: the process would die of it. */
export function unmap(address: number, bytes: number): void {
  checked('munmap', native.munmap(address, bytes));
}

/** The mapped memory as an ArrayBuffer. */
export function viewMemory(address: number, bytes: number): ArrayBuffer {
  return koffi.view(address, bytes);
}

const F_ADD_SEALS = 1033;
const F_GET_SEALS = 1034;
const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;

/** What can be sealed against everybody who holds the memory file (fcntl(2), F_ADD_SEALS). */
export const Seal = { SEAL: 1, SHRINK: 2, GROW: 4, WRITE: 8, FUTURE_WRITE: 16 } as const;

/** Creates anonymous memory that can be handed on as a descriptor and vanishes with the last. */
export function createMemoryFile(name: string, bytes: number): number {
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  const descriptor = checked('memfd_create', native.memfdCreate(name, flags));
  checked('ftruncate', native.ftruncate(descriptor, bytes));
  return descriptor;
}

export function addSeals(descriptor: number, seals: number): void {
  checked('fcntl(F_ADD_SEALS)', native.fcntl(descriptor, F_ADD_SEALS, seals));
}

/** The seals of a descriptor; throws EINVAL when it is of a kind that cannot be sealed. */
export function getSeals(descriptor: number): number {
  return checked('fcntl(F_GET_SEALS)', native.fcntl(descriptor, F_GET_SEALS, 0));
}

/**
 * Has the kernel put memory aside for a part of a file on tmpfs: to touch a part that has none, when
 * tmpfs is full, ends the process. @returns false when there is no room for it
 */
export function reserveFileMemory(descriptor: number, offset: number, bytes: number): boolean {
  if (native.fallocate(descriptor, 0, offset, bytes) === 0) return true;
  const name = lastErrorName();
  if (name === 'ENOSPC' || name === 'EINTR') return false;
  throw new NicError(name, `fallocate failed with ${name}`);
}

export function closeDescriptor(descriptor: number): void {
  checked('close', native.close(descriptor));
}

// --- scratch memory for the structures that calls take ---------------------------------------

const SCRATCH_BYTES = 4096;
const scratchAddress = mapPrivate(SCRATCH_BYTES);
const scratch = new DataView(viewMemory(scratchAddress, SCRATCH_BYTES));

const TMPFS_MAGIC = 0x01021994;

/** Whether the descriptor is memory of the ordinary kind, whose pages are always there. */
export function isOrdinaryMemoryFile(descriptor: number): boolean {
  checked('fstatfs', native.fstatfs(descriptor, scratchAddress));
  return scratch.getUint32(0, true) === TMPFS_MAGIC;
}

// --- futex ----------------------------------------------------------------------------------

const FUTEX_WAIT = 0;
const FUTEX_WAKE = 1;
const futexCallNumbers: Partial<Record<NodeJS.Architecture, number>> = { x64: 202, arm64: 98 };
const futexCallNumber = futexCallNumbers[process.arch];
if (futexCallNumber === undefined) {
  throw new NicError('ENOTSUP', `the NIC knows no futex call number for ${process.arch}`);
}

/** Sleeps while the word holds `expected`, until woken or for `timeoutMs`. May return early. */
export function futexWait(address: number, expected: number, timeoutMs: number): void {
  const seconds = Math.floor(timeoutMs / 1000);
  scratch.setUint32(0, seconds, true);
  scratch.setUint32(4, 0, true);
  scratch.setUint32(8, Math.floor((timeoutMs - seconds * 1000) * 1e6), true);
  scratch.setUint32(12, 0, true);
  native.futex(futexCallNumber, address, FUTEX_WAIT, expected, scratchAddress, 0, 0);
}

/** Wakes up to `count` sleepers on the word. */
export function futexWake(address: number, count: number): void {
  native.futex(futexCallNumber, address, FUTEX_WAKE, count, 0, 0, 0);
}

// --- poll -----------------------------------------------------------------------------------

export const PollEvent = { IN: 1, OUT: 4, ERR: 8, HUP: 16, NVAL: 32 } as const;

/** poll(2) on `count` pollfd structures at `address`: how many are ready, 0 when interrupted. */
export function pollDescriptors(address: number, count: number, timeoutMs: number): number {
  return unlessBlocked('poll', native.poll(address, count, timeoutMs)) ?? 0;
}

/** Calls back in the event loop whenever the descriptor is readable, until stopped. */
export function watchReadable(descriptor: number, callback: () => void): { stop(): void } {
  const handle = koffi.node.poll(descriptor, { readable: true, disconnect: true }, callback);
  return { stop: () => handle.close() };
}

// --- sockets --------------------------------------------------------------------------------

const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const LOCK_EX = 2;
const M_TRIM_THRESHOLD = -1;
const M_MMAP_THRESHOLD = -3;
const M_ARENA_MAX = -8;
const MALLOC_HEAPS = 1;
const MALLOC_BLOCK_BYTES = 128 * 1024;

/** A UNIX socket that keeps message borders; never blocks. */
export function createSocket(): number {
  const type = SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC;
  return checked('socket', native.socket(AF_UNIX, type, 0));
}

export function setMode(descriptor: number, mode: number): void {
  checked('fchmod', native.fchmod(descriptor, mode));
}

export function bindSocket(descriptor: number, address: number, addressBytes: number): void {
  checked('bind', native.bind(descriptor, address, addressBytes));
}

export function listenSocket(descriptor: number, backlog: number): void {
  checked('listen', native.listen(descriptor, backlog));
}

/** The next connection, or undefined when nobody waits. */
export function acceptSocket(descriptor: number): number | undefined {
  const flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
  return unlessBlocked('accept4', native.accept4(descriptor, 0, 0, flags));
}

/** Connects; false when the listener's backlog is full just now. */
export function connectSocket(descriptor: number, address: number, addressBytes: number): boolean {
  const result = native.connect(descriptor, address, addressBytes);
  return unlessBlocked('connect', result) !== undefined;
}

/** sendmsg(2) of a msghdr: false when the peer's queue is full. */
export function sendMessageHeader(descriptor: number, header: number): boolean {
  const result = native.sendmsg(descriptor, header, MSG_DONTWAIT | MSG_NOSIGNAL);
  return unlessBlocked('sendmsg', result) !== undefined;
}

/** recvmsg(2) into a msghdr: bytes received (0 at the end), undefined when there is nothing yet. */
export function receiveMessageHeader(descriptor: number, header: number): number | undefined {
  const result = native.recvmsg(descriptor, header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  return unlessBlocked('recvmsg', result);
}

/** pid, uid and gid of whoever connected (or listened) at the other end. */
export function peerCredentials(descriptor: number): { pid: number; uid: number; gid: number } {
  scratch.setUint32(16, 12, true);
  const length = scratchAddress + 16;
  checked(
    'getsockopt(SO_PEERCRED)',
    native.getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, scratchAddress, length),
  );
  const [pid, uid, gid] = [0, 4, 8].map((offset) => scratch.getUint32(offset, true));
  return { pid: pid ?? 0, uid: uid ?? 0, gid: gid ?? 0 };
}

/** Locks the open file against other processes that do the same; released when it is closed. */
export function lockExclusively(descriptor: number): void {
  checked('flock', native.flock(descriptor, LOCK_EX));
}

/** Lets another thread that is ready to run on this processor do so; returns at once if none is. */
export function yieldProcessor(): void {
  native.schedYield();
}

/**
 * Has malloc(3) of this process keep little of what is freed: one heap for all threads instead of
 * eight for each processor, and blocks of 128 KiB or more go back to the kernel at once, where glibc
 * otherwise learns to keep ever larger ones. V8's compiler threads leave tens of MB else, and with two
 * heaps 10. To be called before there are many threads.
 */
export function keepMallocSmall(): void {
  native.mallopt(M_ARENA_MAX, MALLOC_HEAPS);
  native.mallopt(M_MMAP_THRESHOLD, MALLOC_BLOCK_BYTES);
  native.mallopt(M_TRIM_THRESHOLD, MALLOC_BLOCK_BYTES);
}
