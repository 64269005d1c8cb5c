/** The explorer, in a real browser, against the real server and store. */
import { existsSync } from 'node:fs';
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

describe.skipIf(!existsSync(CHROMIUM))('exploring in the console (needs /usr/bin/chromium)', () => {
  let weir: ConsoleServer;
  beforeAll(async () => {
    buildConsole();
    weir = await startConsoleServer(temporaryFolder());
    await weir.write(mixedFlows());
  });
  afterAll(() => weir?.stop());

  const groups = (page: Page) => page.getByRole('table', { name: 'Groups' }).locator('tbody tr');
  const chart = (page: Page) => page.getByRole('group', { name: 'Chart', exact: true });

  test('a question that reads much is asked only by whoever wants to wait', async () => {
    const { page } = await open(`${weir.url}/explore`);
    await eventually(() => groups(page).count()).toBe(10);
    await page.route('**/api/v1/query/estimate?*', async (route) => {
      const answer = (await (await route.fetch()).json()) as object;
      await route.fulfill({ json: { ...answer, octets: 43e9, expectedMs: 20_000 } });
    });
    const asked: string[] = [];
    page.on('request', (request) => {
      if (/api\/v1\/(query|series)\?.*last=7d/.test(request.url())) asked.push(request.url());
    });
    await page.goto(`${weir.url}/explore?v=1&last=7d`);
    await page.getByText(/This question would read 43\.?0? GB: about 20/).waitFor();
    expect(asked).toEqual([]);
    await page.getByRole('button', { name: 'Run it' }).click();
    await eventually(() => groups(page).count()).toBe(10);
    expect(asked.length).toBeGreaterThan(0);
  });

  test('dimensions are added, moved by key and by mouse, cut to a prefix, removed', async () => {
    const { page, complaints } = await open(`${weir.url}/explore`);
    await eventually(() => groups(page).count()).toBe(10);
    await page.getByRole('button', { name: 'Add a dimension' }).click();
    await page.getByLabel('Find a dimension').fill('destination port');
    await page.keyboard.press('Enter');
    await eventually(() => addressField(page, 'by')).toBe('srcAddr,dstPort');
    await page.getByRole('button', { name: /^Destination port, 2 of 2/ }).press('ArrowLeft');
    await eventually(() => addressField(page, 'by')).toBe('dstPort,srcAddr');
    await page
      .getByRole('button', { name: /^Source, 2 of 2/ })
      .dragTo(page.getByRole('button', { name: /^Destination port, 1 of 2/ }));
    await eventually(() => addressField(page, 'by')).toBe('srcAddr,dstPort');
    await page.getByLabel('Prefix length of Source').selectOption('24');
    await eventually(() => addressField(page, 'by')).toBe('srcAddr/24,dstPort');
    await groups(page).first().getByText('10.0.0.0/24').waitFor();
    await groups(page)
      .first()
      .getByRole('button', { name: /^10\.0\.0\.0\/24/ })
      .click();
    await eventually(() => addressField(page, 'filter')).toBe('srcAddr = 10.0.0.0/24');
    await page.getByRole('button', { name: 'Remove Source /24' }).click();
    await eventually(() => addressField(page, 'by')).toBe('dstPort');
    expect(complaints).toEqual([]);
  });

  test('every chart draws, says its figures, and shows its query', async () => {
    const { page, complaints } = await open(`${weir.url}/explore?v=1&by=srcAddr,dstPort`);
    for (const name of ['Lines', 'Sankey', 'Heatmap', 'Stacked']) {
      await chart(page).getByRole('button', { name }).click();
      await eventually(() => inkOfChart(page)).toBeGreaterThan(500);
    }
    await chart(page).getByRole('button', { name: 'Grid' }).click();
    await eventually(() =>
      page.getByRole('list', { name: 'One chart for each group' }).locator('svg').count(),
    ).toBe(10);
    await page.getByRole('group', { name: 'Unit' }).getByRole('button', { name: '%' }).click();
    await chart(page).getByRole('button', { name: 'Stacked' }).click();
    await eventually(() => inkOfChart(page)).toBeGreaterThan(500);
    for (const panel of ['Share of the octets', 'Groups']) {
      const region = page.getByRole('region', { name: panel });
      await region.getByRole('button', { name: 'The SQL behind it' }).click();
      expect(await region.getByRole('dialog').textContent()).toMatch(/SELECT[\s\S]*FROM/i);
      await page.keyboard.press('Escape');
    }
    expect(complaints).toEqual([]);
  });

  test('one dimension is not enough for a Sankey diagram, and that is said', async () => {
    const { page } = await open(`${weir.url}/explore?v=1&chart=sankey`);
    await page.getByText('it needs at least two').waitFor();
    await page.getByRole('button', { name: 'Add destination' }).click();
    await eventually(() => inkOfChart(page)).toBeGreaterThan(500);
  });

  test('the period before and the other direction', async () => {
    const { page } = await open(`${weir.url}/explore?v=1&by=srcAddr&filter=dstPort+%3D+443`);
    await page.getByRole('switch', { name: 'Previous period' }).click();
    await page.getByText(/in the period before/).waitFor();
    await page.getByRole('switch', { name: 'Both directions' }).click();
    const asked = await page.waitForRequest((request) => request.url().includes('by=dstAddr'));
    expect(new URL(asked.url()).searchParams.get('filter')).toBe('srcPort = 443');
    expect(addressField(page, 'both')).toBe('1');
    expect(addressField(page, 'before')).toBe('1');
  });

  test('a value of the table can be excluded, grouped by, and what comes from the wire is text', async () => {
    const { page, complaints } = await open(`${weir.url}/explore?v=1&by=exporter`);
    const row = groups(page).filter({ hasText: HOSTILE });
    await row.getByRole('button', { name: /^What to do with/ }).click();
    await page.getByRole('menuitem', { name: /^Without/ }).click();
    await eventually(() => addressField(page, 'filter')).toBe(`exporter != ${JSON.stringify(HOSTILE)}`);
    await eventually(() => groups(page).count()).toBe(1);
    await page.getByRole('list', { name: /Lines of the chart/ }).waitFor();
    expect(await page.evaluate(() => Reflect.get(window, 'broken'))).toBeUndefined();
    expect(complaints).toEqual([]);
  });

  test('says why there is nothing', async () => {
    const { page } = await open(`${weir.url}/explore?v=1&filter=port+1234`);
    await page.getByText('No flow in the last 15 minutes matches the filter.').waitFor();
    await page.getByRole('button', { name: 'Show all flows' }).click();
    await eventually(() => groups(page).count()).toBe(10);
  });

  test('the filter is completed with words of the language', async () => {
    const { page, complaints } = await open(`${weir.url}/explore`);
    const filter = page.getByRole('textbox', { name: 'Filter' });
    await filter.click();
    await page.keyboard.type('proto');
    const proposal = page.getByRole('option', { name: /^protocol/ }).first();
    await proposal.waitFor();
    // A list that is renewed while somebody presses is pressed again.
    await eventually(async () => {
      if (await proposal.isVisible()) await proposal.click({ timeout: 1000 }).catch(() => {});
      return filter.textContent();
    }).toMatch(/^protocol/);
    expect(complaints.filter((text) => !text.includes('404'))).toEqual([]);
  });

  test.each(LOOKS)('looks right at $width × $height, $scheme', async (look) => {
    const opened = await open(`${weir.url}/explore?v=1&by=srcAddr,dstPort&before=1`, look);
    await eventually(() => inkOfChart(opened.page)).toBeGreaterThan(100);
    await eventually(() => groups(opened.page).count()).toBe(10);
    await inspect(opened, 'explore', look);
  });
});
