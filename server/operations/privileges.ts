import { Capability } from '../../client/protocol/extensions.ts';
import { type Credential, isCapable, withoutPrivileges } from '../access-control.ts';
import type { Exchange } from '../engine/exchange.ts';
import type { Service } from '../engine/service.ts';
import { AttributeKind, type Inode } from '../store/index.ts';

const CAPABILITY = new Uint8Array(Buffer.from('security.capability'));

/**
 * Takes from a file whose contents the request changes what made it more than its contents: the
 * set-ID bits, unless who changes it could set them, and the capabilities, whoever does.
 */
export function dropPrivileges(service: Service, { credential }: Exchange, inode: Inode): void {
  const keeps = isCapable(credential, Capability.FSETID);
  const mode = keeps ? inode.mode : withoutPrivileges(inode, credential);
  if (mode !== inode.mode) {
    service.store.setAttributes(inode.id, { mode });
  }
  dropCapabilities(service, inode);
}

/** Whether there is anything that a change by `credential` would take. */
export const hasPrivileges = (inode: Inode, credential: Credential): boolean =>
  withoutPrivileges(inode, credential) !== inode.mode ||
  (inode.attributeKinds & AttributeKind.CAPABILITY) !== 0;

/** Takes what a program may do beyond its user's rights: when its contents or its owner change. */
export function dropCapabilities({ store }: Service, inode: Inode): void {
  if ((inode.attributeKinds & AttributeKind.CAPABILITY) !== 0) {
    store.extendedAttributes.remove(inode.id, CAPABILITY);
  }
}
