import type { Place, PlaceName } from './places.ts';

/** Something that is measured at several places in turn. */
export interface Measurement {
  /** What one measurement tells. */
  readonly rows: readonly { readonly name: string; readonly unit: string }[];
  /** Where; the rows are the first place's, and the others are compared with it. */
  readonly places: readonly PlaceName[];
  /** How long it takes at one place, about. */
  readonly seconds: number;
  /** @returns the figures of the rows, in their order */
  measure(place: Place): Promise<readonly number[]>;
}
