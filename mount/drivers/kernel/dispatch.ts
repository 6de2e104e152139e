/** From opcodes to handlers, as the table of operations says. */

import { constants } from 'node:os';
import { errnoOf } from '../../errno.ts';
import { FieldRangeError } from '../../kernel-abi/layout.ts';
import { type HandlerName, isAnswered, operations } from '../../kernel-abi/operations.ts';
import { attributeHandlers } from './attribute-handlers.ts';
import { directoryHandlers } from './directory-handlers.ts';
import { fileHandlers } from './file-handlers.ts';
import { lockHandlers } from './lock-handlers.ts';
import { nameHandlers } from './name-handlers.ts';
import { rangeHandlers } from './range-handlers.ts';
import type { Handler, Service } from './service.ts';
import { sessionHandlers } from './session-handlers.ts';
import { xattrHandlers } from './xattr-handlers.ts';

const { EFBIG, EIO, ENOSYS } = constants.errno;

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

  /** Answers the request that the exchange has received. */
  dispatch(opcode: number): void {
    const { exchange } = this.#service;
    const handler = this.#handlers[opcode];
    try {
      if (handler === undefined) exchange.answerError(ENOSYS);
      else handler();
    } catch (error) {
      const errno = this.#errnoOf(error);
      if (isAnswered(opcode)) exchange.answerError(errno);
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
