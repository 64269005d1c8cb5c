/** Topology and map, in a real browser, against the real server and store. */
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

describe.skipIf(!existsSync(CHROMIUM))('topology and map in the console (needs /usr/bin/chromium)', () => {
  let weir: ConsoleServer;
  beforeAll(async () => {
    buildConsole();
    weir = await startConsoleServer(temporaryFolder());
    await weir.write(mixedFlows());
  });
  afterAll(() => weir?.stop());

  test('shows who talks to whom, drops in their own colour, and what is new', async () => {
    const { page, complaints } = await open(`${weir.url}/topology`);
    const graph = page.getByRole('img', { name: /pairs that talk to each other/ });
    await graph.getByText('198.51.100.7', { exact: true }).waitFor();
    await eventually(() => graph.locator('path[stroke="var(--drop)"]').count()).toBe(9);
    const pairs = page.getByRole('table', { name: 'Pairs' }).locator('tbody tr');
    const shown = await pairs.count();
    expect(shown).toBe(28);
    await page.getByRole('switch', { name: 'What is new' }).click();
    await page.getByText(`new, ${shown} pairs; 0 of the period before are gone`).waitFor();
    await pairs.filter({ hasText: '192.0.2.53' }).first().getByRole('button').first().click();
    await eventually(() => addressField(page, 'filter')).toMatch(/^srcAddr = 10\.0\.0\.\d$/);
    expect(complaints).toEqual([]);
  });

  test('says so when flows lack the names of a level', async () => {
    const { page } = await open(`${weir.url}/topology`);
    await page.getByLabel('What a node stands for').selectOption('user');
    await page.getByText('The flows in the last 15 minutes have no users.').waitFor();
    await page.getByLabel('What a node stands for').selectOption('country');
    await page.getByRole('table', { name: 'Pairs' }).getByText('Germany').first().waitFor();
  });

  test('shows traffic by country, of either side', async () => {
    const { page, complaints } = await open(`${weir.url}/map`);
    const bars = page.getByRole('list', { name: 'Top countries' });
    await bars.getByText('Germany').waitFor();
    await page.getByText('2 of known origin').waitFor();
    await page.getByRole('group', { name: 'Side' }).getByRole('button', { name: 'Destinations' }).click();
    await bars.getByText('Brazil').click();
    await eventually(() => addressField(page, 'filter')).toBe('dstCountry = "BR"');
    expect(complaints).toEqual([]);
  });

  test.each(LOOKS)('looks right at $width × $height, $scheme', async (look) => {
    const opened = await open(`${weir.url}/topology`, look);
    await opened.page.getByRole('table', { name: 'Pairs' }).waitFor();
    await inspect(opened, 'topology', look);
    await opened.page.goto(`${weir.url}/map`);
    await opened.page.getByRole('list', { name: 'Top countries' }).getByText('Germany').waitFor();
    await inspect(opened, 'map', look);
  });
});
