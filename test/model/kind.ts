/** What makes an operation of a random run. */
import type fc from 'fast-check';
import { record } from 'fast-check';
import type { World } from './world.ts';

export interface Kind<Values> {
  /** How often it is drawn, relative to the others. */
  readonly weight: number;
  readonly values: fc.Arbitrary<Values>;
  /** What comes back is compared between the worlds. */
  apply(world: World, values: Values): unknown;
}

export function kind<Values>(
  weight: number,
  values: Readonly<{ [Key in keyof Values]: fc.Arbitrary<Values[Key]> }>,
  apply: (world: World, values: Values) => unknown,
): Kind<Values> {
  return { weight, values: record(values) as fc.Arbitrary<Values>, apply };
}
