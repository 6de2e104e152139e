import type { Filehandle, StateId } from '../../client/protocol/types.ts';

export type Kind = 'file' | 'directory';

/** An object that a client has made. */
export class HomeObject {
  readonly kind: Kind;
  /** Known as soon as its creation was answered. */
  handle: Filehandle | undefined;
  /** The open that it was made with, while that lasts. */
  stateId: StateId | undefined;
  /** What a power cut may leave of its content, oldest first: the last one is what it holds. */
  versions: Uint8Array[] = [new Uint8Array(0)];

  constructor(kind: Kind) {
    this.kind = kind;
  }

  get content(): Uint8Array {
    return this.versions.at(-1) as Uint8Array;
  }

  /** What it holds is on stable storage. */
  sync(): void {
    this.versions = [this.content];
  }
}

/** What a name stands for. */
export interface Entry {
  readonly object: HomeObject;
  readonly mode: number;
}

export type Names = ReadonlyMap<string, Entry>;

/** Makes one change of names or modes. */
export type NameChange = (names: Map<string, Entry>) => void;

/** What was found of a name. */
export interface Found {
  readonly kind: Kind;
  readonly handle: Filehandle;
  readonly mode: number;
  readonly content: Uint8Array;
}

export type Findings = ReadonlyMap<string, Found>;

/** What may have happened besides what was answered. */
export interface Doubts {
  /** Changes that were asked for and not answered, in their order. */
  readonly names: readonly NameChange[];
  /** What files may hold. */
  readonly contents: ReadonlyMap<HomeObject, readonly Uint8Array[]>;
}

export const noDoubts: Doubts = { names: [], contents: new Map() };

/**
 * A client's directory as it must be: every state of its names since the last that a power cut may
 * leave, and every content of its files.
 */
export class Home {
  readonly blockBytes: number;
  #states: Names[] = [new Map()];
  /** How many states were forgotten, because no power cut may leave them. */
  #forgotten = 0;

  constructor(blockBytes: number) {
    this.blockBytes = blockBytes;
  }

  get names(): Names {
    return this.#states.at(-1) as Names;
  }

  /** Which state of the names is the present one. */
  get mark(): number {
    return this.#forgotten + this.#states.length - 1;
  }

  change(change: NameChange): void {
    this.#states.push(changed(this.names, change));
  }

  /** No power cut may leave an earlier state of the names than that. */
  keep(mark: number): void {
    const count = Math.max(0, mark - this.#forgotten);
    this.#states.splice(0, count);
    this.#forgotten += count;
  }

  /** Why these cannot be what the home is now; undefined: they are. */
  compare(findings: Findings): string | undefined {
    const difference = compareNames(this.names, findings);
    return difference ?? this.#compareContents(findings, (object) => [object.content]);
  }

  /**
   * Takes what was found for what is there from now on, if it may be.
   * @param isAfterPowerCut what was acknowledged may be gone, unless it was synced
   * @returns why it may not be
   */
  accept(findings: Findings, isAfterPowerCut: boolean, doubts: Doubts): string | undefined {
    const states = isAfterPowerCut ? this.#states : this.#states.slice(-1);
    const candidates = [...states];
    for (const change of doubts.names) {
      candidates.push(changed(candidates.at(-1) as Names, change));
    }
    const last = candidates.findLastIndex((names) => compareNames(names, findings) === undefined);
    if (last === -1) {
      const allowed = candidates.map((names) =>
        describe([...names].map(([name, { object, mode }]) => [name, object.kind, mode])),
      );
      const found = describe([...findings].map(([name, { kind, mode }]) => [name, kind, mode]));
      return `found ${found}, which is none of\n${allowed.join('\n')}`;
    }
    const names = candidates[last] as Names;
    const versionsOf = (object: HomeObject): Uint8Array[] => [
      ...object.versions.slice(isAfterPowerCut ? 0 : -1),
      ...(doubts.contents.get(object) ?? []),
    ];
    const problem = this.#compareContents(findings, versionsOf, names);
    if (problem === undefined) {
      this.#states = [...this.#states, ...candidates.slice(states.length)].slice(
        0,
        last + 1 + this.#states.length - states.length,
      );
      this.#adopt(names, findings, doubts);
    }
    return problem;
  }

  /** From here on that is what the files hold. The next power cut may leave what this one might have. */
  #adopt(names: Names, findings: Findings, { contents }: Doubts): void {
    for (const [name, { object }] of names) {
      const { handle, content } = findings.get(name) as Found;
      object.handle = handle;
      object.versions.push(...(contents.get(object) ?? []), content);
    }
  }

  #compareContents(
    findings: Findings,
    versionsOf: (object: HomeObject) => readonly Uint8Array[],
    names = this.names,
  ): string | undefined {
    for (const [name, { object }] of names) {
      const { content } = findings.get(name) as Found;
      const problem =
        object.kind === 'file' && mayHold(content, versionsOf(object), this.blockBytes);
      if (problem) {
        return `${name} ${problem}`;
      }
    }
    return undefined;
  }
}

function changed(names: Names, change: NameChange): Names {
  const next = new Map(names);
  change(next);
  return next;
}

/** Why what was found has not these names; undefined: it has. */
function compareNames(names: Names, findings: Findings): string | undefined {
  for (const [name, { object, mode }] of names) {
    const found = findings.get(name);
    if (found === undefined) return `${name} is not there`;
    if (found.kind !== object.kind) return `${name} is a ${found.kind}`;
    if (found.mode !== mode)
      return `${name} has mode ${found.mode.toString(8)}, not ${mode.toString(8)}`;
    if (object.handle !== undefined && !Buffer.from(object.handle).equals(found.handle)) {
      return `${name} is another object`;
    }
  }
  const surplus = [...findings.keys()].find((name) => !names.has(name));
  return surplus === undefined ? undefined : `${surplus} is there`;
}

/** Why a file cannot hold that, if each byte may come from any version. */
function mayHold(
  content: Uint8Array,
  versions: readonly Uint8Array[],
  blockBytes: number,
): string | undefined {
  if (versions.some((version) => Buffer.compare(version, content) === 0)) {
    return undefined;
  }
  const longest = Math.max(...versions.map(({ length }) => length));
  // Of data that are stored in several pieces the first ones end with a block.
  const isPiece = versions.length > 1 && content.length % blockBytes === 0;
  const isLength = versions.some(({ length }) => length === content.length);
  if (!isLength && !(isPiece && content.length <= longest)) {
    return `has ${content.length} bytes, not ${versions.map(({ length }) => length)}`;
  }
  const wrong = content.findIndex((byte, index) =>
    versions.every((version) => (version[index] ?? 0) !== byte),
  );
  if (wrong === -1) {
    return undefined;
  }
  const expected = versions.map((version) => version[wrong] ?? 0);
  return `has ${content[wrong]} at ${wrong} of ${content.length}, not ${expected}`;
}

const describe = (values: readonly (readonly unknown[])[]): string =>
  `{${values.map((value) => value.join(' ')).join(', ')}}`;
