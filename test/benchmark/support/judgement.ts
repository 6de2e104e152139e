/** Whether what was measured is what it shall be. */
import type { Target } from './row.ts';

/** @param figure what the target bounds @param value of the row, for targets that it may reach instead */
function isMet(
  { atLeast, atMost, orValueAtLeast }: Target,
  figure: number,
  value: number,
): boolean {
  if (orValueAtLeast !== undefined && value >= orValueAtLeast) return true;
  return (
    figure >= (atLeast ?? Number.NEGATIVE_INFINITY) &&
    figure <= (atMost ?? Number.POSITIVE_INFINITY)
  );
}

/** As a table shows it: `≥ 0.85 ok`. */
export function describeTarget(target: Target, figure: number, value: number): string {
  const { atLeast, atMost, orValueAtLeast } = target;
  const bounds = [
    ...(atLeast === undefined ? [] : [`≥ ${atLeast}`]),
    ...(atMost === undefined ? [] : [`≤ ${atMost}`]),
    ...(orValueAtLeast === undefined ? [] : [`or value ≥ ${orValueAtLeast}`]),
  ];
  const missed = atMost === undefined ? 'BELOW' : 'ABOVE';
  return `${bounds.join(' ')} ${isMet(target, figure, value) ? 'ok' : missed}`;
}
