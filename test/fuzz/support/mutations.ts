/** What chance does to bytes that were right. */
import type { Random } from '../../support/random.ts';

type Mutation = (input: Uint8Array, random: Random) => Uint8Array;

const INTEGERS = [0, 1, 7, 8, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];
const LONG_INTEGERS = [
  0n,
  1n,
  2n ** 31n,
  2n ** 32n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];
const FLOATS = [Number.NaN, Number.POSITIVE_INFINITY, -1, 0.5, -0, 2 ** 31, 2 ** 53, 1e300, 3];

const viewOf = (input: Uint8Array): DataView =>
  new DataView(input.buffer, input.byteOffset, input.byteLength);

/** A place of so many bytes, mostly one where a field may be; undefined when there is none. */
function place(input: Uint8Array, bytes: number, random: Random): number | undefined {
  const aligned = random.oneIn(8) ? 1 : Math.min(bytes, 4);
  const places = Math.floor((input.length - bytes) / aligned) + 1;
  return places > 0 ? aligned * random.below(places) : undefined;
}

const putting =
  (bytes: number, put: (view: DataView, at: number, random: Random) => void): Mutation =>
  (input, random) => {
    const at = place(input, bytes, random);
    if (at !== undefined) {
      put(viewOf(input), at, random);
    }
    return input;
  };

const mutations: readonly Mutation[] = [
  putting(1, (view, at, random) => view.setUint8(at, random.below(256))),
  putting(1, (view, at, random) => view.setUint8(at, view.getUint8(at) ^ (1 << random.below(8)))),
  putting(2, (view, at, random) => view.setUint16(at, random.pick(INTEGERS), random.oneIn(2))),
  putting(4, (view, at, random) => view.setUint32(at, random.pick(INTEGERS), random.oneIn(2))),
  // Counts and lengths that are nearly right.
  putting(4, (view, at, random) =>
    view.setInt32(at, view.getInt32(at, true) + random.below(9) - 4, true),
  ),
  putting(8, (view, at, random) =>
    view.setBigUint64(at, random.pick(LONG_INTEGERS), random.oneIn(2)),
  ),
  putting(8, (view, at, random) => view.setFloat64(at, random.pick(FLOATS), true)),
  (input, random) => input.slice(0, random.below(input.length + 1)),
  (input, random) => Uint8Array.from([...input, ...random.bytes(random.length(500))]),
  (input, random) => {
    const from = random.below(input.length);
    return input.copyWithin(random.below(input.length), from, from + random.below(64));
  },
];

/** Changes bytes in one way. @param input which may be changed itself */
export const mutate = (input: Uint8Array, random: Random): Uint8Array =>
  input.length === 0 ? random.bytes(random.length(64)) : random.pick(mutations)(input, random);

/** Bytes that were right once, or a part of two such, or noise. */
export function mutant(seeds: readonly Uint8Array[], random: Random): Uint8Array {
  if (random.oneIn(40)) {
    return random.bytes(random.length(2000));
  }
  let input: Uint8Array = random.pick(seeds).slice();
  if (random.oneIn(10)) {
    const other = random.pick(seeds);
    input = Uint8Array.from([
      ...input.subarray(0, random.below(input.length + 1)),
      ...other.subarray(random.below(other.length + 1)),
    ]);
  }
  for (let rounds = 1 + random.below(5); rounds > 0; rounds -= 1) {
    input = mutate(input, random);
  }
  return input;
}
