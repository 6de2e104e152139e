/** The other end of other-process.ts: makes the calls that come through standard input. */
import { PosixError } from '../support/libc.ts';
import {
  type RemoteAnswer,
  type RemoteCall,
  receiveMessage,
  sendMessage,
} from './other-process.ts';
import { PosixTarget } from './posix-target.ts';

const target = new PosixTarget() as unknown as Record<string, (...values: unknown[]) => unknown>;

function answer(request: RemoteCall): RemoteAnswer {
  try {
    return { result: target[request.method]?.(...request.values) };
  } catch (error) {
    if (error instanceof PosixError) {
      return { code: error.code, call: error.call };
    }
    throw error;
  }
}

for (;;) {
  const request = receiveMessage(0) as RemoteCall | undefined;
  if (request === undefined) {
    break;
  }
  sendMessage(1, answer(request));
}
