/** A run in the terminal. */
import { formatTable } from '../table.ts';
import { processorRows, processorTitles } from './processor-parts.ts';
import type { BenchResult, GroupName, JobDescription, TargetDescription } from './result.ts';
import { compare, figureAt, type ProcessorUnit } from './statistics.ts';
import { type Change, changesSince } from './stored-run.ts';
import { formatFigure, formatRatio, groupTitles, winnerOf } from './wording.ts';

const ABSENT = '–';
const processorUnits = Object.keys(processorTitles) as ProcessorUnit[];

/** A table for each group of jobs: the figures, and what the first target is times each other. */
export function formatResult(result: BenchResult): string {
  const groups = [...new Set(result.jobs.map(({ group }) => group))];
  const setUp = Object.entries(result.setUp).map(([name, value]) => [name, value]);
  const lines = [
    ...groups.flatMap((group) => ['', groupTitles[group], ...groupTable(result, group)]),
    ...processorUnits.flatMap((unit) => processorTable(result, unit)),
    '',
    `Medians, and how far a round lies from them at most. 2.0 × : ${result.targets[0]?.name} is twice as fast.`,
    '',
    ...formatTable(setUp),
    ...formatTable(result.targets.map((target) => [target.name, target.description])),
  ];
  return `${lines.join('\n')}\n`;
}

/** What of the machine's processor time is whose. */
function processorTable(result: BenchResult, unit: ProcessorUnit): string[] {
  const [head = [], ...rows] = processorRows(result, unit);
  if (rows.length === 0) return [];
  return ['', processorTitles[unit], ...formatTable([head, ...rows]).map((line) => `  ${line}`)];
}

function groupTable(result: BenchResult, group: GroupName): string[] {
  const jobs = result.jobs.filter((job) => job.group === group);
  const [own, ...others] = result.targets.filter(({ name }) =>
    jobs.some((job) => figureAt(result, job.name, name)),
  );
  if (own === undefined) return [];
  const head = ['', '', own.name, ...others.flatMap(({ name }) => [name, '', ''])];
  const rows = jobs.map((job) => [job.name, job.unit, ...cellsOf(result, job, own, others)]);
  return formatTable([head, ...rows]).map((line) => `  ${line}`);
}

function cellsOf(
  result: BenchResult,
  job: JobDescription,
  own: TargetDescription,
  others: readonly TargetDescription[],
): string[] {
  const figure = figureAt(result, job.name, own.name);
  const compared = others.flatMap((other) => {
    const theirs = figureAt(result, job.name, other.name);
    if (theirs === undefined) return [ABSENT, '', ''];
    if (figure === undefined) return [formatFigure(theirs), '', ''];
    const comparison = compare(figure, theirs);
    const winner = winnerOf(comparison, own.name, other.name);
    return [formatFigure(theirs), formatRatio(comparison.ratio), winner];
  });
  return [figure ? formatFigure(figure) : ABSENT, ...compared];
}

/** What is beyond the spread of both runs. */
export function formatChanges(result: BenchResult, stored: BenchResult): string {
  const changes = changesSince(result, stored);
  const changed = changes.filter(({ comparison }) => comparison.winner !== 'even');
  const lines = [
    '',
    `Compared with the run of ${stored.startedAt}: ${changed.length} of ${changes.length} figures have changed`,
    ...formatTable(changed.map(changeCells)).map((line) => `  ${line}`),
  ];
  return `${lines.join('\n')}\n`;
}

function changeCells({ job, target, comparison }: Change): string[] {
  const { own, other, ratio, winner } = comparison;
  const word = winner === 'own' ? 'faster' : 'slower';
  return [job, target, formatFigure(other), '→', formatFigure(own), formatRatio(ratio), word];
}
