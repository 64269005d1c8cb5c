/** Kept views and dashboards, in a real browser, against the real server and store. */
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  addressField,
  CHROMIUM,
  eventually,
  inspect,
  LOOKS,
  open,
  temporaryFolder,
} from './console-browser.ts';
import { buildConsole, type ConsoleServer, mixedFlows, startConsoleServer } from './console-server.ts';

describe.skipIf(!existsSync(CHROMIUM))('views in the console (needs /usr/bin/chromium)', () => {
  let weir: ConsoleServer;
  beforeAll(async () => {
    buildConsole();
    weir = await startConsoleServer(temporaryFolder());
    await weir.write(mixedFlows());
  });
  afterAll(() => weir?.stop());

  test('a view is kept, opened from elsewhere with its whole state, and removed', async () => {
    const { page, complaints } = await open(`${weir.url}/explore?v=1&by=dstPort&chart=lines&filter=port+443`);
    await page.getByRole('button', { name: 'Views' }).click();
    await page.getByLabel('Keep this view as').fill('Web by port');
    await page.getByRole('button', { name: 'Keep', exact: true }).click();
    await page.goto(`${weir.url}/flows`);
    await page.getByRole('button', { name: 'Views' }).click();
    await page.getByRole('link', { name: 'Web by port' }).click();
    await eventually(() => addressField(page, 'chart')).toBe('lines');
    expect(addressField(page, 'filter')).toBe('port 443');
    await page.getByRole('button', { name: 'Views' }).click();
    await page.getByText('This view is kept as “Web by port”.').waitFor();
    await page.getByRole('button', { name: 'Remove Web by port' }).click();
    await page.getByText('No view is kept yet.', { exact: false }).waitFor();
    expect(complaints).toEqual([]);
  });

  test('tiles are put on a dashboard, follow its time and filter, are arranged and removed', async () => {
    const { page, complaints } = await open(`${weir.url}/dashboards`);
    await page.getByText('No dashboard is kept yet.').waitFor();
    const put = async (address: string, title: string): Promise<void> => {
      await page.goto(`${weir.url}${address}`);
      await page.getByRole('button', { name: 'Views' }).click();
      await page.getByLabel('Title of the tile').fill(title);
      if ((await page.getByLabel('Name of the dashboard').count()) > 0) {
        await page.getByLabel('Name of the dashboard').fill('Morning');
      }
      await page.getByRole('button', { name: 'Add the tile' }).click();
      await eventually(() => page.getByRole('button', { name: 'Add the tile' }).count()).toBe(0);
    };
    await put('/explore?v=1&by=dstPort', 'Ports');
    await put('/explore?v=1&by=srcAddr&chart=table', 'Talkers');
    await put('/explore?v=1&by=rule&filter=dropped', 'Dropped by rule');
    await page.goto(`${weir.url}/dashboards`);
    const panel = (name: string) => page.getByRole('region', { name, exact: true });
    await panel('Ports').locator('canvas').first().waitFor();
    await panel('Talkers').getByText('10.0.0.0', { exact: true }).waitFor();

    await page.goto(`${weir.url}/dashboards?v=1&filter=udp`);
    await panel('Dropped by rule').getByText('No flows of this time and filter.').waitFor();
    await page.getByRole('button', { name: 'Arrange' }).click();
    await page.getByRole('button', { name: 'Make Ports wide' }).click();
    await page.getByRole('button', { name: 'Make Ports narrow' }).waitFor();
    await page.getByRole('button', { name: 'Remove Dropped by rule' }).click();
    await eventually(() => panel('Dropped by rule').count()).toBe(0);
    await panel('Talkers').getByRole('link', { name: 'Explore Talkers' }).click();
    await eventually(() => addressField(page, 'filter')).toBe('udp');
    expect(addressField(page, 'chart')).toBe('table');
    expect(complaints).toEqual([]);
  });

  test.each(LOOKS)('looks right at $width × $height, $scheme', async (look) => {
    const opened = await open(`${weir.url}/dashboards`, look);
    await opened.page.getByRole('region', { name: 'Ports', exact: true }).locator('canvas').first().waitFor();
    await inspect(opened, 'dashboards', look);
  });
});
