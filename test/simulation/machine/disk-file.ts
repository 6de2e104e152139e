/** A change of a file that was made. */
export type Change =
  | { readonly kind: 'write'; readonly offset: number; readonly data: Uint8Array }
  | { readonly kind: 'truncate'; readonly bytes: number };

/** A file: what is on the disk, and what would have to be written yet. */
export class DiskFile {
  /** What errors are told by. */
  readonly name: string;
  /** How long it is for whoever reads it. */
  length: number;
  #changes: Change[] = [];
  #content: Buffer;
  #bytes: number;
  /** Changes that were brought onto the disk so far. */
  #settled = 0;

  constructor(name: string, content: Uint8Array) {
    this.name = name;
    this.#content = Buffer.from(content);
    this.#bytes = content.length;
    this.length = content.length;
  }

  /** Makes a change that nothing has brought onto the disk yet. */
  change(change: Change): void {
    this.#changes.push(change);
    this.length =
      change.kind === 'truncate'
        ? change.bytes
        : Math.max(this.length, change.offset + change.data.length);
  }

  /** Takes away, and gives, what nothing has brought onto the disk: as a power cut does. */
  takeChanges(): Change[] {
    this.#settled += this.#changes.length;
    return this.#changes.splice(0);
  }

  /** What is on the disk is what is there. */
  reread(): void {
    this.length = this.#bytes;
  }

  /** What is on the disk. */
  get stable(): Buffer {
    return this.#content.subarray(0, this.#bytes);
  }

  /** A mark behind the last change: `settle` takes it. */
  get mark(): number {
    return this.#settled + this.#changes.length;
  }

  /** Brings onto the disk what was changed before the mark, unless it is there already. */
  settle(mark: number): void {
    const count = Math.max(0, mark - this.#settled);
    this.#settled += count;
    for (const change of this.#changes.splice(0, count)) {
      this.apply(change);
    }
  }

  /** Makes a change on the disk. */
  apply(change: Change): void {
    if (change.kind === 'truncate') {
      this.#content.fill(0, Math.min(this.#bytes, change.bytes));
      this.#grow(change.bytes);
      this.#bytes = change.bytes;
    } else {
      const end = change.offset + change.data.length;
      this.#grow(end);
      this.#content.set(change.data, change.offset);
      this.#bytes = Math.max(this.#bytes, end);
    }
  }

  #grow(bytes: number): void {
    if (bytes > this.#content.length) {
      const grown = Buffer.alloc(2 * bytes);
      this.#content.copy(grown, 0, 0, this.#bytes);
      this.#content = grown;
    }
  }
}
