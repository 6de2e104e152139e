import { fileAttributeBitmap } from '../../client/protocol/attributes.ts';
import { CreateMode, DelegationType, OpenType } from '../../client/protocol/constants.ts';
import type { ResultsOf } from '../../client/protocol/operations.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import type { ChangeInfo, Filehandle } from '../../client/protocol/types.ts';
import { requireUserAttributeAccess } from '../attribute-access.ts';
import type { Exchange } from '../engine/exchange.ts';
import { refuse } from '../engine/refusal.ts';
import type { Service } from '../engine/service.ts';
import { namedAttributeIdOf } from '../named-attributes/handles.ts';
import {
  attributeHandleOf,
  fileOfDirectory,
  namedAttribute,
  storedName,
} from '../named-attributes/objects.ts';
import { Share, type ShareRequest } from '../state/opens.ts';
import type { AttributeId, Inode } from '../store/index.ts';
import { changeInfo } from './create-object.ts';
import { requireNames } from './lookup.ts';
import { resized } from './named-attribute-data.ts';
import { isTruncating, type OpenArguments, registerOpen } from './open-support.ts';
import { requestedAttributes } from './set-attributes.ts';

const nothing = new Uint8Array(0);

/** Opens, and if need be makes, a named attribute (section 6.5.24, CLAIM_NULL). @throws Refusal */
export function openAttributeByName(
  service: Service,
  exchange: Exchange,
  args: OpenArguments,
  directory: Filehandle,
  path: readonly Uint8Array[],
  share: ShareRequest,
): ResultsOf<'OPEN'> {
  requireNames(path);
  const file = fileOfDirectory(service, directory);
  const name = storedName(path[0] as Uint8Array);
  const existing = service.store.extendedAttributes.find(file.id, name);
  if (path.length > 1) {
    refuse(existing === undefined ? DafsStatus.DAFSERR_NOENT : DafsStatus.DAFSERR_NOTDIR);
  }
  requireCreatable(args.open, existing);
  requireShare(file, exchange, args, share);
  const before = file.change;
  const number = existing ?? create(service, exchange, file, name, args.open);
  const stateId = registerOpen(service, exchange, args, namedAttributeIdOf(number), share);
  if (existing !== undefined && isTruncating(args.open)) {
    service.store.extendedAttributes.set(file.id, name, nothing, 'replace');
  }
  return results(service, file, number, stateId, changeInfo(before, file), 1);
}

/** Opens a named attribute that is known by its handle (our claim CLAIM_FH). @throws Refusal */
export function openAttributeByHandle(
  service: Service,
  exchange: Exchange,
  args: OpenArguments,
  handle: Filehandle,
  share: ShareRequest,
): ResultsOf<'OPEN'> {
  const { file, number, name } = namedAttribute(service, handle);
  requireCreatable(args.open, number);
  requireShare(file, exchange, args, share);
  const stateId = registerOpen(service, exchange, args, namedAttributeIdOf(number), share);
  if (isTruncating(args.open)) {
    service.store.extendedAttributes.set(file.id, name, nothing, 'replace');
  }
  return results(service, file, number, stateId, { before: 0n, after: 0n, atomic: true }, 0);
}

/** @throws Refusal DAFSERR_NOTSUPP: no attribute has a place for the verifier of EXCLUSIVE */
function requireCreatable(open: OpenArguments['open'], existing: AttributeId | undefined): void {
  if (open.openType !== OpenType.OPEN_CREATE) {
    if (existing === undefined) {
      refuse(DafsStatus.DAFSERR_NOENT);
    }
    return;
  }
  if (open.how.createMode === CreateMode.EXCLUSIVE) {
    refuse(DafsStatus.DAFSERR_NOTSUPP);
  }
  if (open.how.createMode === CreateMode.GUARDED && existing !== undefined) {
    refuse(DafsStatus.DAFSERR_EXIST);
  }
}

/** @throws Refusal DAFSERR_ACCES, DAFSERR_PERM */
function requireShare(
  file: Inode,
  { credential }: Exchange,
  args: OpenArguments,
  share: ShareRequest,
): void {
  if ((share.access & Share.READ) !== 0) {
    requireUserAttributeAccess(file, credential, 'read');
  }
  if ((share.access & Share.WRITE) !== 0 || isTruncating(args.open)) {
    requireUserAttributeAccess(file, credential, 'write');
  }
}

/** @throws Refusal DAFSERR_INVAL for attributes beside the size: they are the file's */
function create(
  service: Service,
  { credential }: Exchange,
  file: Inode,
  name: Uint8Array,
  open: OpenArguments['open'],
): AttributeId {
  const { extendedAttributes } = service.store;
  const attributes =
    open.openType === OpenType.OPEN_CREATE && 'createAttrs' in open.how ? open.how.createAttrs : {};
  requestedAttributes(attributes, fileAttributeBitmap('objectSize'));
  requireUserAttributeAccess(file, credential, 'write');
  extendedAttributes.set(file.id, name, resized(nothing, attributes.objectSize ?? 0), 'create');
  return extendedAttributes.find(file.id, name) as AttributeId;
}

const results = (
  service: Service,
  file: Inode,
  number: AttributeId,
  stateId: ResultsOf<'OPEN'>['stateId'],
  change: ChangeInfo,
  componentCount: number,
): ResultsOf<'OPEN'> => ({
  filehandle: attributeHandleOf(service, file, number),
  stateId,
  changeInfo: change,
  componentCount,
  resultFlags: 0,
  delegation: { delegationType: DelegationType.OPEN_DELEGATE_NONE },
});
