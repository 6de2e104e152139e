import type { FileClient } from '../../client/file-client.ts';
import { attributesOf } from '../../client/file-status.ts';
import { newDirectory, newMode } from '../../client/new-object.ts';
import { claimOfName } from '../../client/opening.ts';
import {
  ANONYMOUS_STATE_ID,
  type AnyOperation,
  type Filehandle,
  operations,
  RemoveModeExtension,
  StableHow,
  type StateId,
} from '../../client/protocol/index.ts';
import type { Random } from '../support/random.ts';
import { type Entry, type Home, HomeObject, type NameChange } from './home.ts';

/** A request that a client makes, and what comes of it. */
export interface Change {
  /** For a person. */
  readonly describe: string;
  /** What it is about: requests under way at the same time have nothing in common. */
  readonly about: readonly (string | HomeObject)[];
  readonly operation: AnyOperation;
  readonly arguments: unknown;
  /** `done`, or the errno. */
  readonly expected: string;
  /** It has been sent. */
  begun?(): void;
  /** Where the answer depends on other clients: says what is wrong with it. */
  judge?(outcome: string, hasStorageFailed: boolean): string | undefined;
  readonly names?: NameChange;
  readonly content?: { readonly object: HomeObject; readonly bytes: Uint8Array };
  /** What is on stable storage when it is answered. */
  readonly syncs?: HomeObject;
  /** A file that is there, and open, when it is answered. */
  readonly created?: HomeObject;
  /** Learns from the answer. */
  answered?(results: Record<string, unknown>): void;
}

export interface Setting {
  readonly random: Random;
  readonly home: Home;
  readonly client: FileClient;
  readonly directory: Filehandle;
  readonly objects: readonly HomeObject[];
  /** Makes a request of the lock that all clients want. */
  readonly changeLock: () => Change;
}

const possibleNames = ['a', 'b', 'c', 'd', 'e', 'f'];
const longestBytes = 40_000;
const encoded = (name: string): Uint8Array => new TextEncoder().encode(name);

const done = 'done';

/** All kinds of requests; undefined: there is nothing to make it of. */
const kinds: readonly ((setting: Setting) => Change | undefined)[] = [
  create,
  create,
  makeDirectory,
  remove,
  rename,
  link,
  setMode,
  write,
  write,
  append,
  append,
  truncate,
  commit,
  close,
  ({ changeLock }) => changeLock(),
  ({ changeLock }) => changeLock(),
];

/** Draws a request. */
export function drawChange(setting: Setting): Change | undefined {
  return setting.random.pick(kinds)(setting);
}

function create({ random, home, client, directory }: Setting): Change {
  const name = random.pick(possibleNames);
  const object = new HomeObject('file');
  const claim = claimOfName(directory, encoded(name));
  const creation = {
    mode: 'guarded',
    attributes: { mode: newMode(client.session, 0o640, 0) },
  } as const;
  const request = client.opener.request(claim, 'both', creation);
  return {
    describe: `create ${name}`,
    about: [name],
    operation: operations.OPEN,
    arguments: { ...request, owner: request.owner.slice() },
    ...ifFree(home, name, (names) => names.set(name, { object, mode: 0o640 })),
    answered({ filehandle, stateId }) {
      object.handle = (filehandle as Filehandle).slice() as Filehandle;
      object.stateId = stateId as StateId;
    },
    created: object,
  };
}

function makeDirectory({ random, home, client, directory }: Setting): Change {
  const name = random.pick(possibleNames);
  const object = new HomeObject('directory');
  return {
    describe: `mkdir ${name}`,
    about: [name],
    operation: operations.CREATE,
    arguments: {
      filehandle: directory,
      component: encoded(name),
      ...newDirectory(newMode(client.session, 0o750, 0)),
    },
    ...ifFree(home, name, (names) => names.set(name, { object, mode: 0o750 })),
    answered({ filehandle }) {
      object.handle = (filehandle as Filehandle).slice() as Filehandle;
    },
  };
}

function ifFree(home: Home, name: string, names: NameChange): Pick<Change, 'expected' | 'names'> {
  return home.names.has(name) ? { expected: 'EEXIST' } : { expected: done, names };
}

function remove({ random, home, directory }: Setting): Change {
  const name = random.pick(possibleNames);
  const entry = home.names.get(name);
  const isDirectory = entry?.object.kind === 'directory';
  const removeMode = isDirectory
    ? RemoveModeExtension.REMOVE_DIRECTORY
    : RemoveModeExtension.REMOVE_FILE;
  return {
    describe: `remove ${name}`,
    about: [name, ...(entry === undefined ? [] : [entry.object])],
    operation: operations.REMOVE,
    arguments: { filehandle: directory, target: encoded(name), removeMode },
    ...(entry === undefined
      ? { expected: 'ENOENT' }
      : { expected: done, names: (names) => void names.delete(name) }),
  };
}

function rename({ random, home, directory }: Setting): Change | undefined {
  const [name, newName] = [random.pick(possibleNames), random.pick(possibleNames)];
  const [entry, replaced] = [home.names.get(name), home.names.get(newName)];
  if (entry === undefined || entry.object === replaced?.object) return undefined;
  const isDirectory = entry.object.kind === 'directory';
  const replacesDirectory = replaced?.object.kind === 'directory';
  const objects = [entry.object, ...(replaced === undefined ? [] : [replaced.object])];
  const move: NameChange = (names) => {
    names.delete(name);
    names.set(newName, entry);
  };
  return {
    describe: `rename ${name} ${newName}`,
    about: [name, newName, ...objects],
    operation: operations.RENAME,
    arguments: {
      sourcedir: directory,
      targetdir: directory,
      oldname: encoded(name),
      newname: encoded(newName),
    },
    ...(replaced === undefined || isDirectory === replacesDirectory
      ? { expected: done, names: move }
      : { expected: isDirectory ? 'ENOTDIR' : 'EISDIR' }),
  };
}

function link(setting: Setting): Change | undefined {
  const { random, home, directory } = setting;
  const name = random.pick(possibleNames);
  const entry = pickFile(setting);
  const handle = entry?.object.handle;
  if (entry === undefined || handle === undefined) return undefined;
  return {
    describe: `link to ${name}`,
    about: [name, entry.object],
    operation: operations.LINK,
    arguments: { sourceObject: handle, destinationObject: directory, newname: encoded(name) },
    ...ifFree(home, name, (names) => names.set(name, entry)),
  };
}

function setMode({ random, home }: Setting): Change | undefined {
  const entries = [...home.names.values()].filter(({ object }) => object.handle !== undefined);
  if (entries.length === 0) return undefined;
  const { object } = random.pick(entries);
  const mode = 0o600 + random.below(0o100);
  return {
    describe: `chmod ${mode.toString(8)}`,
    about: [object],
    operation: operations.SETATTR_INLINE,
    arguments: {
      filehandle: object.handle,
      stateId: ANONYMOUS_STATE_ID,
      objAttributes: attributesOf({ mode }),
    },
    expected: done,
    names(names) {
      for (const [name, entry] of names) {
        if (entry.object === object) names.set(name, { object, mode });
      }
    },
  };
}

/** A file that has a name and a handle. */
function pickFile({ random, home }: Setting): Entry | undefined {
  const entries = [...home.names.values()].filter(
    ({ object }) => object.kind === 'file' && object.handle !== undefined,
  );
  return entries.length === 0 ? undefined : random.pick(entries);
}

const fileOf = ({ handle, stateId }: HomeObject) => ({
  filehandle: handle as Filehandle,
  stateId: stateId ?? ANONYMOUS_STATE_ID,
});

function drawStability(random: Random): StableHow {
  return random.oneIn(4) ? StableHow.FILE_SYNC : StableHow.UNSTABLE;
}

/** What a write of any kind changes and promises. */
const written = (object: HomeObject, bytes: Uint8Array, stableHow: StableHow) => ({
  describe: `write, ${bytes.length} bytes then, stability ${stableHow}`,
  about: [object],
  expected: done,
  content: { object, bytes },
  ...(stableHow === StableHow.UNSTABLE ? {} : { syncs: object }),
});

function write(setting: Setting): Change | undefined {
  const object = pickFile(setting)?.object;
  if (object === undefined) return undefined;
  const { random, client } = setting;
  const offset = random.below(longestBytes / 2);
  const stableHow = drawStability(random);
  const isDirect = random.oneIn(3);
  const data = drawData(random, isDirect ? longestBytes / 2 : 3000);
  const bytes = new Uint8Array(Math.max(object.content.length, offset + data.length));
  bytes.set(object.content);
  bytes.set(data, offset);
  const common = { ...fileOf(object), offset, stableHow, cacheHint: 0 };
  if (isDirect) {
    return {
      ...written(object, bytes, stableHow),
      operation: operations.WRITE_DIRECT,
      arguments: { ...common, ...registered(client, data), directChecksum: 0 },
    };
  }
  return {
    ...written(object, bytes, stableHow),
    operation: operations.WRITE_INLINE,
    arguments: { ...common, writePadded: false, data },
  };
}

function append(setting: Setting): Change | undefined {
  const object = pickFile(setting)?.object;
  if (object === undefined || object.content.length > longestBytes) return undefined;
  const { random } = setting;
  const stableHow = drawStability(random);
  const data = drawData(random, 2000);
  const bytes = new Uint8Array(object.content.length + data.length);
  bytes.set(object.content);
  bytes.set(data, object.content.length);
  return {
    ...written(object, bytes, stableHow),
    operation: operations.APPEND_INLINE,
    arguments: { ...fileOf(object), stableHow, writePadded: false, cacheHint: 0, data },
  };
}

/** Text that is different each time, so that what is there twice or not at all is seen. */
function drawData(random: Random, longest: number): Uint8Array {
  const data = new Uint8Array(1 + random.length(longest - 1));
  const [first, step] = [random.below(256), 1 + 2 * random.below(64)];
  for (let index = 0; index < data.length; index += 1) {
    data[index] = first + index * step + (index >> 8);
  }
  return data;
}

/** Data in memory that the server fetches by itself. */
function registered(client: FileClient, data: Uint8Array) {
  const buffer = client.session.allocateBuffer(data.length, 'write');
  buffer.memory.set(data);
  const { address, handle } = buffer;
  const byteCount = data.length;
  return { byteCount, writeDataBuffers: [{ address, byteCount, handle }] };
}

function truncate(setting: Setting): Change | undefined {
  const object = pickFile(setting)?.object;
  if (object === undefined) return undefined;
  const bytes = new Uint8Array(
    setting.random.oneIn(3) ? 0 : setting.random.below(longestBytes / 2),
  );
  bytes.set(object.content.subarray(0, bytes.length));
  return {
    describe: `truncate to ${bytes.length}`,
    about: [object],
    operation: operations.SETATTR_INLINE,
    arguments: { ...fileOf(object), objAttributes: attributesOf({ sizeBytes: bytes.length }) },
    expected: done,
    content: { object, bytes },
  };
}

function commit(setting: Setting): Change | undefined {
  const object = pickFile(setting)?.object;
  if (object === undefined) return undefined;
  return {
    describe: 'commit',
    about: [object],
    operation: operations.COMMIT,
    arguments: { filehandle: object.handle, offset: 0, count: 0 },
    expected: done,
    syncs: object,
  };
}

function close({ random, objects }: Setting): Change | undefined {
  const open = objects.filter(({ stateId }) => stateId !== undefined);
  if (open.length === 0) return undefined;
  const object = random.pick(open);
  return {
    describe: 'close',
    about: [object],
    operation: operations.CLOSE,
    arguments: fileOf(object),
    expected: done,
    answered() {
      object.stateId = undefined;
    },
  };
}
