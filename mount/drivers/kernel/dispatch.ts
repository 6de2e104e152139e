/** From opcodes to handlers, as the table of operations says. */

import { constants } from 'node:os';
import { errnoOf, isToRepeat } from '../../errno.ts';
import { FieldRangeError } from '../../kernel-abi/layout.ts';
import { type HandlerName, isAnswered, operations } from '../../kernel-abi/operations.ts';
import { attributeHandlers } from './attribute-handlers.ts';
import { directoryHandlers } from './directory-handlers.ts';
import { fileHandlers } from './file-handlers.ts';
import { ioctlHandlers } from './ioctl-handlers.ts';
import { lockHandlers } from './lock-handlers.ts';
import { nameHandlers } from './name-handlers.ts';
import { rangeHandlers } from './range-handlers.ts';
import type { Handler, Service } from './service.ts';
import { sessionHandlers } from './session-handlers.ts';
import { xattrHandlers } from './xattr-handlers.ts';

const { EACCES, EFBIG, EIO, ENOSYS, EPERM } = constants.errno;

/** Opcodes beyond this (CUSE's) do not come out of /dev/fuse. */
const OPCODES = 64;

function handlersByName(service: Service): Record<HandlerName, Handler> {
  return {
    ...nameHandlers(service),
    ...attributeHandlers(service),
    ...fileHandlers(service),
    ...rangeHandlers(service),
    ...directoryHandlers(service),
    ...lockHandlers(service),
    ...sessionHandlers(service),
    ...xattrHandlers(service),
    ...ioctlHandlers(service),
  };
}

/** Answers the requests of one worker. */
export class Dispatcher {
  readonly #service: Service;
  readonly #handlers: readonly Handler[];
  readonly #report: (error: unknown) => void;

  /** @param report is told of errors that are not the file system's answer but somebody's mistake */
  constructor(service: Service, report: (error: unknown) => void) {
    const refuse: Handler = () => service.exchange.answerError(ENOSYS);
    const handlers = new Array<Handler>(OPCODES).fill(refuse);
    const byName = handlersByName(service);
    for (const operation of operations) {
      if ('handler' in operation)
        handlers[operation.opcode] = byName[operation.handler as HandlerName];
    }
    this.#service = service;
    this.#handlers = handlers;
    this.#report = report;
  }

  /** Answers the request that the exchange has received. @returns the errno of what failed, or 0 */
  dispatch(opcode: number): number {
    const handler = this.#handlers[opcode];
    if (handler === undefined) {
      this.#service.exchange.answerError(ENOSYS);
      return ENOSYS;
    }
    let errno = this.#perform(handler);
    // A refusal has changed nothing; it may rest on groups that the caller has no longer, or has now.
    if ((errno === EACCES || errno === EPERM) && this.#isMistaken()) errno = this.#perform(handler);
    if (errno !== 0 && isAnswered(opcode)) this.#service.exchange.answerError(errno);
    return errno;
  }

  /** The errno of what failed; 0 when it was answered. */
  #perform(handler: Handler, repeats = 1): number {
    try {
      handler();
      return 0;
    } catch (error) {
      return repeats > 0 && isToRepeat(error)
        ? this.#perform(handler, repeats - 1)
        : this.#errnoOf(error);
    }
  }

  #isMistaken(): boolean {
    const { exchange, fileSystem } = this.#service;
    try {
      return fileSystem.refreshCaller?.(exchange.caller) === true;
    } catch {
      // The server is gone, or has no room for another credential: the refusal stands.
      return false;
    }
  }

  /** The errno of whatever a handler threw. */
  #errnoOf(error: unknown): number {
    // An offset or size beyond 2^53 - 1, which no file of ours can have.
    if (error instanceof FieldRangeError) return EFBIG;
    const errno = errnoOf(error);
    if (errno === undefined) this.#report(error);
    return errno ?? EIO;
  }
}
