import { isDeepStrictEqual } from 'node:util';
import { type FileAttributes, fileAttributeBitmap } from '../../client/protocol/attributes.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import type { Filehandle } from '../../client/protocol/types.ts';
import type { Handlers } from '../engine/handler.ts';
import { refuse } from '../engine/refusal.ts';
import type { Service } from '../engine/service.ts';
import { objectAttributes } from '../named-attributes/objects.ts';

/** Can be set, but no file has them: there is nothing to compare them with. */
const SET_ONLY = fileAttributeBitmap('timeAccessSet', 'timeModifySet', 'killSuidgid', 'modeUmask');

interface VerifyArguments {
  readonly filehandle: Filehandle;
  readonly objAttributes: FileAttributes;
}

/**
 * Comparing attributes (sections 6.5.23 and 6.5.37). What is answered with an error breaks the chain
 * that it stands in, so that the rest of it depends on the attributes.
 */
export const verifyHandlers = {
  VERIFY(service, _exchange, args) {
    return isSame(service, args) ? undefined : refuse(DafsStatus.DAFSERR_NOT_SAME);
  },

  NVERIFY(service, _exchange, args) {
    return isSame(service, args) ? refuse(DafsStatus.DAFSERR_SAME) : undefined;
  },
} satisfies Handlers;

/**
 * Whether a file has every one of the attributes given.
 *
 * @throws Refusal DAFSERR_INVAL for attributes without a value and those that can only be set,
 * DAFSERR_NOTSUPP for those that the server does not have for it, DAFSERR_BADHANDLE, DAFSERR_STALE
 */
function isSame(service: Service, { filehandle, objAttributes }: VerifyArguments): boolean {
  const { included = 0, valid = 0, ...expected } = objAttributes;
  if (included !== valid || (valid & SET_ONLY) !== 0) {
    refuse(DafsStatus.DAFSERR_INVAL);
  }
  const present: Readonly<Record<string, unknown>> = {
    ...objectAttributes(service, filehandle, valid),
  };
  const compared = Object.entries(expected).filter(([, value]) => value !== undefined);
  if (compared.some(([name]) => present[name] === undefined)) {
    refuse(DafsStatus.DAFSERR_NOTSUPP);
  }
  return compared.every(([name, value]) => isDeepStrictEqual(value, present[name]));
}
