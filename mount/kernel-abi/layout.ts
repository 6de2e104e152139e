/**
 * Binary layouts of the FUSE kernel protocol as data, with code generated from them once at load.
 *
 * A structure is an object literal of field kinds in the order of the C declaration. From it comes
 * a class of cursors: a cursor stands at an offset of a DataView and reads or writes each field in
 * place when it is asked for. A worker makes its cursors once and lets them point into the memory
 * that requests are received in, so that taking a request apart and putting a reply together
 * allocates nothing.
 *
 * All numbers are little-endian: the kernel speaks the byte order of the machine, and koffi, node
 * and this project run on little-endian machines only (asserted below).
 */

/**
 * Kinds of fields. `u53` and `s53` are 64 bits wide in memory and numbers here: reading one beyond
 * 2^53 - 1 throws {@link FieldRangeError}. `u64` is a bigint, for ids that are opaque to us.
 */
export type Kind = 'u16' | 'u32' | 'i32' | 'u53' | 's53' | 'u64';

/** Bytes that carry nothing; they are zero in what we send. */
export interface Padding {
  readonly paddingBytes: number;
}

/** A structure's fields in the order of their declaration. */
export type Fields = { readonly [name: string]: Kind | Padding | AnyStructure };

/** What every cursor can do, apart from the fields of its structure. */
export interface CursorMethods {
  /** Where in its DataView the cursor stands. */
  place(): number;
  /** Stands at another offset. */
  moveTo(offset: number): void;
  /** Zeroes the whole structure, so that nothing stale reaches the kernel in what is not set. */
  clear(): void;
}

type FieldValue<K> =
  K extends Structure<infer Inner> ? Cursor<Inner> : K extends 'u64' ? bigint : number;

/** Reads and writes the fields of a structure in place. */
export type Cursor<F extends Fields> = CursorMethods & {
  -readonly [Name in keyof F as F[Name] extends Padding ? never : Name]: FieldValue<F[Name]>;
};

/** A layout: its C name, its size, and how to stand on one. */
export interface Structure<F extends Fields> {
  readonly name: string;
  readonly bytes: number;
  readonly fields: F;
  readonly offsets: { readonly [Name in keyof F]: number };
  /** A cursor at `offset` of `view`. */
  at(view: DataView, offset?: number): Cursor<F>;
}

/** Any layout, when its fields do not matter. */
// biome-ignore lint/suspicious/noExplicitAny: the only type that every Structure<F> is assignable to
export type AnyStructure = Structure<any>;

/** A field of 64 bits holds a number that a double cannot: an offset or size beyond 2^53 - 1. */
export class FieldRangeError extends RangeError {
  readonly code = 'FIELD_RANGE';
}

/** Bytes that carry nothing. */
export function padding(bytes: number): Padding {
  return { paddingBytes: bytes };
}

const HIGH = 4294967296;
const HIGH_LIMIT = 0x200000;

/** For each kind: its size and the source text that gets and sets it at `view`, `at` and `value`. */
const kinds: Record<Kind, { bytes: number; get: string; set: string }> = {
  u16: { bytes: 2, get: 'view.getUint16(at, true)', set: 'view.setUint16(at, value, true)' },
  u32: { bytes: 4, get: 'view.getUint32(at, true)', set: 'view.setUint32(at, value, true)' },
  i32: { bytes: 4, get: 'view.getInt32(at, true)', set: 'view.setInt32(at, value, true)' },
  u64: { bytes: 8, get: 'view.getBigUint64(at, true)', set: 'view.setBigUint64(at, value, true)' },
  u53: { bytes: 8, get: 'getU53(view, at)', set: 'set53(view, at, value)' },
  s53: { bytes: 8, get: 'getS53(view, at)', set: 'set53(view, at, value)' },
};

function getU53(view: DataView, at: number): number {
  const high = view.getUint32(at + 4, true);
  if (high >= HIGH_LIMIT) throw new FieldRangeError('a 64-bit field exceeds 2^53 - 1');
  return high * HIGH + view.getUint32(at, true);
}

function getS53(view: DataView, at: number): number {
  const high = view.getInt32(at + 4, true);
  if (high >= HIGH_LIMIT || high < -HIGH_LIMIT) {
    throw new FieldRangeError('a signed 64-bit field exceeds 53 bits');
  }
  return high * HIGH + view.getUint32(at, true);
}

/** Two's complement: the low word by wrapping, the high word by rounding down. */
function set53(view: DataView, at: number, value: number): void {
  const high = Math.floor(value / HIGH);
  view.setUint32(at, value - high * HIGH, true);
  view.setInt32(at + 4, high, true);
}

function isPadding(field: Kind | Padding | AnyStructure): field is Padding {
  return typeof field === 'object' && 'paddingBytes' in field;
}

function fieldBytes(field: Kind | Padding | AnyStructure): number {
  if (typeof field === 'string') return kinds[field].bytes;
  return isPadding(field) ? field.paddingBytes : field.bytes;
}

const reservedNames = new Set(['constructor', 'place', 'moveTo', 'clear']);

/** The offset of each field; throws when one lies where C would not put it. */
function fieldOffsets(name: string, bytes: number, fields: Fields): Record<string, number> {
  const offsets: Record<string, number> = {};
  let offset = 0;
  for (const [field, kind] of Object.entries(fields)) {
    if (reservedNames.has(field)) throw new Error(`${name}.${field} hides a method of cursors`);
    if (typeof kind === 'string' && offset % kinds[kind].bytes !== 0) {
      throw new Error(`${name}.${field} is misaligned at ${offset}: padding is missing`);
    }
    offsets[field] = offset;
    offset += fieldBytes(kind);
  }
  if (offset !== bytes) throw new Error(`${name} has ${offset} bytes, declared are ${bytes}`);
  return offsets;
}

/** The accessor pair of one plain field. */
function accessorSource(field: string, kind: Kind, offset: number): string {
  const { get, set } = kinds[kind];
  const place = `const view = this.#view, at = this.#place + ${offset};`;
  return `get ${field}() { ${place} return ${get}; } set ${field}(value) { ${place} ${set}; }`;
}

/** Stores that zero `bytes` bytes, eight at a time while that goes. */
function clearSource(bytes: number): string {
  const stores: string[] = [];
  let at = 0;
  for (; at + 8 <= bytes; at += 8) stores.push(`view.setFloat64(offset + ${at}, 0);`);
  for (; at < bytes; at += 2) stores.push(`view.setUint16(offset + ${at}, 0);`);
  return stores.join(' ');
}

type CursorClass = new (view: DataView, offset: number) => object;

function compile(bytes: number, fields: Fields, offsets: Record<string, number>): CursorClass {
  const inner = Object.entries(fields).filter(
    (entry): entry is [string, AnyStructure] =>
      typeof entry[1] === 'object' && !isPadding(entry[1]),
  );
  const accessors = Object.entries(fields).flatMap(([field, kind]) =>
    typeof kind === 'string' ? [accessorSource(field, kind, offsets[field] ?? 0)] : [],
  );
  const source = `'use strict'; return class {
    #view; #place;
    constructor(view, offset) {
      this.#view = view; this.#place = offset;
      ${inner.map(([f]) => `this.${f} = inner.${f}.at(view, offset + ${offsets[f]});`).join(' ')}
    }
    place() { return this.#place; }
    moveTo(offset) {
      this.#place = offset;
      ${inner.map(([f]) => `this.${f}.moveTo(offset + ${offsets[f]});`).join(' ')}
    }
    clear() { const view = this.#view, offset = this.#place; ${clearSource(bytes)} }
    ${accessors.join('\n')}
  };`;
  const make = new Function('inner', 'getU53', 'getS53', 'set53', source);
  return make(Object.fromEntries(inner), getU53, getS53, set53) as CursorClass;
}

/**
 * Declares a structure.
 * @param name its name in fuse.h
 * @param bytes its size there
 * @param fields its fields in order; names are camelCase of those in fuse.h
 * @throws Error at load when the fields do not add up to `bytes` or one of them is misaligned
 */
export function structure<const F extends Fields>(
  name: string,
  bytes: number,
  fields: F,
): Structure<F> {
  const offsets = fieldOffsets(name, bytes, fields);
  // Compiled when first used: only a worker looks at requests.
  let CursorOf: CursorClass | undefined;
  return {
    name,
    bytes,
    fields,
    offsets: offsets as Structure<F>['offsets'],
    at(view, offset = 0) {
      CursorOf ??= compile(bytes, fields, offsets);
      return new CursorOf(view, offset) as unknown as Cursor<F>;
    },
  };
}

if (new Uint8Array(new Uint16Array([1]).buffer)[0] !== 1) {
  throw new Error('the FUSE layouts are written for little-endian machines');
}
