/** Extended attributes of a server's files, for drivers. */

import type {
  ExtendedAttributes as ClientAttributes,
  SetOption,
} from '../client/extended-attributes.ts';
import type { FileClient } from '../client/file-client.ts';
import { Extension } from '../client/protocol/index.ts';
import { type CallerCredentials, OWN_CREDENTIAL } from './caller-credentials.ts';
import { ErrnoError } from './errno.ts';
import { type Caller, type ExtendedAttributes, type Nodeid, XattrFlag } from './file-system.ts';
import type { FilehandleMaker } from './filehandles.ts';

const SET_OPTIONS: Readonly<Record<number, SetOption>> = {
  0: 'either',
  [XattrFlag.CREATE]: 'create',
  [XattrFlag.REPLACE]: 'replace',
};

const CAPABILITY = new TextEncoder().encode('security.capability');

const TRUSTED = new TextEncoder().encode('trusted.');

const isTrusted = (name: Uint8Array): boolean => TRUSTED.every((byte, at) => byte === name[at]);

/**
 * The kernel takes capabilities off a file before it lets somebody write to it, in his name, and has
 * looked already whether a user may remove them. So the mount answers for it, not the user.
 */
function isCapability(name: Uint8Array): boolean {
  return name.length === CAPABILITY.length && CAPABILITY.every((byte, at) => byte === name[at]);
}

/** Those of the files that `client` reaches; undefined when its server has none for it. */
export function extendedAttributesOf(
  client: FileClient,
  credentials: CallerCredentials,
  handles: FilehandleMaker,
): ExtendedAttributes | undefined {
  return client.session.extensions.has(Extension.XATTR)
    ? new ClientExtendedAttributes(client.extendedAttributes, credentials, handles)
    : undefined;
}

class ClientExtendedAttributes implements ExtendedAttributes {
  readonly #attributes: ClientAttributes;
  readonly #credentials: CallerCredentials;
  readonly #handles: FilehandleMaker;

  constructor(
    attributes: ClientAttributes,
    credentials: CallerCredentials,
    handles: FilehandleMaker,
  ) {
    this.#attributes = attributes;
    this.#credentials = credentials;
    this.#handles = handles;
  }

  get(caller: Caller, nodeid: Nodeid, name: Uint8Array): Uint8Array {
    // Who lacks the capability is told that there is no such attribute: no refusal to ask again upon.
    if (isTrusted(name)) this.#credentials.refresh(caller);
    return this.#attributes.get(this.#handles.of(nodeid), name, this.#credentials.of(caller));
  }

  set(caller: Caller, nodeid: Nodeid, name: Uint8Array, value: Uint8Array, flags: number): void {
    const option = SET_OPTIONS[flags];
    if (option === undefined) {
      // To be made and to be replaced: it is there, or it is not (ENODATA).
      this.get(caller, nodeid, name);
      throw new ErrnoError('EEXIST');
    }
    const credential = this.#credentials.of(caller);
    this.#attributes.set(this.#handles.of(nodeid), name, value, option, credential);
  }

  list(caller: Caller, nodeid: Nodeid): readonly Uint8Array[] {
    // Who lacks the capability does not see trusted attributes: no refusal here, either.
    this.#credentials.refresh(caller);
    return this.#attributes.list(this.#handles.of(nodeid), this.#credentials.of(caller));
  }

  remove(caller: Caller, nodeid: Nodeid, name: Uint8Array): void {
    const credential = isCapability(name) ? OWN_CREDENTIAL : this.#credentials.of(caller);
    this.#attributes.remove(this.#handles.of(nodeid), name, credential);
  }
}
