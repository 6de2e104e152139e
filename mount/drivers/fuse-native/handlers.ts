/** Between the binding's calls and the operations: dispatch, errors, answers. */

import { constants } from 'node:os';
import { errnoOf } from '../../errno.ts';
import type { Caller, PathFileSystem } from '../../file-system.ts';
import type { Binding, FuseHandler, FuseRequest } from './binding.ts';
import { FuseOperations, operationNames } from './operations.ts';
import { PathResolver } from './path-resolver.ts';

const { EIO, ESTALE } = constants.errno;

/** The binding's table of handlers has this many places. */
const OPCODES = 35;

/** What the binding is given. */
export interface Handlers {
  table: FuseHandler[];
  /** 1 for each opcode that has a handler; libfuse answers the others itself. */
  implemented: Uint32Array;
}

type AnyOperation = (request: FuseRequest, ...args: unknown[]) => number;

/** @param onInitialised called when the kernel and libfuse have agreed: the mount is usable */
export function createHandlers(
  binding: Binding,
  fileSystem: PathFileSystem,
  onInitialised: () => void,
): Handlers {
  const caller = ownIdentity();
  const paths = new PathResolver(fileSystem, caller);
  const operations = new FuseOperations({ fileSystem, caller, paths });
  const table: FuseHandler[] = new Array(OPCODES).fill(() => {});
  const implemented = new Uint32Array(OPCODES);
  const define = (name: string, handler: FuseHandler) => {
    const opcode = binding[`op_${name}`] as number;
    table[opcode] = handler;
    implemented[opcode] = 1;
  };
  define('init', (request) => {
    binding.fuse_native_signal_access(request, 0);
    onInitialised();
  });
  for (const name of operationNames) {
    const operation = (operations[name] as AnyOperation).bind(operations);
    const answer = answerOf(binding, name);
    define(name, (request, _opcode, ...args: unknown[]) => {
      operations.begin(request);
      answer(request, perform(operation, request, args, paths), args);
    });
  }
  return { table, implemented };
}

/** Runs an operation; what it throws becomes a negative errno. */
function perform(
  operation: AnyOperation,
  request: FuseRequest,
  args: unknown[],
  paths: PathResolver,
): number {
  try {
    try {
      return operation(request, ...args);
    } catch (error) {
      // A directory that was remembered may be gone: once more, with everything looked up afresh.
      if (errnoOf(error) !== ESTALE || !paths.clear()) throw error;
      return operation(request, ...args);
    }
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== undefined) return -errno;
    process.stderr.write(`dafs: ${(error as Error).stack}\n`);
    return -EIO;
  }
}

type Answer = (request: FuseRequest, result: number, args: unknown[]) => void;

/** How the result of an operation gets back to libfuse, for those that give more than a number. */
function answerOf(binding: Binding, name: string): Answer {
  const bufferOf = (args: unknown[]) => (args[2] as Buffer).buffer;
  const answers: Record<string, Answer> = {
    open: (request, result) =>
      binding.fuse_native_signal_open(request, Math.min(result, 0), Math.max(result, 0)),
    create: (request, result) =>
      binding.fuse_native_signal_create(request, Math.min(result, 0), Math.max(result, 0)),
    read: (request, result, args) =>
      binding.fuse_native_signal_read(request, result, 0, bufferOf(args)),
    write: (request, result, args) =>
      binding.fuse_native_signal_write(request, result, 0, bufferOf(args)),
  };
  return answers[name] ?? ((request, result) => binding.fuse_native_signal_access(request, result));
}

function ownIdentity(): Caller {
  return {
    uid: process.geteuid?.() ?? 0,
    gid: process.getegid?.() ?? 0,
    pid: process.pid,
    // libfuse has taken it off.
    umask: 0,
    keepsAccessTimes: false,
  };
}
