/** The report of `dafs bench`, looked at in a real browser. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderPage } from '../../../../mount/bench/report/page.ts';
import { firstObstacle, programObstacle } from '../../../support/machine.ts';
import { Workspace } from '../../../support/workspace.ts';
import { exampleResult, exampleTarget, exampleTargets } from './example-result.ts';

/** On a machine with much else to do a browser starts slowly. */
const LIMIT_MS = 240_000;
const checks = readFileSync(fileURLToPath(new URL('page-checks.cjs', import.meta.url)), 'utf8');

/** What `page-checks.cjs` finds. */
interface Found {
  readonly sections: readonly string[];
  readonly charts: readonly { title: string; role: string; marks: number; hasTable: boolean }[];
  readonly setUpHeads: readonly string[];
  readonly boldInSetUp: number;
  readonly overflow: number;
  readonly background: string;
  readonly faintTexts: readonly unknown[];
  readonly faintMarks: readonly unknown[];
  readonly clashes: readonly string[];
  readonly cutOff: readonly string[];
}

const workspace = Workspace.create();
let context: BrowserContext;
let page: Page;
const complaints: string[] = [];
const requests: string[] = [];

/** More targets than have colours of their own, among them names that are long or look like HTML. */
const manyTargets = [
  ...exampleTargets,
  ...[
    '/srv/an/export/with/a/very/long/path/to/the/files',
    '</script><b>"&',
    '/mnt/5',
    '/mnt/6',
  ].map((name, index) => exampleTarget(name, 'ext4', 2 + 0.7 * index)),
];

const pages = {
  few: renderPage(exampleResult(), exampleResult(1.3)),
  many: renderPage(exampleResult(1, manyTargets), undefined),
};

interface View {
  readonly name: keyof typeof pages;
  readonly scheme: 'light' | 'dark';
  readonly width: number;
}

async function lookAt({ name, scheme, width }: View): Promise<Found> {
  const path = workspace.path(`${name}.html`);
  writeFileSync(path, pages[name]);
  await page.emulateMedia({ colorScheme: scheme });
  await page.setViewportSize({ width, height: 900 });
  await page.goto(pathToFileURL(path).href);
  return (await page.evaluate(checks)) as Found;
}

const views = {
  light: { name: 'few', scheme: 'light', width: 1280 },
  narrow: { name: 'few', scheme: 'light', width: 400 },
  dark: { name: 'few', scheme: 'dark', width: 1280 },
  many: { name: 'many', scheme: 'dark', width: 1280 },
} as const satisfies Record<string, View>;

/** What each view was found to be: a page is looked at once. */
const seen = new Map<keyof typeof views, Promise<Found>>();

function see(view: keyof typeof views): Promise<Found> {
  const found = seen.get(view) ?? lookAt(views[view]);
  seen.set(view, found);
  return found;
}

describe.skipIf(firstObstacle(programObstacle(['chromium'])))('the report in a browser', () => {
  beforeAll(async () => {
    context = await chromium.launchPersistentContext(workspace.makeDirectory('browser'), {
      executablePath: '/usr/bin/chromium',
      args: [
        ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
        ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
      ],
    });
    page = context.pages()[0] ?? (await context.newPage());
    page.setDefaultTimeout(LIMIT_MS);
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => requests.push(request.url()));
  }, LIMIT_MS);

  afterAll(async () => {
    await context?.close();
    await workspace.dispose();
  });

  it.each(Object.keys(views) as (keyof typeof views)[])(
    'has charts that can be read: %s',
    async (view) => {
      const found = await see(view);
      expect(found.faintTexts).toEqual([]);
      expect(found.faintMarks).toEqual([]);
      expect(found.clashes).toEqual([]);
      expect(found.cutOff).toEqual([]);
      expect(found.overflow).toBeLessThanOrEqual(0);
      expect(found.charts.length).toBeGreaterThan(15);
      for (const { title, role, marks, hasTable } of found.charts) {
        expect({ title, role, hasTable }).toEqual({
          title: expect.stringMatching(/.{20}/),
          role: 'img',
          hasTable: true,
        });
        expect(marks, title).toBeGreaterThanOrEqual(3);
      }
    },
    LIMIT_MS,
  );

  it(
    'has all sections, and another look in the dark',
    async () => {
      const [light, dark] = [await see('light'), await see('dark')];
      expect(light.sections).toEqual([
        ...['sizes', 'ratios', 'latencies', 'metadata', 'processors', 'changes', 'set-up'],
      ]);
      expect(dark.background).not.toBe(light.background);
    },
    LIMIT_MS,
  );

  it(
    'shows names as they are, whatever they look like',
    async () => {
      const { setUpHeads, boldInSetUp } = await see('many');
      expect(setUpHeads).toContain('</script><b>"&');
      expect(boldInSetUp).toBe(0);
    },
    LIMIT_MS,
  );

  it('says nothing on the console and asks the network for nothing', () => {
    expect(complaints).toEqual([]);
    expect(requests.filter((url) => !url.startsWith('file:'))).toEqual([]);
    expect(new Set(requests.filter((url) => !url.endsWith('.html')))).toEqual(new Set());
  });
});

describe('the report', () => {
  it('tells set-up, mount options and what was left out', () => {
    expect(pages.few).toContain('fio-3.33');
    expect(pages.few).toContain('rsize=1048576');
    expect(pages.few).toContain('it has no files');
  });

  it('needs no file but itself', () => {
    expect(pages.many).not.toMatch(/(src|href)="(?!#|data:)|@import|url\(/);
  });
});
