/** The report of a run as one page that needs nothing else: no script, no font, no network. */
import type { BenchResult } from '../result.ts';
import { changesSince } from '../stored-run.ts';
import { formatFigure, formatRatio } from '../wording.ts';
import { seriesOf } from './drawing.ts';
import { type Html, html, trusted } from './html.ts';
import { latencyCharts } from './latency-charts.ts';
import { processorCharts } from './processor-chart.ts';
import { ratesChart } from './rates-chart.ts';
import { ratioTables, summaryTiles } from './ratio-table.ts';
import { sizesChart } from './sizes-chart.ts';
import { style } from './style.ts';

interface Section {
  readonly id: string;
  readonly title: string;
  readonly lead: string;
  readonly content: readonly Html[];
}

/** @param stored an earlier run that it is compared with */
export function renderPage(result: BenchResult, stored: BenchResult | undefined): string {
  const sections = sectionsOf(result, stored).filter(({ content }) => content.length > 0);
  const title = `dafs bench: ${result.targets.map(({ name }) => name).join(', ')}`;
  const links = sections.map((section) => html`<a href="#${section.id}">${section.title}</a>`);
  const body = sections.map(
    ({ id, title, lead, content }) => html`<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${title}</h2>
<p class="lead">${lead}</p>
${content}
</section>`,
  );
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,">
<title>${title}</title>
<style>${trusted(style)}</style>
</head>
<body>
<main>
<header>
<h1>${result.targets[0]?.name ?? ''} beside ${namesOfOthers(result)}</h1>
<p>dafs bench of ${result.startedAt.replace('T', ', ').slice(0, 17)} UTC, on ${result.setUp.Processors ?? ''}, ${result.setUp.Kernel?.split(',')[0] ?? ''}; it took ${Math.round(result.tookSeconds / 60)} minutes</p>
<nav aria-label="Sections">${links}</nav>
</header>
${summaryTiles(result)}
${body}
</main>
</body>
</html>
`.text;
}

function namesOfOthers({ targets }: BenchResult): string {
  const others = targets.slice(1).filter(({ kind }) => kind !== 'library');
  const library = others.length + 1 < targets.length ? ['the library'] : [];
  return new Intl.ListFormat('en-GB').format([...others.map(({ name }) => name), ...library]);
}

function sectionsOf(result: BenchResult, stored: BenchResult | undefined): Section[] {
  const series = seriesOf(result.targets);
  const own = result.targets[0]?.name ?? '';
  const present = (charts: readonly (Html | undefined)[]) =>
    charts.filter((one) => one !== undefined);
  const latencies = latencyCharts(result, series);
  return [
    {
      id: 'sizes',
      title: 'Throughput by block size',
      lead: 'The main figure of the DAFS papers: access through the kernel, and direct access from a program by the user-level library.',
      content: present([sizesChart(result, series)]),
    },
    {
      id: 'ratios',
      title: 'Who wins',
      lead: `Medians, and how far a round lies from them at most. ▲ 2 × means that ${own} is twice as fast; = stands where some round of one lies among those of the other. The last column names whose rounds all beat all others'.`,
      content: ratioTables(result),
    },
    {
      id: 'latencies',
      title: 'Latency',
      lead: 'How long single requests took: medians of the rounds, by percentile, on a logarithmic axis.',
      content: latencies.length === 0 ? [] : [html`<div class="pair">${latencies}</div>`],
    },
    {
      id: 'metadata',
      title: 'Metadata and small files',
      lead: 'More is better.',
      content: present([ratesChart(result, series)]),
    },
    {
      id: 'processors',
      title: 'Processor time',
      lead: "The papers' argument: what is left of the processors for programs. Less is better. A whole bar is the whole machine; the caller's time includes what the kernel does in its calls; whose servers are not known, their time is in the rest of the machine.",
      content: present([
        processorCharts(result, 's/GiB'),
        processorCharts(result, 's/1,000 operations'),
      ]),
    },
    ...(stored ? [changesSection(result, stored)] : []),
    {
      id: 'set-up',
      title: 'Set-up',
      lead: 'What is needed to measure it again.',
      content: [setUpList(result), targetTable(result), conditionTable(result)],
    },
  ];
}

function changesSection(result: BenchResult, stored: BenchResult): Section {
  const changes = changesSince(result, stored);
  const rows = changes
    .filter(({ comparison }) => comparison.winner !== 'even')
    .map(({ job, target, comparison: { own, other, ratio, winner } }) => {
      const [kind, word] = winner === 'own' ? ['won', 'faster'] : ['lost', 'slower'];
      return html`<tr><th scope="row">${job}</th><td class="text">${target}</td><td>${formatFigure(other)}</td><td>${formatFigure(own)}</td><td><span class="${kind}">${formatRatio(ratio)}</span> <small>${word}</small></td></tr>`;
    });
  return {
    id: 'changes',
    title: 'Compared with an earlier run',
    lead: `Of ${changes.length} figures ${rows.length} differ from those of ${stored.startedAt} by more than the rounds do. What has happened to the local directory has happened to the machine.`,
    content: [
      html`<div class="card scroll"><table><thead><tr><th scope="col">job</th><th scope="col" class="text">target</th><th scope="col">then</th><th scope="col">now</th><th scope="col">ratio</th></tr></thead><tbody>${rows}</tbody></table></div>`,
    ],
  };
}

function setUpList({ setUp }: BenchResult): Html {
  const entries = Object.entries(setUp).map(
    ([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`,
  );
  return html`<div class="card"><dl>${entries}</dl></div>`;
}

function targetTable({ targets, omissions }: BenchResult): Html {
  const rows = targets.map((target) => {
    const left = omissions.filter((one) => one.target === target.name);
    const why = [...new Set(left.map((one) => one.why))].join('; ');
    return html`<tr><th scope="row">${target.name}</th><td class="text">${target.description}</td><td class="code">${target.mountOptions || '–'}</td><td class="text">${target.processorTime}</td><td class="text">${left.length === 0 ? 'nothing' : `${left.length} jobs: ${why}`}</td></tr>`;
  });
  const heads = ['target', 'what it is', 'mount options', 'processor time of', 'left out'];
  return html`<div class="card scroll"><table><thead><tr>${heads.map((head) => html`<th scope="col" class="text">${head}</th>`)}</tr></thead><tbody>${rows}</tbody></table></div>`;
}

function conditionTable({ jobs }: BenchResult): Html {
  const rows = jobs.map(
    ({ name, condition }) =>
      html`<tr><th scope="row">${name}</th><td class="text">${condition}</td></tr>`,
  );
  return html`<details class="card"><summary>What each job finds in caches, and does at its end</summary>
<div class="scroll"><table><thead><tr><th scope="col">job</th><th scope="col" class="text">condition</th></tr></thead><tbody>${rows}</tbody></table></div></details>`;
}
