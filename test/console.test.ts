/** The console in a real browser, against the real server and the real store. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { gzipSync } from 'node:zlib';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { buildConsole, type ConsoleServer, startConsoleServer, type TestFlow } from './console-server.ts';

const CHROMIUM = '/usr/bin/chromium';
const BROWSER_ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const HOSTILE = '<img src=x onerror="window.broken=1">';
const SIZES = [
  [1440, 900],
  [390, 844],
] as const;

/** The machine may be busy with other tests. */
const eventually = <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: 15_000 });

const folders: string[] = [];
function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-console-'));
  folders.push(folder);
  return folder;
}

/** Fourteen minutes of web, name service, ping and what a policy refused. */
function mixedFlows(): TestFlow[] {
  const flows: TestFlow[] = [];
  for (let index = 0; index < 400; index++) {
    const common = { agoMs: 4000 + index * 2000, srcAddr: `10.0.0.${index % 9}`, srcPort: 40_000 + index };
    const web = {
      ...common,
      dstAddr: '198.51.100.7',
      protocol: 6,
      dstPort: 443,
      octets: 90_000 + 1000 * (index % 60),
    };
    flows.push({ ...web, dropped: index % 40 === 7 });
    if (index % 2 === 0)
      flows.push({ ...common, dstAddr: '192.0.2.53', protocol: 17, dstPort: 53, octets: 30_000 });
    if (index % 5 === 0)
      flows.push({ ...common, dstAddr: '192.0.2.9', protocol: 1, srcPort: 0, dstPort: 0, octets: 8400 });
  }
  flows.push({
    agoMs: 3000,
    srcAddr: '10.9.9.9',
    dstAddr: '198.51.100.7',
    protocol: 6,
    srcPort: 1,
    dstPort: 2,
    octets: 5,
    exporter: HOSTILE,
  });
  return flows;
}

interface Opened {
  page: Page;
  /** What the browser complained about: errors, refusals by policy. */
  complaints: string[];
}

const contexts: BrowserContext[] = [];

async function open(
  url: string,
  width = 1440,
  height = 900,
  colorScheme: 'light' | 'dark' = 'light',
): Promise<Opened> {
  const context = await chromium.launchPersistentContext(temporaryFolder(), {
    executablePath: CHROMIUM,
    args: BROWSER_ARGUMENTS,
    viewport: { width, height },
    colorScheme,
  });
  contexts.push(context);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  await page.goto(url);
  await page.getByRole('textbox', { name: 'Filter' }).waitFor();
  return { page, complaints };
}

afterEach(async () => {
  await Promise.all(contexts.splice(0).map((context) => context.close()));
});

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(!existsSync(CHROMIUM))('the console (needs /usr/bin/chromium)', () => {
  let weir: ConsoleServer;
  beforeAll(async () => {
    buildConsole();
    weir = await startConsoleServer(temporaryFolder());
    await weir.write(mixedFlows());
  });
  afterAll(() => weir?.stop());

  const flowRows = (page: Page) => page.getByRole('table', { name: 'Newest flows' }).locator('tbody tr');

  test('shows traffic, talkers, flows and sources, and follows what arrives', async () => {
    const { page, complaints } = await open(weir.url);
    await page.getByText('Live', { exact: true }).waitFor();
    await page.getByRole('list', { name: 'Top sources' }).getByText('10.0.0.1', { exact: true }).waitFor();
    expect(await page.getByRole('list', { name: /Lines of the chart/ }).textContent()).toMatch(
      /TCP[\s\S]*UDP[\s\S]*ICMP/,
    );
    expect(await page.getByRole('region', { name: 'Sources', exact: true }).textContent()).toContain(
      'sudo setcap cap_net_raw+ep node',
    );
    expect(await flowRows(page).count()).toBe(50);
    expect(await inkOfChart(page)).toBeGreaterThan(500);

    await weir.write([
      {
        agoMs: 0,
        srcAddr: '203.0.113.99',
        dstAddr: '10.0.0.1',
        protocol: 6,
        srcPort: 22,
        dstPort: 50_000,
        octets: 77,
      },
    ]);
    await flowRows(page).first().getByText('203.0.113.99').filter({ visible: true }).waitFor();
    expect(complaints).toEqual([]);
  });

  test('a click on a value filters by it, and Back takes it back', async () => {
    const { page } = await open(weir.url);
    await page.getByRole('list', { name: 'Top sources' }).getByText('10.0.0.1', { exact: true }).click();
    await eventually(() => new URL(page.url()).searchParams.get('filter')).toBe('srcAddr = 10.0.0.1');
    await eventually(
      async () => new Set(await flowRows(page).locator('td:nth-child(6)').allTextContents()).size,
    ).toBeGreaterThan(0);
    await eventually(async () =>
      (await flowRows(page).locator('td:nth-child(6)').allTextContents()).every((text) =>
        text.startsWith('10.0.0.1'),
      ),
    ).toBe(true);
    await page
      .getByRole('button', { name: /^TCP/ })
      .first()
      .click({ modifiers: ['Alt'] });
    await eventually(() => new URL(page.url()).searchParams.get('filter')).toBe(
      'srcAddr = 10.0.0.1 and protocol != 6',
    );
    await page.goBack();
    await page.goBack();
    await eventually(() => new URL(page.url()).searchParams.get('filter')).toBeNull();
    expect(await page.getByRole('textbox', { name: 'Filter' }).inputValue()).toBe('');
  });

  test('a wrong filter is underlined where it is wrong, and is not applied', async () => {
    const { page } = await open(weir.url);
    await page.keyboard.press('/');
    await page.keyboard.type('port = https and srcAdr = 1');
    expect(await page.getByTestId('filter-mistake').textContent()).toContain('at position 8');
    expect(await page.locator('.misspelt').textContent()).toBe('https');
    await page.keyboard.press('Enter');
    expect(new URL(page.url()).searchParams.get('filter')).toBeNull();
    await page.keyboard.press('Escape');
    expect(await page.getByRole('textbox', { name: 'Filter' }).inputValue()).toBe('');
  });

  test('dropped flows are found by a word and marked by more than a colour', async () => {
    const { page } = await open(`${weir.url}/?v=1&filter=dropped`);
    await flowRows(page).first().waitFor();
    expect(await flowRows(page).count()).toBe(10);
    expect(await flowRows(page).getByText('dropped', { exact: true }).filter({ visible: true }).count()).toBe(
      10,
    );
  });

  test('dragging over the chart zooms, and there is a way back', async () => {
    const { page, complaints } = await open(weir.url);
    await eventually(() => inkOfChart(page)).toBeGreaterThan(500);
    const box = await page.locator('canvas').boundingBox();
    if (box === null) throw new Error('a chart that was drawn has a place');
    const y = box.y + box.height / 2;
    await page.mouse.move(box.x + box.width * 0.4, y);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.6, y, { steps: 5 });
    await page.mouse.up();
    await page.getByText('Fixed time').waitFor();
    const { searchParams } = new URL(page.url());
    const length = Number(searchParams.get('to')) - Number(searchParams.get('from'));
    expect(length).toBeGreaterThan(120_000);
    expect(length).toBeLessThan(240_000);
    await page.getByRole('button', { name: 'Back to live' }).click();
    await page.getByText('Live', { exact: true }).waitFor();
    expect(complaints).toEqual([]);
  });

  test('what comes from the wire is text, never markup', async () => {
    const { page, complaints } = await open(`${weir.url}/?v=1&by=exporter&top=exporter`);
    await page.getByRole('list', { name: 'Top exporters' }).getByText(HOSTILE).waitFor();
    await page.mouse.move(500, 400); // the chart's tooltip
    await page.mouse.move(520, 400);
    expect(await page.evaluate(() => Reflect.get(window, 'broken'))).toBeUndefined();
    expect(await page.locator('img[src="x"]').count()).toBe(0);
    await page.getByRole('list', { name: 'Top exporters' }).getByText(HOSTILE).click();
    await eventually(() => flowRows(page).count()).toBe(1);
    expect(complaints).toEqual([]);
  });

  test('the theme can be chosen and stays', async () => {
    const { page } = await open(weir.url, 1440, 900, 'light');
    const page_ = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await page_();
    await page.getByRole('button', { name: /^Theme: as the system/ }).click();
    await page.getByRole('button', { name: /^Theme: light/ }).click();
    expect(await page_()).not.toBe(light);
    await page.reload();
    expect(await page_()).not.toBe(light);
  });

  describe.each(SIZES)('at %i × %i', (width, height) => {
    test.each(['light', 'dark'] as const)(
      '%s: nothing overflows, all text has contrast, all controls have names',
      async (scheme) => {
        const { page, complaints } = await open(weir.url, width, height, scheme);
        await flowRows(page).first().waitFor();
        await eventually(() => inkOfChart(page)).toBeGreaterThan(100);
        expect(
          await page.evaluate(
            () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
          ),
        ).toBe(0);
        expect(await page.evaluate(textWithoutContrast)).toEqual([]);
        expect(await page.evaluate(controlsWithoutName)).toEqual([]);
        const folder = process.env['WEIR_SCREENSHOTS'];
        if (folder !== undefined)
          await page.screenshot({ path: path.join(folder, `console-${width}-${scheme}.png`) });
        await page.keyboard.press('Tab');
        const outline = await page.evaluate(() => {
          const focused = document.activeElement;
          const style = focused === null ? undefined : getComputedStyle(focused);
          return [focused?.tagName, style?.outlineStyle, style?.outlineWidth];
        });
        expect(outline).toEqual(['A', 'solid', '2px']);
        expect(complaints).toEqual([]);
      },
    );
  });

  test('loads less than 400 KB before the charts', () => {
    const dist = path.resolve(import.meta.dirname, '../packages/console/dist');
    const index = readFileSync(path.join(dist, 'index.html'), 'utf8');
    const files = [...index.matchAll(/(?:src|href)="\/([^"]+)"/g)].map((match) => match[1] ?? '');
    const octets = files.reduce((sum, file) => sum + gzipSync(readFileSync(path.join(dist, file))).length, 0);
    expect(files.length).toBeGreaterThan(2);
    expect(octets).toBeLessThan(400_000);
    expect(index).not.toMatch(/https?:\/\//);
  });
});

describe.skipIf(!existsSync(CHROMIUM))('the console without traffic (needs /usr/bin/chromium)', () => {
  test('says why it is empty and what to do; a flow ends that', async () => {
    buildConsole();
    const weir = await startConsoleServer(temporaryFolder());
    const { page, complaints } = await open(weir.url);
    const empty = page.getByTestId('empty-state');
    await eventually(() => page.locator('main').textContent()).toContain('No flow in the last 15 minutes.');
    const text = await empty.textContent();
    expect(text).toContain('No flow in the last 15 minutes.');
    expect(text).toContain('This user may not capture packets.');
    expect(text).toContain('sudo setcap cap_net_raw+ep node');
    expect(text).toContain('npx weir generate --to Udp/127.0.0.1:4739');
    await weir.write(mixedFlows());
    await page.getByRole('table', { name: 'Newest flows' }).waitFor();
    expect(await empty.count()).toBe(0);
    expect(complaints).toEqual([]);
    await weir.stop();
  });

  test('says so when the server is gone', async () => {
    const weir = await startConsoleServer(temporaryFolder());
    const { page } = await open(weir.url);
    await page.getByText('Live', { exact: true }).waitFor();
    await weir.stop();
    await page.getByText('Connecting').waitFor();
  });
});

/** Pixels of the chart that are not empty. */
function inkOfChart(page: Page): Promise<number> {
  return page.evaluate(() => {
    const canvas = document.querySelector('canvas');
    const pixels = canvas?.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    let count = 0;
    for (let offset = 3; offset < pixels.length; offset += 4) if ((pixels[offset] ?? 0) > 200) count += 1;
    return count;
  });
}

/** Runs in the page: texts whose contrast is below WCAG AA (4.5; 3 for large text), with the ratio. */
function textWithoutContrast(): string[] {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (colour: string): [number, number, number, number] => {
    if (canvas === null) return [0, 0, 0, 0];
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [red = 0, green = 0, blue = 0, alpha = 0] = canvas.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha];
  };
  const luminance = ([red, green, blue]: readonly number[]): number => {
    const [r = 0, g = 0, b = 0] = [red, green, blue].map((part) => {
      const value = (part ?? 0) / 255;
      return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const groundOf = (element: Element | null): readonly number[] => {
    for (let each = element; each !== null; each = each.parentElement) {
      const ground = rgba(getComputedStyle(each).backgroundColor);
      if (ground[3] > 200) return ground;
    }
    return [255, 255, 255];
  };
  const found: string[] = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent?.trim() ?? '';
    const element = walker.currentNode.parentElement;
    if (text === '' || element === null || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const [one, other] = [luminance(rgba(style.color)), luminance(groundOf(element))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    const large = Number.parseFloat(style.fontSize) >= 24;
    if (ratio < (large ? 3 : 4.5)) found.push(`${text.slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return found;
}

/** Runs in the page: buttons, fields and links that a screen reader could not name. */
function controlsWithoutName(): string[] {
  return [...document.querySelectorAll('button, input, select, a')]
    .filter((control) => {
      const name = control.getAttribute('aria-label') ?? control.textContent ?? '';
      return name.trim() === '' && control.checkVisibility();
    })
    .map((control) => control.outerHTML.slice(0, 80));
}
