/** The console in a real browser, against the real server and the real store. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  addressField,
  CHROMIUM,
  eventually,
  inkOfChart,
  inspect,
  LOOKS,
  open,
  temporaryFolder,
} from './console-browser.ts';
import {
  buildConsole,
  type ConsoleServer,
  HOSTILE,
  mixedFlows,
  startConsoleServer,
} from './console-server.ts';

describe.skipIf(!existsSync(CHROMIUM))('the console (needs /usr/bin/chromium)', () => {
  let weir: ConsoleServer;
  beforeAll(async () => {
    buildConsole();
    weir = await startConsoleServer(temporaryFolder());
    await weir.write(mixedFlows());
  });
  afterAll(() => weir?.stop());

  const filterText = (page: Page) =>
    page
      .getByRole('textbox', { name: 'Filter' })
      .evaluate((line) => (line.querySelector('.cm-placeholder') === null ? line.textContent : ''));
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
    await eventually(() => addressField(page, 'filter')).toBe('srcAddr = 10.0.0.1');
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
    await eventually(() => addressField(page, 'filter')).toBe('srcAddr = 10.0.0.1 and protocol != 6');
    await page.goBack();
    await page.goBack();
    await eventually(() => addressField(page, 'filter')).toBeNull();
    await eventually(() => filterText(page)).toBe('');
  });

  test('a wrong filter is underlined where it is wrong, and is not applied', async () => {
    const { page } = await open(weir.url);
    await page.getByRole('textbox', { name: 'Filter' }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('port = https and srcAdr = 1');
    expect(await page.getByTestId('filter-mistake').textContent()).toContain('at position 8');
    expect(await page.locator('.misspelt').textContent()).toBe('https');
    await page.keyboard.press('Enter');
    expect(addressField(page, 'filter')).toBeNull();
    await page.keyboard.press('Escape'); // closes the proposals
    await page.keyboard.press('Escape');
    await eventually(() => filterText(page)).toBe('');
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
    // The page has a second chart, of the whole day, which may be there first.
    const chart = page.getByRole('region', { name: 'Bits per second' }).locator('canvas').first();
    await chart.waitFor();
    await eventually(() => inkOfChart(page)).toBeGreaterThan(500);
    const box = await chart.boundingBox();
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
    const { page } = await open(weir.url);
    const page_ = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await page_();
    await page.getByRole('button', { name: /^Theme: as the system/ }).click();
    await page.getByRole('button', { name: /^Theme: light/ }).click();
    expect(await page_()).not.toBe(light);
    await page.reload();
    expect(await page_()).not.toBe(light);
  });

  test.each(LOOKS)('looks right at $width × $height, $scheme', async (look) => {
    const opened = await open(weir.url, look);
    await flowRows(opened.page).first().waitFor();
    await eventually(() => inkOfChart(opened.page)).toBeGreaterThan(100);
    await inspect(opened, 'overview', look);
    await opened.page.keyboard.press('Tab');
    const outline = await opened.page.evaluate(() => {
      const focused = document.activeElement;
      const style = focused === null ? undefined : getComputedStyle(focused);
      return [focused?.tagName, style?.outlineStyle, style?.outlineWidth];
    });
    expect(outline).toEqual(['A', 'solid', '2px']);
  });

  test('commands: a page of the palette, a time, a filter that is typed, keys', async () => {
    const { page, complaints } = await open(weir.url);
    await page.keyboard.press('Control+k');
    await page.keyboard.type('last hour');
    await page.keyboard.press('Enter');
    await eventually(() => addressField(page, 'last')).toBe('1h');
    await page.keyboard.press('Control+k');
    await page.keyboard.type('port 53');
    await page.keyboard.press('Enter');
    await eventually(() => addressField(page, 'filter')).toBe('port 53');
    await eventually(() => page.getByRole('dialog', { name: 'Commands' }).isVisible()).toBe(false);
    await page.keyboard.press('[');
    await page.getByText('Fixed time').waitFor();
    await page.keyboard.press('-');
    await eventually(() => Number(addressField(page, 'to')) - Number(addressField(page, 'from'))).toBe(
      7_200_000,
    );
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
    await page.keyboard.press('Escape');
    expect(complaints).toEqual([]);
  });

  test('time in words, and the zone of the page', async () => {
    const { page } = await open(weir.url);
    await page.getByRole('button', { name: /^Time range/ }).click();
    await page.getByLabel('From').fill('20 min ago');
    await page.getByLabel('To', { exact: true }).fill('5 min ago');
    await page.getByRole('button', { name: 'Show' }).click();
    await eventually(() => Number(addressField(page, 'to')) - Number(addressField(page, 'from'))).toBe(
      900_000,
    );
    await page.getByRole('button', { name: /^Time range/ }).click();
    await page.getByRole('button', { name: 'UTC', exact: true }).click();
    await eventually(() => addressField(page, 'tz')).toBe('utc');
    const utc = new Date(Number(addressField(page, 'from'))).toISOString().slice(11, 19);
    await eventually(() => page.getByRole('button', { name: /^Time range/ }).textContent()).toContain(utc);
  });

  test('the page can be held, and follows again', async () => {
    const { page } = await open(weir.url);
    await page.getByText('Live', { exact: true }).click();
    await page.getByText('Paused', { exact: true }).waitFor();
    await page.keyboard.press('p');
    await page.getByText('Live', { exact: true }).waitFor();
  });

  test('a value has a menu', async () => {
    const { page } = await open(weir.url);
    await page
      .getByRole('list', { name: 'Top sources' })
      .getByText('10.0.0.1', { exact: true })
      .click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Without 10.0.0.1' }).click();
    await eventually(() => addressField(page, 'filter')).toBe('srcAddr != 10.0.0.1');
  });

  test('an address that is no page says so', async () => {
    const { page } = await open(`${weir.url}/no-such-page`);
    await page.getByText('There is no page /no-such-page.').waitFor();
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
