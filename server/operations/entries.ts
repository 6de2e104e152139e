/** Names in directories, on behalf of requests. */
import { DafsStatus } from '../../client/protocol/status.ts';
import type { Exchange } from '../engine/exchange.ts';
import { refuse } from '../engine/refusal.ts';
import type { Service } from '../engine/service.ts';
import type { Inode } from '../store/index.ts';
import { requireSearchable } from './create-object.ts';

/** What has a name in a directory; undefined: nothing. */
export function entryOf(service: Service, directory: Inode, name: Uint8Array): Inode | undefined {
  const id = service.store.lookup(directory.id, name);
  return id === undefined ? undefined : service.store.inode(id);
}

/** @throws Refusal DAFSERR_EXIST when something has the name. */
export function requireAbsent(service: Service, directory: Inode, name: Uint8Array): void {
  if (service.store.lookup(directory.id, name) !== undefined) {
    refuse(DafsStatus.DAFSERR_EXIST);
  }
}

/** What has a name in a directory that the request may search. @throws Refusal DAFSERR_NOENT, … */
export function existingEntry(
  service: Service,
  exchange: Exchange,
  directory: Inode,
  name: Uint8Array,
): Inode {
  requireSearchable(exchange, directory, name);
  return entryOf(service, directory, name) ?? refuse(DafsStatus.DAFSERR_NOENT);
}
