import {
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type FileId,
  FileType,
  maxLinks,
  rootId,
  type Store,
  StoreError,
} from '../../../server/store/index.ts';
import {
  bytes,
  codeOf,
  list,
  makeDirectory,
  makeFile,
  names,
  newStore,
  temporaryDirectory,
  text,
} from './support/stores.ts';

const owner = { mode: 0o644, uid: 1, gid: 2 };

describe('create', () => {
  it('makes every type with its attributes', () => {
    const store = newStore();
    const device = { rdev: { major: 8, minor: 1 } };
    const made = [
      store.create(rootId, bytes('file'), { type: FileType.REGULAR, ...owner, mode: 0o104755 }),
      store.create(rootId, bytes('fifo'), { type: FileType.FIFO, ...owner }),
      store.create(rootId, bytes('socket'), { type: FileType.SOCKET, ...owner }),
      store.create(rootId, bytes('disk'), { type: FileType.BLOCK_DEVICE, ...owner, ...device }),
      store.create(rootId, bytes('tty'), { type: FileType.CHARACTER_DEVICE, ...owner, ...device }),
    ];
    for (const inode of made) {
      expect(inode).toMatchObject({ uid: 1, gid: 2, nlink: 1, size: 0, usedBytes: 0 });
      expect(inode.ctime).toEqual(inode.btime);
      expect(inode.mtime).toEqual(inode.btime);
    }
    expect(made[0]?.mode).toBe(0o4755);
    expect(made[3]?.rdev).toEqual({ major: 8, minor: 1 });
    expect(new Set(made.map(({ id }) => id)).size).toBe(made.length);
  });

  it('counts directories in their parent, and entries in its size', () => {
    const store = newStore();
    const directory = makeDirectory(store, 'directory');
    expect(directory).toMatchObject({ nlink: 2, parent: rootId, size: 0 });
    expect(store.inode(rootId)).toMatchObject({ nlink: 3, size: 25 });
    makeFile(store, 'file', directory.id);
    expect(store.inode(directory.id)).toMatchObject({ nlink: 2, size: 20 });
  });

  it('takes any bytes for a name but NUL and slash', () => {
    const store = newStore();
    const odd = Uint8Array.from({ length: 255 }, (_, index) => index + 1).filter((b) => b !== 0x2f);
    store.create(rootId, odd, { type: FileType.REGULAR, ...owner });
    store.create(rootId, bytes('...'), { type: FileType.REGULAR, ...owner });
    expect(store.lookup(rootId, odd)).toBeDefined();
    for (const name of ['', '.', '..', 'a/b', 'a\0']) {
      expect(codeOf(() => makeFile(store, name))).toBe('EINVAL');
    }
    expect(codeOf(() => makeFile(store, 'x'.repeat(256)))).toBe('ENAMETOOLONG');
    expect(codeOf(() => store.lookup(rootId, bytes('x'.repeat(256))))).toBe('ENAMETOOLONG');
  });

  it('refuses a name that exists, and a directory that is none', () => {
    const store = newStore();
    const file = makeFile(store, 'file');
    expect(codeOf(() => makeDirectory(store, 'file'))).toBe('EEXIST');
    expect(codeOf(() => makeFile(store, 'inner', file.id))).toBe('ENOTDIR');
    expect(codeOf(() => makeFile(store, 'inner', 999 as FileId))).toBe('ESTALE');
    expect(codeOf(() => store.lookup(file.id, bytes('inner')))).toBe('ENOTDIR');
  });

  it('keeps the target of a symbolic link byte for byte', () => {
    const store = newStore();
    const target = Uint8Array.from([0x2f, 0xff, 0x20, 0x0a]);
    const type = FileType.SYMBOLIC_LINK;
    const link = store.create(rootId, bytes('link'), { type, ...owner, target });
    expect(link.size).toBe(4);
    expect([...store.readLink(link.id)]).toEqual([...target]);
    expect(codeOf(() => store.readLink(rootId))).toBe('EINVAL');
    const make = (length: number) => () =>
      store.create(rootId, bytes('other'), {
        type,
        ...owner,
        target: new Uint8Array(length).fill(65),
      });
    expect(codeOf(make(0))).toBe('EINVAL');
    expect(codeOf(make(4096))).toBe('ENAMETOOLONG');
    expect(codeOf(make(4095))).toBeUndefined();
    expect(codeOf(() => store.create(rootId, bytes('bare'), { type, ...owner }))).toBe('EINVAL');
  });

  it('never gives an id twice', () => {
    const store = newStore();
    const seen = new Set<FileId>();
    for (let round = 0; round < 50; round++) {
      const file = makeFile(store, 'file');
      expect(seen.has(file.id)).toBe(false);
      seen.add(file.id);
      store.remove(rootId, bytes('file'));
      store.reclaim(file.id);
      if (round % 3 === 0) {
        store.rollback();
        store.commit();
        if (store.lookup(rootId, bytes('file')) !== undefined) {
          store.reclaim(store.remove(rootId, bytes('file')).id);
        }
      }
      store.commit();
    }
  });
});

describe('link and remove', () => {
  it('give a file as many names as ext4 does, and no more', () => {
    const store = newStore();
    const { id } = makeFile(store, 'file');
    for (let links = 1; links < maxLinks; links++) {
      store.link(id, rootId, bytes(String(links)));
    }
    expect(store.inode(id)?.nlink).toBe(65_000);
    expect(codeOf(() => store.link(id, rootId, bytes('one more')))).toBe('EMLINK');
    store.remove(rootId, bytes('7'));
    expect(store.link(id, rootId, bytes('one more')).nlink).toBe(65_000);
    store.commit();
  }, 120_000);

  it('an object lives until its last name is gone and it is reclaimed', () => {
    const store = newStore();
    const file = makeFile(store, 'one');
    expect(store.link(file.id, rootId, bytes('two')).nlink).toBe(2);
    expect(store.lookup(rootId, bytes('two'))).toBe(file.id);
    expect(store.remove(rootId, bytes('one')).nlink).toBe(1);
    expect(store.remove(rootId, bytes('two')).nlink).toBe(0);
    expect(store.inode(file.id)?.nlink).toBe(0);
    expect(codeOf(() => store.link(file.id, rootId, bytes('three')))).toBe('ENOENT');
    store.reclaim(file.id);
    expect(store.inode(file.id)).toBeUndefined();
    store.reclaim(file.id);
  });

  it('a removed directory takes no entries', () => {
    const store = newStore();
    const directory = makeDirectory(store, 'directory');
    const file = makeFile(store, 'file');
    expect(store.remove(rootId, bytes('directory')).nlink).toBe(0);
    expect(store.inode(rootId)?.nlink).toBe(2);
    expect(codeOf(() => makeFile(store, 'inner', directory.id))).toBe('ENOENT');
    expect(codeOf(() => store.link(file.id, directory.id, bytes('inner')))).toBe('ENOENT');
    expect(codeOf(() => store.rename(rootId, bytes('file'), directory.id, bytes('inner')))).toBe(
      'ENOENT',
    );
    expect(names(store, directory.id)).toEqual([]);
  });

  it('refuse what cannot be', () => {
    const store = newStore();
    const directory = makeDirectory(store, 'directory');
    const file = makeFile(store, 'file', directory.id);
    expect(codeOf(() => store.remove(rootId, bytes('directory')))).toBe('ENOTEMPTY');
    expect(codeOf(() => store.remove(rootId, bytes('nothing')))).toBe('ENOENT');
    expect(codeOf(() => store.remove(file.id, bytes('nothing')))).toBe('ENOTDIR');
    expect(codeOf(() => store.link(directory.id, rootId, bytes('other')))).toBe('EISDIR');
    expect(codeOf(() => store.link(file.id, rootId, bytes('directory')))).toBe('EEXIST');
    expect(codeOf(() => store.link(999 as FileId, rootId, bytes('other')))).toBe('ESTALE');
    expect(codeOf(() => store.reclaim(file.id))).toBe('EINVAL');
  });

  it('counts names up to the limit', () => {
    const store = newStore();
    const file = makeFile(store, 'file');
    for (let count = 1; count < 65_000; count++) {
      store.link(file.id, rootId, bytes(`link ${count}`));
    }
    expect(codeOf(() => store.link(file.id, rootId, bytes('one too many')))).toBe('EMLINK');
    store.rollback();
  });
});

describe('rename', () => {
  it('moves a directory with all that is in it', () => {
    const store = newStore();
    const source = makeDirectory(store, 'source');
    const target = makeDirectory(store, 'target');
    const moved = makeDirectory(store, 'moved', source.id);
    makeDirectory(store, 'inner', moved.id);
    const { change } = moved;
    expect(store.rename(source.id, bytes('moved'), target.id, bytes('new'))).toBeUndefined();
    expect(store.inode(moved.id)).toMatchObject({ parent: target.id, nlink: 3 });
    expect(store.inode(moved.id)?.change).toBeGreaterThan(change);
    expect(store.inode(source.id)).toMatchObject({ nlink: 2, size: 0 });
    expect(store.inode(target.id)).toMatchObject({ nlink: 3, size: 19 });
    expect(names(store, moved.id)).toEqual(['inner']);
  });

  it('returns what it replaced, whose cookie the moved object gets', () => {
    const store = newStore();
    const source = makeFile(store, 'source');
    const target = makeFile(store, 'target');
    let cookie = 0;
    store.readDirectory(rootId, 0, (_name, id, at) => {
      cookie = id === target.id ? at : cookie;
      return true;
    });
    const replaced = store.rename(rootId, bytes('source'), rootId, bytes('target'));
    expect(replaced).toMatchObject({ id: target.id, nlink: 0 });
    expect(list(store)).toEqual([['target', source.id]]);
    store.readDirectory(rootId, 0, (_name, _id, at) => {
      expect(at).toBe(cookie);
      return true;
    });
  });
});

/** Paths of a small tree, so that random operations meet. */
const path = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 });
const step = fc.oneof(
  fc.record({ kind: fc.constant('mkdir' as const), at: path }),
  fc.record({ kind: fc.constant('write' as const), at: path }),
  fc.record({ kind: fc.constant('unlink' as const), at: path }),
  fc.record({ kind: fc.constant('rmdir' as const), at: path }),
  fc.record({ kind: fc.constant('rename' as const), at: path, to: path }),
  fc.record({ kind: fc.constant('link' as const), at: path, to: path }),
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** What the step does to a directory of the machine: the error's code, or undefined. */
function runLocally(root: string, operation: Step): string | undefined {
  const at = join(root, ...operation.at);
  const to = 'to' in operation ? join(root, ...operation.to) : '';
  const actions = {
    mkdir: () => mkdirSync(at),
    write: () => writeFileSync(at, '', { flag: 'wx' }),
    unlink: () => unlinkSync(at),
    rmdir: () => rmdirSync(at),
    rename: () => renameSync(at, to),
    link: () => linkSync(at, to),
  };
  try {
    actions[operation.kind]();
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

/** The kernel's walk to a path: the directory that holds its last name. */
function walk(store: Store, at: readonly string[]): [directory: FileId, name: Uint8Array] {
  let directory: FileId = rootId;
  for (const name of at.slice(0, -1)) {
    directory = existing(store, directory, bytes(name));
  }
  // The kernel does not ask a file for names in it.
  store.lookup(directory, bytes(at.at(-1) as string));
  return [directory, bytes(at.at(-1) as string)];
}

function existing(store: Store, directory: FileId, name: Uint8Array): FileId {
  const id = store.lookup(directory, name);
  if (id === undefined) {
    throw new StoreError('ENOENT', 'the path leads nowhere');
  }
  return id;
}

/** The same on a store, with what the kernel does itself around a file system's operation. */
function runInStore(store: Store, operation: Step): string | undefined {
  const code = codeOf(() => {
    const [directory, name] = walk(store, operation.at);
    switch (operation.kind) {
      case 'mkdir':
        return store.create(directory, name, { type: FileType.DIRECTORY, ...owner });
      case 'write':
        return store.create(directory, name, { type: FileType.REGULAR, ...owner });
      case 'unlink':
      case 'rmdir':
        return removeAs(store, operation.kind, directory, name);
      case 'rename':
        return store.rename(directory, name, ...walk(store, operation.to));
      case 'link':
        return store.link(existing(store, directory, name), ...walk(store, operation.to));
    }
  });
  // What DAFS calls ISDIR, POSIX calls EPERM.
  return operation.kind === 'link' && code === 'EISDIR' ? 'EPERM' : code;
}

/** unlink and rmdir differ in what they take; the store takes both. */
function removeAs(store: Store, kind: 'unlink' | 'rmdir', directory: FileId, name: Uint8Array) {
  const { type } = store.inode(existing(store, directory, name)) ?? {};
  if ((type === FileType.DIRECTORY) !== (kind === 'rmdir')) {
    throw new StoreError(kind === 'rmdir' ? 'ENOTDIR' : 'EISDIR', 'of the wrong type');
  }
  return store.remove(directory, name);
}

function localTree(root: string, at = '', tree: string[] = []): string[] {
  for (const name of readdirSync(join(root, at)).sort()) {
    const status = statSync(join(root, at, name));
    tree.push(`${join(at, name)} ${status.isDirectory() ? 'directory' : 'file'} ${status.nlink}`);
    if (status.isDirectory()) {
      localTree(root, join(at, name), tree);
    }
  }
  return tree;
}

function storeTree(store: Store, directory = rootId, at = '', tree: string[] = []): string[] {
  for (const [name, id] of list(store, directory)) {
    const inode = store.inode(id);
    const isDirectory = inode?.type === FileType.DIRECTORY;
    tree.push(`${join(at, name)} ${isDirectory ? 'directory' : 'file'} ${inode?.nlink}`);
    if (isDirectory) {
      storeTree(store, id, join(at, name), tree);
    }
  }
  return tree;
}

describe('errors and effects', () => {
  it('are those of a local directory', () => {
    const property = fc.property(fc.array(step, { minLength: 10, maxLength: 60 }), (steps) => {
      const root = temporaryDirectory();
      const store = newStore();
      for (const operation of steps) {
        const local = runLocally(root, operation);
        expect([operation, runInStore(store, operation)]).toEqual([operation, local]);
      }
      expect(storeTree(store)).toEqual(localTree(root));
      store.close();
    });
    fc.assert(property, { numRuns: 60 });
  });
});

describe('readDirectory', () => {
  it('goes on after any cookie, whatever came and went', () => {
    const store = newStore();
    const directory = makeDirectory(store, 'directory');
    for (let count = 0; count < 300; count++) {
      makeFile(store, `stays ${count}`, directory.id);
      makeFile(store, `goes ${count}`, directory.id);
    }
    const seen: string[] = [];
    let last = 0;
    let round = 0;
    let isEnd = false;
    while (!isEnd) {
      let visits = 0;
      isEnd = store.readDirectory(directory.id, last, (name, _id, cookie) => {
        expect(cookie).toBeGreaterThan(Math.max(2, last));
        seen.push(text(name));
        last = cookie;
        return ++visits < 7;
      });
      store.remove(directory.id, bytes(`goes ${round}`));
      makeFile(store, `comes ${round}`, directory.id);
      round++;
    }
    const stays = seen.filter((name) => name.startsWith('stays'));
    expect(stays).toHaveLength(300);
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('lets the visitor use the store', () => {
    const store = newStore();
    for (let count = 0; count < 100; count++) {
      makeFile(store, `file ${count}`);
    }
    store.readDirectory(rootId, 0, (name, id) => {
      expect(store.inode(id)?.nlink).toBe(1);
      store.remove(rootId, name);
      return true;
    });
    expect(names(store)).toEqual([]);
  });

  it('refuses what is no directory', () => {
    const store = newStore();
    const file = makeFile(store, 'file');
    expect(codeOf(() => store.readDirectory(file.id, 0, () => true))).toBe('ENOTDIR');
    expect(codeOf(() => store.readDirectory(999 as FileId, 0, () => true))).toBe('ESTALE');
  });
});
