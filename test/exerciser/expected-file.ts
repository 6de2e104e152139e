/** What the exercised file must hold: its bytes in memory, changed the simplest way there is. */
export class ExpectedFile {
  readonly #bytes: Uint8Array;
  size = 0;

  constructor(limitBytes: number) {
    this.#bytes = new Uint8Array(limitBytes);
  }

  get limitBytes(): number {
    return this.#bytes.length;
  }

  /** The bytes of a range, as far as the file goes. */
  read(offset: number, length: number): Uint8Array {
    return this.#bytes.subarray(Math.min(offset, this.size), Math.min(offset + length, this.size));
  }

  write(offset: number, data: Uint8Array): void {
    this.#bytes.set(data, offset);
    this.size = Math.max(this.size, offset + data.length);
  }

  /** Bytes behind the end are zeros, always: a file can grow over them. */
  truncate(size: number): void {
    this.#bytes.fill(0, size, Math.max(size, this.size));
    this.size = size;
  }

  /** Zeros within the file; its size stays. */
  zero(offset: number, length: number): void {
    this.#bytes.fill(0, Math.min(offset, this.size), Math.min(offset + length, this.size));
  }

  /** Takes a range out, what follows moves up. */
  collapse(offset: number, length: number): void {
    this.#bytes.copyWithin(offset, offset + length, this.size);
    this.truncate(this.size - length);
  }

  /** Puts zeros in, what follows moves down. */
  insert(offset: number, length: number): void {
    this.#bytes.copyWithin(offset + length, offset, this.size);
    this.#bytes.fill(0, offset, offset + length);
    this.size += length;
  }
}
