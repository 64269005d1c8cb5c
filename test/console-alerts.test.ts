/** The page of alerts, in a real browser, against the real process over a day with a planted scan. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DETECTIONS } from '@weir/analysis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHROMIUM, eventually, inspect, LOOKS, open, temporaryFolder } from './console-browser.ts';
import { type ConsoleProcess, startConsoleProcess } from './console-process.ts';
import { runWeir } from './weir-process.ts';

describe.skipIf(!existsSync(CHROMIUM))('alerts in the console (needs /usr/bin/chromium)', () => {
  let weir: ConsoleProcess;
  beforeAll(async () => {
    const folder = temporaryFolder();
    runWeir(['generate', '--data', folder, '--days', '0.25', '--flows', '6k', '--exporters', '9']);
    mkdirSync(path.join(folder, 'detections'), { recursive: true });
    // The others would find what was planted for them, whenever they have looked.
    const others = DETECTIONS.filter(({ id }) => id !== 'portScan').map(({ id }) => [
      id,
      { enabled: false, parameters: {} },
    ]);
    const settings = { version: 1, home: ['10.0.0.0/8'], except: '', detections: Object.fromEntries(others) };
    writeFileSync(path.join(folder, 'detections', 'settings.json'), JSON.stringify(settings));
    weir = await startConsoleProcess(folder, []);
  });
  afterAll(async () => void (await weir?.weir.stop()));

  test('from a scan to its numbers, its flows and a suppression', async () => {
    const { page, complaints } = await open(`${weir.url}/alerts`);
    const row = page.getByRole('list', { name: 'Alerts' }).getByRole('button');
    await row.filter({ hasText: 'Port scan' }).first().click({ timeout: 15_000 });
    const detail = page.getByRole('region', { name: 'Port scan' });
    const ports = detail.getByRole('row').filter({ hasText: 'different ports that were tried in vain' });
    expect(Number((await ports.getByRole('cell').first().textContent())?.replace(/\D/g, ''))).toBeGreaterThan(
      14,
    );
    await detail.getByText('tried', { exact: false }).first().waitFor();
    await detail.getByRole('list', { name: 'The newest flows' }).getByRole('listitem').first().waitFor();
    expect(await detail.getByRole('link', { name: 'Its flows' }).getAttribute('href')).toMatch(
      /^\/flows\?.*filter=src\+host/,
    );

    await detail.getByRole('button', { name: 'Acknowledge' }).click();
    await detail.getByText('acknowledged by local').waitFor();
    await detail.getByRole('button', { name: 'Suppress…' }).click();
    const form = detail.getByRole('form', { name: 'Suppress' });
    // A scanner of one's own: two clicks, Suppress… and Suppress, silence all that it does.
    const source = (await detail.getByText(/ → /).first().textContent())?.split(' → ')[0] ?? '';
    expect(await form.getByLabel('What').locator('option:checked').textContent()).toBe(
      `every alert that names ${source}`,
    );
    await form.getByLabel('For').selectOption('24');
    await form.getByLabel('Why').fill('our own scanner');
    await form.getByRole('button', { name: 'Suppress', exact: true }).click();
    await detail.getByText('suppressed').first().waitFor();
    await page.getByRole('button', { name: /^Notifications/ }).click();
    await page.getByRole('list', { name: 'Suppressions' }).getByText('our own scanner').waitFor();
    await page.getByRole('button', { name: 'End' }).click();
    await page.getByText('Nothing is suppressed.').waitFor();
    expect(complaints).toEqual([]);
  });

  test('a detection is tried on history, set, and refused what it cannot be', async () => {
    const { page } = await open(`${weir.url}/alerts?v=1&tab=detections&detection=portScan`);
    const panel = page.getByRole('region', { name: 'Port scan' });
    await panel.getByLabel('Time').selectOption('1');
    await panel.getByRole('button', { name: 'Dry run' }).click();
    await panel.getByText(/^It would have fired/).waitFor({ timeout: 15_000 });
    await panel.getByLabel('portsMin (ports)').fill('60000');
    await panel.getByRole('button', { name: 'Dry run' }).click();
    await panel.getByText('It would have told nothing.').waitFor({ timeout: 15_000 });
    await panel.getByLabel('portsMin (ports)').fill('1');
    await panel.getByRole('alert').filter({ hasText: 'a number from 3' }).waitFor();
    await panel.getByLabel('portsMin (ports)').fill('20');
    await panel.getByRole('button', { name: 'Save' }).click();
    await eventually(async () => {
      const { detections } = (await (await fetch(`${weir.url}/api/v1/detections`)).json()) as {
        detections: { id: string; parameters: { value: number }[] }[];
      };
      return detections.find(({ id }) => id === 'portScan')?.parameters[0]?.value;
    }).toBe(20);
  });

  test.each(LOOKS)('looks right at $width × $height, $scheme', async (look) => {
    const opened = await open(`${weir.url}/alerts?v=1&state=all&alert=1`, look);
    await opened.page.getByRole('region', { name: 'Evidence' }).waitFor();
    await inspect(opened, 'alerts', look);
    await opened.page.goto(`${weir.url}/alerts?v=1&tab=detections&detection=portScan`);
    await opened.page.getByRole('region', { name: 'Dry run' }).waitFor();
    await inspect(opened, 'detections', look);
    await opened.page.goto(`${weir.url}/alerts?v=1&tab=notifications`);
    await opened.page.getByRole('form', { name: 'Notifications' }).waitFor();
    await inspect(opened, 'notifications', look);
  });
});
