import * as Plot from '@observablehq/plot';
import type { BenchResult, JobDescription } from '../result.ts';
import { latencyOf } from '../statistics.ts';
import { formatNanoseconds } from '../wording.ts';
import { draw, figure, keys, onlyThose, type Series, seriesScales, table } from './drawing.ts';
import type { Html } from './html.ts';
import { logScale } from './log-scale.ts';

/** What is drawn and listed of all that generators tell. */
const SHOWN = [1, 10, 50, 90, 99, 99.9, 99.99];

/** Latencies of small direct requests and of synchronous writes: nothing answers those but the target. */
const isShown = ({ name, group }: JobDescription): boolean =>
  (group === 'random' && name.endsWith('O_DIRECT')) ||
  group === 'sync' ||
  (group === 'sequential' && /^1 MiB .*O_DIRECT$/.test(name));

/** A chart of latency by percentile for each such job. */
export function latencyCharts(result: BenchResult, series: Series): Html[] {
  return result.jobs.filter(isShown).flatMap((job) => chartOf(result, job, series) ?? []);
}

function chartOf(result: BenchResult, job: JobDescription, series: Series): Html | undefined {
  const points = series.names.flatMap((target) =>
    latencyOf(result, job.name, target)
      .filter(({ percentile, nanoseconds }) => SHOWN.includes(percentile) && nanoseconds > 0)
      .map(({ percentile, nanoseconds }) => ({ target, percentile: `${percentile}`, nanoseconds })),
  );
  if (points.length === 0) return undefined;
  const measured = onlyThose(series, (name) => points.some(({ target }) => target === name));
  const chart = draw(`Latency of ${job.name} by percentile: one line for each target`, {
    ...{ width: 520, height: 300, marginLeft: 62, marginBottom: 44, marginTop: 22 },
    ...seriesScales(measured),
    x: {
      ...{ type: 'point', domain: SHOWN.map(String), label: 'percentile' },
      ...{ labelAnchor: 'center', labelArrow: 'none' },
    },
    y: {
      ...{ type: 'log', ...logScale(points.map(({ nanoseconds }) => nanoseconds)), grid: true },
      ...{ label: null, tickFormat: formatNanoseconds, tickSize: 0 },
    },
    marks: [
      Plot.line(points, {
        ...{ x: 'percentile', y: 'nanoseconds', z: 'target', stroke: 'target', strokeWidth: 2 },
      }),
      Plot.dot(points, {
        ...{ x: 'percentile', y: 'nanoseconds', fill: 'target', symbol: 'target', r: 3.8 },
        title: (point) =>
          `${point.target}, percentile ${point.percentile}: ${formatNanoseconds(point.nanoseconds)}`,
      }),
    ],
  });
  const rows = SHOWN.map((percentile) => [
    `${percentile} %`,
    ...measured.names.map((target) => {
      const found = points.find(
        (one) => one.target === target && one.percentile === `${percentile}`,
      );
      return found ? formatNanoseconds(found.nanoseconds) : '–';
    }),
  ]);
  const heading = { title: job.name, note: job.condition };
  return figure(heading, {
    ...{ keys: keys(measured), chart, table: table(['at most', ...measured.names], rows) },
  });
}
