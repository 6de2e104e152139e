/**
 * From paths, which are all that libfuse's high-level interface speaks of, to nodeids.
 *
 * Directories on the way are remembered for a second; the last component of a path never is. Paths
 * are strings of one character per byte (see request.ts) and start with `/`.
 */

import {
  type Attributes,
  type Caller,
  type Nodeid,
  type PathFileSystem,
  ROOT_NODEID,
} from '../../file-system.ts';

const REMEMBERED_MS = 1000;

/** When more directories than these are remembered, all are forgotten. */
const REMEMBERED_DIRECTORIES = 10_000;

const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;

type Lookups = Pick<PathFileSystem, 'lookup' | 'resolve' | 'getattr'>;

interface RememberedDirectory {
  nodeid: Nodeid;
  validUntilMs: number;
}

export class PathResolver {
  readonly #fileSystem: Lookups;
  readonly #caller: Caller;
  readonly #nowMs: () => number;
  readonly #directories = new Map<string, RememberedDirectory>();

  constructor(fileSystem: Lookups, caller: Caller, nowMs: () => number = () => performance.now()) {
    this.#fileSystem = fileSystem;
    this.#caller = caller;
    this.#nowMs = nowMs;
  }

  /** The attributes of the file at `path`, fresh from the server. */
  attributes(path: string): Attributes {
    if (path === '/') return this.#fileSystem.getattr(this.#caller, ROOT_NODEID);
    const { parent, name } = this.split(path);
    const attributes = this.#fileSystem.lookup(this.#caller, parent, name);
    if ((attributes.mode & S_IFMT) === S_IFDIR) this.#remember(path, attributes.nodeid);
    return attributes;
  }

  /** The file at `path`, looked up afresh. */
  nodeid(path: string): Nodeid {
    if (path === '/') return ROOT_NODEID;
    const { parent, name } = this.split(path);
    return this.#fileSystem.resolve(this.#caller, parent, name);
  }

  /** The directory that `path` lies in and its name there. */
  split(path: string): { parent: Nodeid; name: Uint8Array } {
    const slash = path.lastIndexOf('/');
    return {
      parent: this.#directory(path.slice(0, slash)),
      name: Buffer.from(path.slice(slash + 1), 'latin1'),
    };
  }

  /** Whatever was at `path` is there no longer, and neither is what was below it. */
  forget(path: string): void {
    if (!this.#directories.has(path)) return;
    const below = `${path}/`;
    for (const known of this.#directories.keys()) {
      if (known === path || known.startsWith(below)) this.#directories.delete(known);
    }
  }

  /** Forgets everything; returns whether there was anything. */
  clear(): boolean {
    const hadSome = this.#directories.size > 0;
    this.#directories.clear();
    return hadSome;
  }

  #directory(path: string): Nodeid {
    if (path === '') return ROOT_NODEID;
    const known = this.#directories.get(path);
    if (known && this.#nowMs() < known.validUntilMs) return known.nodeid;
    const { parent, name } = this.split(path);
    const nodeid = this.#fileSystem.resolve(this.#caller, parent, name);
    this.#remember(path, nodeid);
    return nodeid;
  }

  #remember(path: string, nodeid: Nodeid): void {
    if (this.#directories.size >= REMEMBERED_DIRECTORIES) this.clear();
    this.#directories.set(path, { nodeid, validUntilMs: this.#nowMs() + REMEMBERED_MS });
  }
}
