import { type FileId, FileType, rootId } from '../../../../server/store/index.ts';

export interface ModelObject {
  readonly type: FileType;
  /** It was made without a name and has not had one yet. */
  linkable?: boolean;
  nlink: number;
  mode: number;
  size: number;
  /** Of directories. */
  readonly entries: Map<string, FileId>;
}

/** What a store should hold, kept as plainly as possible. Errors are codes, undefined is success. */
export class Model {
  readonly objects: Map<FileId, ModelObject>;

  constructor(objects?: Map<FileId, ModelObject>) {
    this.objects = objects ?? new Map([[rootId, newObject(FileType.DIRECTORY, 0o755)]]);
  }

  clone(): Model {
    return new Model(structuredClone(this.objects));
  }

  get(id: FileId): ModelObject {
    return this.objects.get(id) as ModelObject;
  }

  /** Directories, removed ones too, in the order of their creation. */
  get directories(): FileId[] {
    return [...this.objects.keys()].filter((id) => this.get(id).type === FileType.DIRECTORY);
  }

  get orphans(): FileId[] {
    return [...this.objects.keys()].filter((id) => this.get(id).nlink === 0);
  }

  whyNotCreate(directory: FileId, name: string): string | undefined {
    const { entries, nlink } = this.get(directory);
    return entries.has(name) ? 'EEXIST' : nlink === 0 ? 'ENOENT' : undefined;
  }

  create(directory: FileId, name: string, id: FileId, type: FileType, mode: number): void {
    this.objects.set(id, newObject(type, mode));
    this.#enter(directory, name, id);
  }

  whyNotLink(id: FileId, directory: FileId, name: string): string | undefined {
    const { type, nlink, linkable } = this.get(id);
    const isGone = nlink === 0 && !linkable;
    const because = type === FileType.DIRECTORY ? 'EISDIR' : isGone ? 'ENOENT' : undefined;
    return this.whyNotCreate(directory, name) ?? because;
  }

  link(id: FileId, directory: FileId, name: string): void {
    const object = this.get(id);
    object.nlink++;
    object.linkable = false;
    this.#enter(directory, name, id);
  }

  whyNotRemove(directory: FileId, name: string): string | undefined {
    const id = this.get(directory).entries.get(name);
    return id === undefined ? 'ENOENT' : this.get(id).entries.size > 0 ? 'ENOTEMPTY' : undefined;
  }

  remove(directory: FileId, name: string): void {
    const object = this.get(this.#leave(directory, name));
    object.nlink = object.type === FileType.DIRECTORY ? 0 : object.nlink - 1;
  }

  whyNotRename(from: FileId, name: string, to: FileId, newName: string): string | undefined {
    const moved = this.get(from).entries.get(name);
    const replaced = this.get(to).entries.get(newName);
    if (moved === undefined || this.get(to).nlink === 0) {
      return 'ENOENT';
    }
    if (this.#holds(moved, to)) {
      return 'EINVAL';
    }
    if (replaced === undefined || replaced === moved) {
      return undefined;
    }
    const isDirectory = this.get(moved).type === FileType.DIRECTORY;
    const replacesDirectory = this.get(replaced).type === FileType.DIRECTORY;
    if (this.#holds(replaced, from)) {
      return 'ENOTEMPTY';
    }
    if (isDirectory !== replacesDirectory) {
      return isDirectory ? 'ENOTDIR' : 'EISDIR';
    }
    return this.get(replaced).entries.size > 0 ? 'ENOTEMPTY' : undefined;
  }

  rename(from: FileId, name: string, to: FileId, newName: string): void {
    const replaced = this.get(to).entries.get(newName);
    if (replaced === this.get(from).entries.get(name)) {
      return;
    }
    if (replaced !== undefined) {
      this.remove(to, newName);
    }
    this.#enter(to, newName, this.#leave(from, name));
  }

  whyNotExchange(from: FileId, name: string, to: FileId, newName: string): string | undefined {
    const one = this.get(from).entries.get(name);
    const other = this.get(to).entries.get(newName);
    if (one === undefined || other === undefined) {
      return 'ENOENT';
    }
    return this.#holds(one, to) || this.#holds(other, from) ? 'EINVAL' : undefined;
  }

  exchange(from: FileId, name: string, to: FileId, newName: string): void {
    const one = this.#leave(from, name);
    const other = from === to && name === newName ? one : this.#leave(to, newName);
    this.#enter(from, name, other);
    if (from !== to || name !== newName) {
      this.#enter(to, newName, one);
    }
  }

  /** Makes an object without a name. */
  createUnnamed(id: FileId): void {
    this.objects.set(id, { ...newObject(FileType.REGULAR, 0o640), nlink: 0, linkable: true });
  }

  /** Whether `inner` is the object or a directory somewhere below it. */
  #holds(id: FileId, inner: FileId): boolean {
    return (
      id === inner || [...this.get(id).entries.values()].some((child) => this.#holds(child, inner))
    );
  }

  #enter(directory: FileId, name: string, id: FileId): void {
    const parent = this.get(directory);
    parent.entries.set(name, id);
    parent.size += name.length + 16;
    parent.nlink += this.get(id).type === FileType.DIRECTORY ? 1 : 0;
  }

  #leave(directory: FileId, name: string): FileId {
    const parent = this.get(directory);
    const id = parent.entries.get(name) as FileId;
    parent.entries.delete(name);
    parent.size -= name.length + 16;
    parent.nlink -= this.get(id).type === FileType.DIRECTORY ? 1 : 0;
    return id;
  }
}

function newObject(type: FileType, mode: number): ModelObject {
  const nlink = type === FileType.DIRECTORY ? 2 : 1;
  return { type, nlink, mode, size: 0, entries: new Map() };
}
