/** A real browser for tests of the console: one for each test file, a fresh context for each page. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import axe from 'axe-core';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, expect } from 'vitest';

export const CHROMIUM = '/usr/bin/chromium';
const BROWSER_ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
export const SIZES = [
  [1440, 900],
  [390, 844],
] as const;
export const SCHEMES = ['light', 'dark'] as const;
/** Sizes and themes in which every page is looked at. */
export const LOOKS = SIZES.flatMap(([width, height]) => SCHEMES.map((scheme) => ({ width, height, scheme })));
export type Look = (typeof LOOKS)[number];

/** The machine may be busy with other tests. */
export const eventually = <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: 15_000 });

export interface Opened {
  page: Page;
  /** What the browser complained about: errors, refusals by policy. */
  complaints: string[];
}

let browser: Promise<Browser> | undefined;
const contexts: BrowserContext[] = [];
const folders: string[] = [];

export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-console-'));
  folders.push(folder);
  return folder;
}

afterEach(async () => {
  await Promise.all(contexts.splice(0).map((context) => context.close()));
});
afterAll(async () => {
  await (await browser)?.close();
  browser = undefined;
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const WIDE: Look = { width: 1440, height: 900, scheme: 'light' };

/** Opens an address in a browser without history, and waits until the page has loaded its parts. */
export async function open(url: string, look: Look = WIDE): Promise<Opened> {
  browser ??= chromium.launch({ executablePath: CHROMIUM, args: BROWSER_ARGUMENTS });
  const context = await (await browser).newContext({
    viewport: { width: look.width, height: look.height },
    colorScheme: look.scheme,
    acceptDownloads: true,
  });
  contexts.push(context);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  await page.goto(url);
  await page.locator('main').waitFor();
  await eventually(() => page.getByText('Loading…').count()).toBe(0);
  return { page, complaints };
}

/** A field of the page's address. */
export const addressField = (page: Page, name: string): string | null =>
  new URL(page.url()).searchParams.get(name);

/**
 * What axe finds wrong, of serious and critical weight: the rule and the first place of each. The page's policy
 * allows no script of others, so axe is evaluated by the browser's debugger.
 */
async function axeViolations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const runner = Reflect.get(window, 'axe') as {
      run: (
        context: Document,
        options: object,
      ) => Promise<{
        violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[];
      }>;
    };
    const { violations } = await runner.run(document, { resultTypes: ['violations'] });
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 200)} ${nodes[0]?.failureSummary ?? ''}`);
  });
}

/** Axe costs seconds a page: it sees each size and each theme once, not every pair of them. */
const isAudited = ({ width, scheme }: Look): boolean => width > 1000 === (scheme === 'light');

/**
 * A page that is ready, looked at: nothing overflows, axe finds nothing serious (contrast, names, roles), the
 * browser did not complain. Leaves a picture where WEIR_SCREENSHOTS names a folder.
 */
export async function inspect({ page, complaints }: Opened, name: string, look: Look): Promise<void> {
  const folder = process.env['WEIR_SCREENSHOTS'];
  if (folder !== undefined) {
    await page.screenshot({ path: path.join(folder, `${name}-${look.width}-${look.scheme}.png`) });
  }
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  expect(overflow, 'the page is wider than the window').toBe(0);
  if (isAudited(look)) expect(await axeViolations(page)).toEqual([]);
  expect(complaints).toEqual([]);
}

/** Pixels of the chart that are not empty. */
export function inkOfChart(page: Page): Promise<number> {
  return page.evaluate(() => {
    const canvas = document.querySelector('canvas');
    const pixels = canvas?.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    let count = 0;
    for (let offset = 3; offset < pixels.length; offset += 4) if ((pixels[offset] ?? 0) > 200) count += 1;
    return count;
  });
}
