import * as Plot from '@observablehq/plot';
import type { BenchResult } from '../result.ts';
import { figureAt } from '../statistics.ts';
import { formatFigure } from '../wording.ts';
import { draw, figure, keys, onlyThose, type Series, seriesScales, table } from './drawing.ts';
import type { Html } from './html.ts';
import { logScale } from './log-scale.ts';

const ROW_HEIGHT = 34;
const AXES_HEIGHT = 64;

const formatTick = (value: number): string => value.toLocaleString('en');

/** Files a second: a line for each job, with a dot for each target. */
export function ratesChart(result: BenchResult, series: Series): Html | undefined {
  const jobs = result.jobs.filter(({ group }) => group === 'metadata' || group === 'tree');
  const points = jobs.flatMap(({ name: job }) =>
    series.names.flatMap((target) => {
      const value = figureAt(result, job, target);
      return value ? [{ job, target, ...value }] : [];
    }),
  );
  if (points.length === 0) return undefined;
  const measured = onlyThose(series, (name) => points.some(({ target }) => target === name));
  const chart = draw('Thousands of files a second for each metadata job and target', {
    ...{ width: 1080, height: AXES_HEIGHT + ROW_HEIGHT * jobs.length },
    ...{ marginLeft: 236, marginRight: 28, marginTop: 44, marginBottom: 10 },
    ...seriesScales(measured),
    x: {
      ...{ type: 'log', ...logScale(points.flatMap(({ low, high }) => [low, high])), grid: true },
      ...{ axis: 'top', tickFormat: formatTick, tickSize: 0 },
      ...{ label: 'thousands a second', labelArrow: 'none', labelAnchor: 'right' },
    },
    y: { type: 'band', domain: jobs.map(({ name }) => name), label: null, tickSize: 0 },
    marks: [
      Plot.ruleY(jobs, { y: 'name', strokeOpacity: 0.15 }),
      Plot.ruleY(points, {
        y: 'job',
        x1: 'low',
        x2: 'high',
        stroke: 'target',
        strokeWidth: 2,
        strokeOpacity: 0.5,
      }),
      Plot.dot(points, {
        ...{ x: 'median', y: 'job', fill: 'target', symbol: 'target', r: 6 },
        title: (point) => `${point.target}, ${point.job}: ${formatFigure(point)} k/s`,
      }),
    ],
  });
  const rows = jobs.map(({ name }) => [
    name,
    ...measured.names.map((target) => {
      const value = figureAt(result, name, target);
      return value ? formatFigure(value) : '–';
    }),
  ]);
  const note = 'On a logarithmic axis. A bar reaches from the slowest round to the fastest.';
  return figure(
    { title: 'Thousands of files a second', note },
    { keys: keys(measured), chart, table: table(['k/s', ...measured.names], rows) },
  );
}
