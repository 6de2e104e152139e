import { AccessRight } from '../../client/protocol/constants.ts';
import { type OperationName, operations } from '../../client/protocol/operations.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import { FILEHANDLE_BYTES, type Filehandle } from '../../client/protocol/types.ts';
import { type AttributeUse, requireUserAttributeAccess } from '../attribute-access.ts';
import { hasNamedAttributes } from '../attributes.ts';
import type { Exchange } from '../engine/exchange.ts';
import type { Handlers } from '../engine/handler.ts';
import { Refusal, refuse } from '../engine/refusal.ts';
import type { Service } from '../engine/service.ts';
import { isNamedHandle, namedAttributeIdOf } from '../named-attributes/handles.ts';
import {
  attributeHandleOf,
  directoryHandleOf,
  fileOfDirectory,
  fileOfNamed,
  isAttributeDirectory,
  storedName,
} from '../named-attributes/objects.ts';
import { FileType } from '../store/index.ts';
import { changeInfo } from './create-object.ts';
import { requireNames } from './lookup.ts';
import { requireRemoveMode } from './name.ts';
import { namedAttributeDataHandlers } from './named-attribute-data.ts';

const noHandle = new Uint8Array(FILEHANDLE_BYTES) as Filehandle;

/** The way to the named attributes of a file (section 6.5.25). */
export const namedAttributeHandlers = {
  OPENATTR(service, _exchange, args) {
    const file = service.filehandles.inode(args.filehandle);
    return hasNamedAttributes(file)
      ? { filehandle: directoryHandleOf(service.filehandles.of(file.id)) }
      : refuse(DafsStatus.DAFSERR_NOTSUPP);
  },
} satisfies Handlers;

const R = AccessRight;

/** Which use of attributes each right is; what is not here nobody has. Everybody may look around. */
const attributeRights: readonly (readonly [number, AttributeUse])[] = [
  [R.ACCESS_READ, 'read'],
  [R.ACCESS_MODIFY, 'write'],
  [R.ACCESS_EXTEND, 'write'],
];
const directoryRights: readonly (readonly [number, AttributeUse | undefined])[] = [
  [R.ACCESS_READ, undefined],
  [R.ACCESS_LOOKUP, undefined],
  [R.ACCESS_MODIFY, 'write'],
  [R.ACCESS_EXTEND, 'write'],
  [R.ACCESS_DELETE, 'write'],
];

/** What procedures do to named attributes and their directories, where it is not what they do to files. */
const handlersOfAttributes = {
  ...namedAttributeDataHandlers,

  LOOKUP(service, exchange, { directory, path }) {
    requireNames(path);
    const file = fileOfDirectory(service, directory);
    const name = storedName(path[0] as Uint8Array);
    const number = service.store.extendedAttributes.find(file.id, name);
    if (number === undefined) {
      exchange.status = DafsStatus.DAFSERR_NOENT;
      return { filehandle: noHandle, componentCount: 0 };
    }
    if (path.length > 1) {
      exchange.status = DafsStatus.DAFSERR_NOTDIR;
    }
    return { filehandle: attributeHandleOf(service, file, number), componentCount: 1 };
  },

  LOOKUPP(service, _exchange, args) {
    return { filehandle: service.filehandles.of(fileOfDirectory(service, args.filehandle).id) };
  },

  ACCESS(service, exchange, args) {
    const file = fileOfNamed(service, args.filehandle);
    const all = isAttributeDirectory(args.filehandle) ? directoryRights : attributeRights;
    const rights = all.filter(([right]) => (args.access & right) !== 0);
    const allowed = rights.filter(
      ([, use]) =>
        use === undefined ||
        isAllowed(() => requireUserAttributeAccess(file, exchange.credential, use)),
    );
    return { supported: sumOf(rights), access: sumOf(allowed) };
  },

  REMOVE(service, exchange, args) {
    const file = fileOfDirectory(service, args.filehandle);
    const name = storedName(args.target);
    const { extendedAttributes } = service.store;
    const number = extendedAttributes.find(file.id, name) ?? refuse(DafsStatus.DAFSERR_NOENT);
    requireUserAttributeAccess(file, exchange.credential, 'write');
    const target = { id: namedAttributeIdOf(number), type: FileType.REGULAR };
    requireRemoveMode(service, target, args.removeMode);
    const before = file.change;
    extendedAttributes.remove(file.id, name);
    return { changeInfo: changeInfo(before, file) };
  },
} satisfies Handlers;

function isAllowed(check: () => void): boolean {
  try {
    check();
    return true;
  } catch (error) {
    if (error instanceof Refusal) {
      return false;
    }
    throw error;
  }
}

const sumOf = (rights: readonly (readonly [number, unknown])[]): number =>
  rights.reduce((sum, [right]) => sum | right, 0);

type NamedOperation = keyof typeof handlersOfAttributes;
type AnyHandler<Arguments, Results> = (
  service: Service,
  exchange: Exchange,
  args: Arguments,
) => Results;

/** The handler of a procedure for whatever its filehandle stands for. */
export function forEveryObject<Arguments, Results>(
  name: NamedOperation,
  ofFiles: AnyHandler<Arguments, Results>,
): AnyHandler<Arguments, Results> {
  const field = operations[name].chain.takesFilehandle as string;
  const ofAttributes = handlersOfAttributes[name] as unknown as AnyHandler<Arguments, Results>;
  return (service, exchange, args) => {
    const handle = (args as Record<string, Filehandle>)[field] as Filehandle;
    return (isNamedHandle(handle) ? ofAttributes : ofFiles)(service, exchange, args);
  };
}

/** Those of `handlers` that do something else to named attributes, doing both. */
export const withNamedAttributes = (handlers: Handlers): Handlers =>
  Object.fromEntries(
    Object.keys(handlersOfAttributes).map((name) => [
      name,
      forEveryObject(name as NamedOperation, handlers[name as OperationName] as never),
    ]),
  );
