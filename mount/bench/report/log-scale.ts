/** Where a logarithmic axis begins and ends, and what is marked on it. */
export interface LogScale {
  readonly domain: [low: number, high: number];
  readonly ticks: number[];
}

/** Of so many powers of ten the steps between are marked too. */
const FINE_DECADES = 2;
const FINE_STEPS = [1, 2, 5];

/** An axis from one mark to another, around all values, of which none may be 0 or less. */
export function logScale(values: readonly number[]): LogScale {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const first = Math.floor(Math.log10(low));
  const last = Math.ceil(Math.log10(high));
  const steps = last - first > FINE_DECADES ? [1] : FINE_STEPS;
  const marks = Array.from({ length: last - first + 1 }, (_, decade) =>
    steps.map((step) => Number(`${step}e${first + decade}`)),
  ).flat();
  const from = marks.findLast((mark) => mark <= low) ?? low;
  const to = marks.find((mark) => mark >= high && mark > from) ?? 10 * from;
  return { domain: [from, to], ticks: marks.filter((mark) => mark >= from && mark <= to) };
}
