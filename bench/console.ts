/**
 * The console in Chromium: what it loads before anything is seen, when the first thing is seen, and how long a chart of
 * 10,000 points takes to answer a pointer and a click. Each page is a fresh browser context with an empty cache.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Browser, chromium, type Page } from 'playwright-core';
import {
  buildConsole,
  type ConsoleServer,
  startConsoleServer,
  type TestFlow,
} from '../test/console-server.ts';
import { median, printTable } from './table.ts';

const CHROMIUM = '/usr/bin/chromium';
const LOADS = 9;
const INTERACTIONS = 30;
/** 50 lines of 200 steps. */
const HOSTS = 50;
const STEPS = 200;
const STEP_MS = 4_500;
const BATCH = 5_000;
const BOUNDS = { kilobytes: 400, paintMs: 1_000, interactionMs: 100 };

export async function benchmarkConsole(): Promise<void> {
  if (!existsSync(CHROMIUM)) {
    console.error(`console: ${CHROMIUM} is not installed`);
    return;
  }
  buildConsole();
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-bench-console-'));
  const weir = await startConsoleServer(folder);
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu'],
  });
  try {
    const flows = flowsOfManyHosts();
    for (let at = 0; at < flows.length; at += BATCH) await weir.write(flows.slice(at, at + BATCH));
    const kilobytes = initialOctets() / 1000;
    const paints = await firstPaints(browser, weir);
    const { pointer, click } = await interactions(browser, weir);
    const ms = (values: readonly number[]) => [median(values).toFixed(0), Math.max(...values).toFixed(0)];
    printTable(
      'console',
      ['what', 'median', 'worst', 'bound'],
      [
        ['initial files, gzip, kB', kilobytes.toFixed(0), '', `${BOUNDS.kilobytes}`],
        ['first paint, ms', ...ms(paints), `${BOUNDS.paintMs}`],
        ['pointer over 10,000 points to the next frame, ms', ...ms(pointer), `${BOUNDS.interactionMs}`],
        ['stacked to lines and back, click to the next frame, ms', ...ms(click), `${BOUNDS.interactionMs}`],
      ],
    );
  } finally {
    await browser.close();
    await weir.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Octets of everything that the page names: it is loaded before something is seen. */
function initialOctets(): number {
  const dist = path.resolve(import.meta.dirname, '../packages/console/dist');
  const page = readFileSync(path.join(dist, 'index.html'));
  const names = [...page.toString().matchAll(/(?:src|href)="(\/[^"]+\.(?:js|css))"/g)].map(
    ([, name = '']) => name,
  );
  const files = names.map((name) => readFileSync(path.join(dist, name)));
  return [page, ...files].reduce((sum, file) => sum + gzipSync(file).length, 0);
}

function flowsOfManyHosts(): TestFlow[] {
  return Array.from({ length: HOSTS * STEPS }, (_, index) => ({
    agoMs: 2_000 + Math.floor(index / HOSTS) * STEP_MS,
    srcAddr: `10.0.${index % HOSTS}.1`,
    dstAddr: '198.51.100.7',
    protocol: 6,
    srcPort: 40_000,
    dstPort: 443,
    octets: 10_000 + ((index * 7919) % 50_000),
  }));
}

async function firstPaints(browser: Browser, weir: ConsoleServer): Promise<number[]> {
  const paints: number[] = [];
  for (let load = 0; load < LOADS; load += 1) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    const page = await context.newPage();
    await page.goto(weir.url);
    await page.locator('main').waitFor();
    paints.push(
      await page.evaluate(
        () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Number.NaN,
      ),
    );
    await context.close();
  }
  return paints;
}

async function interactions(
  browser: Browser,
  weir: ConsoleServer,
): Promise<{ pointer: number[]; click: number[] }> {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await page.goto(`${weir.url}/explore?v=1&by=srcAddr&top=${HOSTS}&chart=lines`);
  const canvas = page.locator('canvas').first();
  await canvas.waitFor();
  await page
    .getByRole('table', { name: 'Groups' })
    .locator('tbody tr')
    .nth(HOSTS - 1)
    .waitFor();
  const box = await canvas.boundingBox();
  if (box === null) throw new Error('the chart has no box');
  const pointer: number[] = [];
  const click: number[] = [];
  for (let count = 0; count < INTERACTIONS; count += 1) {
    const x = box.x + 60 + ((box.width - 80) * count) / INTERACTIONS;
    pointer.push(await toNextFrame(page, 'pointermove', () => page.mouse.move(x, box.y + box.height / 2)));
    const kind = count % 2 === 0 ? 'Stacked' : 'Lines';
    if (count < 10) {
      click.push(
        await toNextFrame(page, 'click', () => page.getByRole('button', { name: kind, exact: true }).click()),
      );
    }
  }
  await page.close();
  return { pointer, click };
}

/** From the event until the frame after it has been drawn. The page listens before anything is done. */
async function toNextFrame(page: Page, type: string, act: () => Promise<void>): Promise<number> {
  await page.evaluate((name) => {
    const measured = new Promise<number>((resolve) => {
      const heard = (event: Event): void => {
        requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - event.timeStamp)));
      };
      window.addEventListener(name, heard, { once: true, capture: true });
    });
    Object.assign(window, { measured });
  }, type);
  await act();
  return page.evaluate(() => Reflect.get(window, 'measured') as Promise<number>);
}
