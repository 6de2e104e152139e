/** The median: what lies in the middle, or between the two that do. */
export function median(values: readonly number[]): number {
  const ascending = values.toSorted((one, other) => one - other);
  const middle = (ascending.length - 1) / 2;
  const low = ascending[Math.floor(middle)] as number;
  const high = ascending[Math.ceil(middle)] as number;
  return (low + high) / 2;
}
