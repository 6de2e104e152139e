/** Whatever happens to names and attributes: what a reader reads by itself is what has been committed. */
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { fileStatus } from '../../../client/file-status.ts';
import { ALL_FILE_ATTRIBUTES, filehandleOf } from '../../../client/protocol/index.ts';
import { fileAttributesOf } from '../../../server/attributes.ts';
import type { Filehandles } from '../../../server/filehandles.ts';
import { type FileId, FileType, rootId, StoreError } from '../../../server/store/index.ts';
import { pattern } from '../block-cache/support/caches.ts';
import { cleanUp } from '../nic/support.ts';
import { newStore } from '../store/support/stores.ts';
import { ExportedStore } from './support/exported-store.ts';

afterEach(cleanUp);

const block = 512;
const root = { uid: 0, gid: 0, groups: [], capabilities: undefined };
/** One of them is too long to be listed. */
const names = ['a', 'second name', 'x'.repeat(40), 'y'.repeat(41)].map((name) => Buffer.from(name));

/** What a step does: to the name of a number, and to another one, with a number to make use of. */
const actions = {
  create: (model: Model, place, _other, number) => model.create(place, number),
  link: (model, place, other) => model.link(place, other),
  remove: (model, place) => model.remove(place),
  rename: (model, place, other) => model.rename(place, other),
  exchange: (model, place, other) => model.exchange(place, other),
  write: (model, place, _other, number) => model.write(place, number),
  truncate: (model, place, _other, number) => model.truncate(place, number),
  allocate: (model, place, _other, number) => model.allocate(place, number),
  setAttributes: (model, place, _other, number) => model.setAttributes(place, number),
  setExtended: (model, place, _other, number) => model.setExtended(place, number),
  access: (model, place) => model.access(place),
  ask: (model, place) => model.ask(place),
  flush: (model) => model.flush(),
  commit: (model) => model.commit(),
  undo: (model) => model.undo(),
} satisfies Record<string, (model: Model, place: Place, other: Place, number: number) => void>;

interface Place {
  readonly directory: number;
  readonly name: number;
}

const place: fc.Arbitrary<Place> = fc.record({
  directory: fc.nat(1),
  name: fc.nat(names.length - 1),
});
const frequent = ['ask', 'create', 'commit', 'rename', 'write', 'undo'] as const;
const action = fc.constantFrom(
  ...(Object.keys(actions) as (keyof typeof actions)[]),
  ...frequent,
  ...frequent,
  ...frequent,
);
const step = fc.tuple(action, place, place, fc.nat(5000));

/** A store, what is exported of it, and the ids that there have been. */
class Model {
  readonly exported: ExportedStore;
  readonly directories: readonly FileId[];
  readonly ids: Set<FileId>;
  /** Since what was done could be acknowledged. */
  readonly #written = new Set<FileId>();
  served = { names: 0, attributes: 0 };

  constructor(slots: number) {
    const store = newStore(block);
    this.exported = new ExportedStore(store, slots);
    this.directories = [rootId, this.#make(rootId, Buffer.from('one'), true)];
    this.ids = new Set(this.directories);
    store.commit();
  }

  get #store() {
    return this.exported.store;
  }

  #make(directory: FileId, name: Uint8Array, isDirectory: boolean): FileId {
    const type = isDirectory ? FileType.DIRECTORY : FileType.REGULAR;
    return this.#store.create(directory, name, { type, mode: 0o644, uid: 7, gid: 8 }).id;
  }

  #at({ directory, name }: Place): [FileId, Buffer] {
    return [this.directories[directory] as FileId, names[name] as Buffer];
  }

  #idAt(at: Place): FileId | undefined {
    return this.#store.lookup(...this.#at(at));
  }

  create(at: Place, number: number): void {
    this.ids.add(this.#make(...this.#at(at), number % 4 === 0));
  }

  link(at: Place, to: Place): void {
    const id = this.#idAt(at);
    if (id !== undefined) this.#store.link(id, ...this.#at(to));
  }

  remove(at: Place): void {
    this.#forgetOrphan(this.#store.remove(...this.#at(at)).id);
  }

  rename(at: Place, to: Place): void {
    const replaced = this.#store.rename(...this.#at(at), ...this.#at(to));
    if (replaced !== undefined) this.#forgetOrphan(replaced.id);
  }

  exchange(at: Place, to: Place): void {
    this.#store.exchange(...this.#at(at), ...this.#at(to));
  }

  #forgetOrphan(id: FileId): void {
    if (this.#store.inode(id)?.nlink !== 0) return;
    this.exported.cache.cache.forget(id);
    this.#store.reclaim(id);
  }

  write(at: Place, number: number): void {
    const id = this.#idAt(at);
    if (id === undefined) return;
    this.exported.cache.write(id, number, pattern(1 + (number % 700), 1));
    this.#written.add(id);
    if (number % 2 === 0) this.ask(at);
  }

  truncate(at: Place, number: number): void {
    const id = this.#idAt(at);
    if (id !== undefined) this.exported.cache.cache.truncate(id, number);
  }

  allocate(at: Place, number: number): void {
    const id = this.#idAt(at);
    if (id !== undefined) this.exported.cache.cache.ranges.allocate(id, number, 1000);
  }

  setAttributes(at: Place, number: number): void {
    const id = this.#idAt(at);
    const mtime = { seconds: -number, nseconds: number };
    if (id !== undefined) this.#store.setAttributes(id, { mode: number, uid: number, mtime });
  }

  setExtended(at: Place, number: number): void {
    const id = this.#idAt(at);
    const value = pattern(number % 100, 1);
    if (id !== undefined)
      this.#store.extendedAttributes.set(id, Buffer.from('user.x'), value, 'either');
  }

  access(at: Place): void {
    const id = this.#idAt(at);
    if (id !== undefined) this.#store.recordAccess(id);
  }

  /** Looks a name up as LOOKUP_GETATTR does, after which readers may do so by themselves. */
  ask(at: Place): void {
    const [directory, name] = this.#at(at);
    const id = this.#store.lookup(directory, name);
    const parent = this.#store.inode(directory);
    const inode = id === undefined ? undefined : this.#store.inode(id);
    if (parent === undefined || inode === undefined) return;
    const { exported } = this.exported.pair;
    exported.names.admit(parent, name, inode.id);
    exported.attributes.admit(parent);
    exported.attributes.admit(inode);
  }

  flush(): void {
    this.exported.cache.cache.flush();
  }

  commit(): void {
    this.#store.commit();
    this.#written.clear();
  }

  undo(): void {
    this.#store.rollback();
  }

  /** Compares all that is listed with what the store says. */
  compare(): void {
    for (const id of this.ids) this.#compareAttributes(id);
    for (const directory of this.directories) {
      for (const name of names) this.#compareName(directory, name);
    }
  }

  #compareAttributes(id: FileId): void {
    const read = this.exported.pair.status.of(filehandleOf(this.#store.identity, id));
    if (read === undefined) return;
    this.served.attributes += 1;
    const inode = this.#store.inode(id);
    expect(inode).toBeDefined();
    if (inode === undefined) return;
    expect(inode.isUncommitted).toBe(false);
    expect(this.#written.has(id)).toBe(false);
    const attributes = fileAttributesOf(inode, ALL_FILE_ATTRIBUTES, {
      of: () => undefined,
    } as unknown as Filehandles);
    expect(read).toEqual(fileStatus(attributes));
  }

  #compareName(directory: FileId, name: Uint8Array): void {
    const read = this.exported.pair.status.lookup(
      filehandleOf(this.#store.identity, directory),
      name,
      root,
    );
    if (read === undefined) return;
    this.served.names += 1;
    expect(read.fileId).toBe(this.#store.lookup(directory, name));
    expect(this.#store.inode(directory)?.isUncommitted).toBe(false);
  }
}

describe('what a reader reads of names and attributes by itself', () => {
  test('is what has been committed', () => {
    const served = { names: 0, attributes: 0 };
    const steps = fc.array(step, { minLength: 10, maxLength: 80, size: 'max' });
    fc.assert(
      fc.property(steps, fc.constantFrom(64, 4096), (taken, slots) => {
        const model = new Model(slots);
        for (const [name, at, other, number] of taken) {
          try {
            actions[name](model, at, other, number);
          } catch (error) {
            if (!(error instanceof StoreError)) throw error;
          }
          model.compare();
        }
        served.names += model.served.names;
        served.attributes += model.served.attributes;
        model.exported.store.close();
        cleanUp();
      }),
      { numRuns: 200 },
    );
    // Else nothing was compared.
    expect(served.names).toBeGreaterThan(1000);
    expect(served.attributes).toBeGreaterThan(1000);
  }, 90_000);
});
