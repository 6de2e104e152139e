/**
 * What a sparse file should be: its bytes, and which blocks somebody has written since they were last
 * made holes. Such a block may be data; one with anything but zeros in it must be.
 */
export class ExpectedFile {
  bytes = Buffer.alloc(0);
  #written = new Set<number>();
  readonly #block: number;

  constructor(block: number) {
    this.#block = block;
  }

  write(offset: number, data: Buffer): void {
    if (data.length > 0) {
      this.resize(Math.max(this.bytes.length, offset + data.length));
      data.copy(this.bytes, offset);
      this.#forBlocks(offset, offset + data.length, (number) => this.#written.add(number));
    }
  }

  resize(size: number): void {
    const resized = Buffer.alloc(size);
    this.bytes.copy(resized);
    this.bytes = resized;
    this.#forget(Math.ceil(size / this.#block), Number.POSITIVE_INFINITY);
  }

  clear(offset: number, length: number): void {
    const end = Math.min(offset + length, this.bytes.length);
    if (offset < end) {
      this.bytes.fill(0, offset, end);
      const isWholeEnd = end === this.bytes.length;
      const last = isWholeEnd ? Math.ceil(end / this.#block) : Math.floor(end / this.#block);
      this.#forget(Math.ceil(offset / this.#block), last);
    }
  }

  collapse(offset: number, length: number): void {
    this.#move(offset, -length, [this.bytes.subarray(offset + length)]);
  }

  insert(offset: number, length: number): void {
    this.#move(offset, length, [Buffer.alloc(length), this.bytes.subarray(offset)]);
  }

  mustBeData(number: number): boolean {
    const start = number * this.#block;
    return this.bytes.subarray(start, start + this.#block).some((byte) => byte !== 0);
  }

  mayBeData(number: number): boolean {
    return this.#written.has(number);
  }

  #move(offset: number, distance: number, behind: Buffer[]): void {
    const first = Math.floor(offset / this.#block);
    const moved = [...this.#written].filter((number) => number >= first);
    this.#forget(first, Number.POSITIVE_INFINITY);
    for (const number of moved) {
      const start = Math.max(offset, number * this.#block) + distance;
      this.#forBlocks(start, start + this.#block, (place) => this.#written.add(place));
      this.#written.add(first);
    }
    this.bytes = Buffer.concat([this.bytes.subarray(0, offset), ...behind]);
  }

  #forget(first: number, end: number): void {
    for (const number of this.#written) {
      if (number >= first && number < end) {
        this.#written.delete(number);
      }
    }
  }

  #forBlocks(start: number, end: number, action: (number: number) => void): void {
    for (let number = Math.floor(start / this.#block); number * this.#block < end; number++) {
      if (number >= 0) {
        action(number);
      }
    }
  }
}
