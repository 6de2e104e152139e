/** The look of the page: no font, picture or script comes from elsewhere. */

/** How many targets have a colour of their own; further ones begin anew, with other symbols. */
export const SERIES_COLOURS = 8;

/** The variable with the colour of the target of this index. */
export const seriesColour = (index: number): string => `var(--series-${index % SERIES_COLOURS})`;

/** All have a contrast of 3 to the background of charts at least, text one of 4.5. */
const colours = {
  light: {
    page: '#f5f6f8',
    card: '#ffffff',
    text: '#1b2230',
    faint: '#566072',
    line: '#d9dee7',
    accent: '#0b62bd',
    'won-text': '#0c5a32',
    'won-card': '#dcf3e5',
    'lost-text': '#8f2a0b',
    'lost-card': '#fbe5dc',
    'even-text': '#4a5364',
    'even-card': '#eceff4',
    series: [
      '#0b6bcb',
      '#c2410c',
      '#15803d',
      '#8b3fd9',
      '#be185d',
      '#0e7490',
      '#854d0e',
      '#4b5563',
    ],
    parts: ['#0b6bcb', '#8b3fd9', '#0e8a7d', '#c2410c', '#be185d', '#8a93a3'],
  },
  dark: {
    page: '#0e1219',
    card: '#171d27',
    text: '#e6eaf1',
    faint: '#a3aec0',
    line: '#2f3848',
    accent: '#7cbcff',
    'won-text': '#8be3b0',
    'won-card': '#143524',
    'lost-text': '#ffb596',
    'lost-card': '#45210f',
    'even-text': '#c0c9d8',
    'even-card': '#272f3d',
    series: [
      '#6cb6ff',
      '#ff9b6a',
      '#5fd38a',
      '#c9a2ff',
      '#ff8cc0',
      '#5fd4e6',
      '#e0b454',
      '#a8b3c2',
    ],
    parts: ['#6cb6ff', '#c9a2ff', '#4fd1c1', '#ff9b6a', '#ff8cc0', '#7d8798'],
  },
} as const;

function variables({ series, parts, ...single }: (typeof colours)[keyof typeof colours]): string {
  const named: [string, string][] = [
    ...Object.entries(single),
    ...series.map((colour, index): [string, string] => [`series-${index}`, colour]),
    ...parts.map((colour, index): [string, string] => [`part-${index}`, colour]),
  ];
  return named.map(([name, colour]) => `--${name}: ${colour};`).join(' ');
}

/** The style sheet. */
export const style = `
:root { color-scheme: light dark; ${variables(colours.light)} }
@media (prefers-color-scheme: dark) { :root { ${variables(colours.dark)} } }
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif;
}
main { max-width: 1180px; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
header h1 { overflow-wrap: anywhere; font-size: 2rem; line-height: 1.2; margin: 0 0 .25rem; letter-spacing: -.01em; }
header p { margin: 0; color: var(--faint); }
h2 { font-size: 1.3rem; margin: 2.75rem 0 .25rem; }
h3 { font-size: 1rem; margin: 0 0 .5rem; }
p.lead { margin: 0 0 1rem; color: var(--faint); max-width: 72ch; }
a { color: var(--accent); }
nav { margin: 1rem 0 0; display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; font-size: .9rem; }
.card, figure {
  background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  padding: 1rem 1.15rem; margin: 0 0 1rem;
}
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(250px, 1fr)); gap: 1rem; margin-top: 1.5rem; }
.tiles .card { margin: 0; }
.tile-figure { font-size: 2rem; font-weight: 650; line-height: 1.15; font-variant-numeric: tabular-nums; }
.tile-note { color: var(--faint); font-size: .9rem; overflow-wrap: anywhere; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 480px), 1fr)); gap: 1rem; }
.pair figure { margin: 0; }
.card figure { border: 0; padding: .25rem 0; background: none; }
figcaption { font-weight: 600; margin-bottom: .35rem; }
figcaption small { display: block; font-weight: 400; color: var(--faint); }
.scroll { overflow-x: auto; }
figure svg.chart { display: block; font-family: inherit; font-size: 12px; width: 100%; min-width: 460px; height: auto; overflow: visible; }
.keys { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; list-style: none; margin: 0 0 .5rem; padding: 0; font-size: .9rem; }
.keys li { display: inline-flex; align-items: center; gap: .4rem; }
.keys svg { width: 16px; height: 16px; flex: none; }
.swatch { width: 14px; height: 14px; border-radius: 3px; flex: none; }
details { margin-top: .6rem; font-size: .92rem; }
summary { cursor: pointer; color: var(--accent); }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .38rem .6rem; text-align: right; border-bottom: 1px solid var(--line); vertical-align: baseline; }
th { font-weight: 600; }
th:first-child, th.text, td.text { text-align: left; }
thead th { border-bottom-width: 2px; white-space: nowrap; }
tbody th { font-weight: 450; text-align: left; white-space: nowrap; }
tbody tr:last-child > * { border-bottom: 0; }
td small, th small { color: var(--faint); font-weight: 400; white-space: nowrap; }
td { white-space: nowrap; }
td.text, td.code { white-space: normal; text-align: left; }
.code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .85em; overflow-wrap: anywhere; }
.won, .lost, .even { display: inline-block; border-radius: 6px; padding: 0 .45rem; font-weight: 600; }
.won { color: var(--won-text); background: var(--won-card); }
.lost { color: var(--lost-text); background: var(--lost-card); }
.even { color: var(--even-text); background: var(--even-card); }
dl { display: grid; grid-template-columns: minmax(9rem, max-content) 1fr; gap: .35rem 1.25rem; margin: 0; font-size: .92rem; }
dt { color: var(--faint); }
dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 640px) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .4rem; } }
@media print { body { background: none; } figure, .card { break-inside: avoid; } }
`;
