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

async function open(
  name: keyof typeof pages,
  scheme: 'light' | 'dark',
  width: number,
): Promise<Found> {
  const path = workspace.path(`${name}.html`);
  writeFileSync(path, pages[name]);
  await page.emulateMedia({ colorScheme: scheme });
  await page.setViewportSize({ width, height: 900 });
  await page.goto(pathToFileURL(path).href);
  return (await page.evaluate(checks)) as Found;
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
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => requests.push(request.url()));
  }, LIMIT_MS);

  afterAll(async () => {
    await context?.close();
    await workspace.dispose();
  });

  const views: readonly { name: keyof typeof pages; scheme: 'light' | 'dark'; width: number }[] = [
    { name: 'few', scheme: 'light', width: 1280 },
    { name: 'few', scheme: 'light', width: 400 },
    { name: 'few', scheme: 'dark', width: 1280 },
    { name: 'many', scheme: 'dark', width: 1280 },
  ];

  it.each(views)(
    'has charts that can be read: $name targets, $scheme, $width pixels wide',
    async ({ name, scheme, width }) => {
      const found = await open(name, scheme, width);
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
      const [light, dark] = [await open('few', 'light', 1280), await open('few', 'dark', 1280)];
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
      await open('many', 'light', 1280);
      expect(
        await page.locator('#set-up th', { hasText: '</script><b>"&' }).count(),
      ).toBeGreaterThan(0);
      expect(await page.locator('#set-up b').count()).toBe(0);
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
