/**
 * The one table of FUSE operations: opcode, what the request carries, what the reply carries, and
 * the handler that answers it, or else the errno that makes the kernel do the right thing itself.
 * Every opcode that a kernel up to 6.18 knows has its row; an opcode that is not here gets ENOSYS.
 */

import type { AnyStructure } from './layout.ts';
import * as abi from './structures.ts';

/** What stands behind the structure in a request: NUL-terminated names, or bytes to the end. */
export type Follows = 'name' | 'newName' | 'target' | 'data' | 'forgets';

interface Layouts {
  /** The structure that follows the InHeader; undefined when there is none. */
  readonly input?: AnyStructure;
  /** What follows that, in this order. */
  readonly follows?: readonly Follows[];
  /** The structures of a successful reply; `'data'` for plain bytes, `'none'` for no reply at all. */
  readonly output: readonly AnyStructure[] | 'data' | 'none';
}

/** An operation that a handler answers. */
export interface CarriedOperation extends Layouts {
  readonly opcode: number;
  readonly name: string;
  readonly handler: string;
}

/** An operation that we leave to the kernel, and why that is right. */
export interface RefusedOperation extends Layouts {
  readonly opcode: number;
  readonly name: string;
  readonly refusal: 'ENOSYS';
  readonly reason: string;
}

function carried<const Name extends string, const Handler extends string>(
  opcode: number,
  name: Name,
  handler: Handler,
  layouts: Layouts,
): CarriedOperation & { readonly name: Name; readonly handler: Handler } {
  return { opcode, name, handler, ...layouts };
}

function refused<const Name extends string>(
  opcode: number,
  name: Name,
  layouts: Layouts,
  reason: string,
): RefusedOperation & { readonly name: Name } {
  return { opcode, name, refusal: 'ENOSYS', reason, ...layouts };
}

const carriedOperations = [
  carried(1, 'LOOKUP', 'lookup', { follows: ['name'], output: [abi.EntryOut] }),
  carried(2, 'FORGET', 'forget', { input: abi.ForgetIn, output: 'none' }),
  carried(3, 'GETATTR', 'getattr', { input: abi.GetattrIn, output: [abi.AttrOut] }),
  carried(4, 'SETATTR', 'setattr', { input: abi.SetattrIn, output: [abi.AttrOut] }),
  carried(5, 'READLINK', 'readlink', { output: 'data' }),
  carried(6, 'SYMLINK', 'symlink', { follows: ['name', 'target'], output: [abi.EntryOut] }),
  carried(8, 'MKNOD', 'mknod', {
    input: abi.MknodIn,
    follows: ['name'],
    output: [abi.EntryOut],
  }),
  carried(9, 'MKDIR', 'mkdir', {
    input: abi.MkdirIn,
    follows: ['name'],
    output: [abi.EntryOut],
  }),
  carried(10, 'UNLINK', 'unlink', { follows: ['name'], output: [] }),
  carried(11, 'RMDIR', 'rmdir', { follows: ['name'], output: [] }),
  carried(12, 'RENAME', 'rename', {
    input: abi.RenameIn,
    follows: ['name', 'newName'],
    output: [],
  }),
  carried(13, 'LINK', 'link', {
    input: abi.LinkIn,
    follows: ['newName'],
    output: [abi.EntryOut],
  }),
  carried(14, 'OPEN', 'open', { input: abi.OpenIn, output: [abi.OpenOut] }),
  carried(15, 'READ', 'read', { input: abi.ReadIn, output: 'data' }),
  carried(16, 'WRITE', 'write', {
    input: abi.WriteIn,
    follows: ['data'],
    output: [abi.WriteOut],
  }),
  carried(17, 'STATFS', 'statfs', { output: [abi.StatfsOut] }),
  carried(18, 'RELEASE', 'release', { input: abi.ReleaseIn, output: [] }),
  carried(20, 'FSYNC', 'fsync', { input: abi.FsyncIn, output: [] }),
  carried(21, 'SETXATTR', 'setxattr', {
    input: abi.SetxattrIn,
    follows: ['name', 'data'],
    output: [],
  }),
  carried(22, 'GETXATTR', 'getxattr', {
    input: abi.GetxattrIn,
    follows: ['name'],
    output: 'data',
  }),
  carried(23, 'LISTXATTR', 'listxattr', { input: abi.GetxattrIn, output: 'data' }),
  carried(24, 'REMOVEXATTR', 'removexattr', { follows: ['name'], output: [] }),
  carried(25, 'FLUSH', 'flush', { input: abi.FlushIn, output: [] }),
  carried(26, 'INIT', 'init', { input: abi.InitIn, output: [abi.InitOut] }),
  carried(27, 'OPENDIR', 'opendir', { input: abi.OpenIn, output: [abi.OpenOut] }),
  carried(28, 'READDIR', 'readdir', { input: abi.ReadIn, output: 'data' }),
  carried(29, 'RELEASEDIR', 'releasedir', { input: abi.ReleaseIn, output: [] }),
  carried(30, 'FSYNCDIR', 'fsyncdir', { input: abi.FsyncIn, output: [] }),
  carried(31, 'GETLK', 'getlk', { input: abi.LkIn, output: [abi.LkOut] }),
  carried(32, 'SETLK', 'setlk', { input: abi.LkIn, output: [] }),
  carried(33, 'SETLKW', 'setlkw', { input: abi.LkIn, output: [] }),
  carried(34, 'ACCESS', 'access', { input: abi.AccessIn, output: [] }),
  carried(35, 'CREATE', 'create', {
    input: abi.CreateIn,
    follows: ['name'],
    output: [abi.EntryOut, abi.OpenOut],
  }),
  carried(36, 'INTERRUPT', 'interrupt', { input: abi.InterruptIn, output: 'none' }),
  carried(38, 'DESTROY', 'destroy', { output: [] }),
  carried(39, 'IOCTL', 'ioctl', {
    input: abi.IoctlIn,
    follows: ['data'],
    output: [abi.IoctlOut],
  }),
  carried(42, 'BATCH_FORGET', 'batchForget', {
    input: abi.BatchForgetIn,
    follows: ['forgets'],
    output: 'none',
  }),
  carried(43, 'FALLOCATE', 'fallocate', { input: abi.FallocateIn, output: [] }),
  carried(44, 'READDIRPLUS', 'readdirplus', { input: abi.ReadIn, output: 'data' }),
  carried(45, 'RENAME2', 'rename2', {
    input: abi.Rename2In,
    follows: ['name', 'newName'],
    output: [],
  }),
  carried(46, 'LSEEK', 'lseek', { input: abi.LseekIn, output: [abi.LseekOut] }),
  carried(47, 'COPY_FILE_RANGE', 'copyFileRange', {
    input: abi.CopyFileRangeIn,
    output: [abi.WriteOut],
  }),
  carried(51, 'TMPFILE', 'tmpfile', {
    input: abi.CreateIn,
    follows: ['name'],
    output: [abi.EntryOut, abi.OpenOut],
  }),
  carried(52, 'STATX', 'statx', { input: abi.StatxIn, output: [abi.StatxOut] }),
  carried(53, 'COPY_FILE_RANGE_64', 'copyFileRange64', {
    input: abi.CopyFileRangeIn,
    output: [abi.CopyFileRangeOut],
  }),
] as const;

const NO_DAX = 'never sent: only virtiofs maps files into a DAX window (MAP_ALIGNMENT)';

const refusedOperations = [
  refused(
    37,
    'BMAP',
    { input: abi.BmapIn, output: [abi.BmapOut] },
    'there is no block device below; the kernel answers FIBMAP with EINVAL itself',
  ),
  refused(
    40,
    'POLL',
    { input: abi.PollIn, output: [abi.PollOut] },
    'the kernel reports files always ready from then on, as poll(2) demands of regular files',
  ),
  refused(
    41,
    'NOTIFY_REPLY',
    { input: abi.NotifyRetrieveIn, follows: ['data'], output: 'none' },
    'never sent: it answers NOTIFY_RETRIEVE, which we do not send',
  ),
  refused(48, 'SETUPMAPPING', { input: abi.SetupmappingIn, output: [] }, NO_DAX),
  refused(49, 'REMOVEMAPPING', { input: abi.RemovemappingIn, output: [] }, NO_DAX),
  refused(
    50,
    'SYNCFS',
    { input: abi.SyncfsIn, output: [] },
    'never sent on /dev/fuse (virtiofs and fuseblk only); syncfs(2) syncs the dirty pages alone',
  ),
] as const;

/** The names of all handlers that the table asks for. */
export type HandlerName = (typeof carriedOperations)[number]['handler'];

/** The names of all operations of the table. */
export type OperationName = (typeof carriedOperations | typeof refusedOperations)[number]['name'];

/** The table. */
export const operations: readonly (CarriedOperation | RefusedOperation)[] = [
  ...carriedOperations,
  ...refusedOperations,
].sort((left, right) => left.opcode - right.opcode);

/** The table by opcode. */
export const operationByOpcode: ReadonlyMap<number, CarriedOperation | RefusedOperation> = new Map(
  operations.map((operation) => [operation.opcode, operation]),
);

if (operationByOpcode.size !== operations.length) throw new Error('an opcode stands there twice');

/** Whether the kernel waits for an answer to this opcode. */
export function isAnswered(opcode: number): boolean {
  return operationByOpcode.get(opcode)?.output !== 'none';
}

/** The opcode of an operation. */
export function opcodeOf(name: OperationName): number {
  return (operations.find((operation) => operation.name === name) as CarriedOperation).opcode;
}

/** The opcodes of operations. */
export const opcodesOf = (names: readonly OperationName[]): ReadonlySet<number> =>
  new Set(names.map(opcodeOf));
