import * as Plot from '@observablehq/plot';
import type { BenchResult } from '../result.ts';
import { figureAt } from '../statistics.ts';
import { formatBlock, formatFigure } from '../wording.ts';
import { draw, figure, keys, onlyThose, type Series, seriesScales, table } from './drawing.ts';
import type { Html } from './html.ts';

/** Throughput by the size of reads: every target, and the library beside the mount. */
export function sizesChart(result: BenchResult, series: Series): Html | undefined {
  const jobs = result.jobs.filter(({ group }) => group === 'sizes');
  const points = jobs.flatMap(({ name, blockBytes = 0 }) =>
    series.names.flatMap((target) => {
      const value = figureAt(result, name, target);
      return value ? [{ target, size: formatBlock(blockBytes), ...value }] : [];
    }),
  );
  if (points.length === 0) return undefined;
  const measured = onlyThose(series, (name) => points.some(({ target }) => target === name));
  const title = 'Throughput of reads by their size, in GB/s: one line for each target';
  const sizes = jobs.map(({ blockBytes = 0 }) => formatBlock(blockBytes));
  const chart = draw(title, {
    ...{ width: 1080, height: 420, marginLeft: 56, marginBottom: 46, marginTop: 28 },
    ...seriesScales(measured),
    x: {
      type: 'point',
      domain: sizes,
      label: 'size of each read',
      labelAnchor: 'center',
      labelArrow: 'none',
    },
    y: { grid: true, zero: true, nice: true, label: 'GB/s', labelArrow: 'none' },
    marks: [
      Plot.ruleY([0]),
      Plot.ruleX(points, {
        x: 'size',
        y1: 'low',
        y2: 'high',
        stroke: 'target',
        strokeOpacity: 0.5,
      }),
      Plot.line(points, {
        x: 'size',
        y: 'median',
        z: 'target',
        stroke: 'target',
        strokeWidth: 2.2,
      }),
      Plot.dot(points, {
        ...{ x: 'size', y: 'median', fill: 'target', symbol: 'target', r: 4.5 },
        title: (point) => `${point.target}, ${point.size}: ${formatFigure(point)} GB/s`,
      }),
    ],
  });
  const rows = jobs.map(({ name, blockBytes = 0 }) => [
    formatBlock(blockBytes),
    ...measured.names.map((target) => {
      const value = figureAt(result, name, target);
      return value ? formatFigure(value) : '–';
    }),
  ]);
  return figure(
    { title: 'Reads, one after the other through the file', note: jobs[0]?.condition ?? '' },
    { keys: keys(measured), chart, table: table(['GB/s', ...measured.names], rows) },
  );
}
