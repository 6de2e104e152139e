/** Requests about extended attributes. A caller who gives no room is told the length. */

import { constants } from 'node:os';
import type { ExtendedAttributes } from '../../file-system.ts';
import { GetxattrIn, GetxattrOut, SetxattrIn } from '../../kernel-abi/structures.ts';
import type { Service } from './service.ts';

const { ENODATA, ENOSYS, ERANGE } = constants.errno;

export function xattrHandlers(service: Service) {
  const { exchange, fileSystem, foresight, freshDirectories, setxattrInBytes } = service;
  const { caller } = exchange;
  const { extendedAttributes } = fileSystem;
  const setxattrIn = exchange.input(SetxattrIn);
  const getxattrIn = exchange.input(GetxattrIn);
  const getxattrOut = exchange.output(GetxattrOut);

  /** Answers with `bytes` bytes, which `fill` puts into the reply, as far as the caller wants them. */
  function answerSized(bytes: number, fill: (into: Uint8Array) => void): void {
    const room = getxattrIn.size;
    if (room === 0) {
      getxattrOut.size = bytes;
      exchange.answer(GetxattrOut.bytes);
    } else if (bytes > room) {
      exchange.answerError(ERANGE);
    } else {
      fill(exchange.data(bytes));
      exchange.answerData(bytes);
    }
  }

  function get(attributes: ExtendedAttributes): void {
    const { nodeid } = exchange;
    const name = exchange.name(GetxattrIn.bytes);
    if (foresight.lacks(nodeid, name)) {
      exchange.answerError(ENODATA);
      return;
    }
    const value = attributes.get(caller, nodeid, name);
    answerSized(value.byteLength, (into) => into.set(value));
  }

  function list(attributes: ExtendedAttributes): void {
    const names = attributes.list(caller, exchange.nodeid);
    const bytes = names.reduce((sum, name) => sum + name.byteLength + 1, 0);
    answerSized(bytes, (into) => {
      let position = 0;
      for (const name of names) {
        into.set(name, position);
        into[position + name.byteLength] = 0;
        position += name.byteLength + 1;
      }
    });
  }

  function set(attributes: ExtendedAttributes): void {
    const { size, flags } = setxattrIn;
    const name = exchange.name(setxattrInBytes);
    freshDirectories.forget(exchange.nodeid);
    attributes.set(caller, exchange.nodeid, name, exchange.bytesAfter(name, size), flags);
    exchange.answer(0);
  }

  function remove(attributes: ExtendedAttributes): void {
    freshDirectories.forget(exchange.nodeid);
    attributes.remove(caller, exchange.nodeid, exchange.name(0));
    exchange.answer(0);
  }

  /** Once told so, the kernel answers EOPNOTSUPP itself. */
  function unlessAbsent(action: (attributes: ExtendedAttributes) => void): () => void {
    return extendedAttributes === undefined
      ? () => exchange.answerError(ENOSYS)
      : () => action(extendedAttributes);
  }

  return {
    setxattr: unlessAbsent(set),
    getxattr: unlessAbsent(get),
    listxattr: unlessAbsent(list),
    removexattr: unlessAbsent(remove),
  };
}
