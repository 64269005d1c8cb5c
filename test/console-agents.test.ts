/** The page of agents, in a real browser, against the real process, with a real exporter that enrols. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHROMIUM, eventually, inspect, LOOKS, open, temporaryFolder } from './console-browser.ts';
import { type ConsoleProcess, startConsoleProcess } from './console-process.ts';
import { type RunningWeir, runWeir, startWeir } from './weir-process.ts';

const mayCapture = process.getuid?.() === 0;

describe.skipIf(!existsSync(CHROMIUM) || !mayCapture)(
  'agents in the console (needs /usr/bin/chromium and root)',
  () => {
    let folder: string;
    let weir: ConsoleProcess;
    let exporter: RunningWeir | undefined;
    beforeAll(async () => {
      folder = temporaryFolder();
      weir = await startConsoleProcess(folder, []);
    });
    afterAll(async () => {
      await exporter?.stop();
      await weir?.weir.stop();
    });

    test('from a token to settings that are edited, refused, applied', async () => {
      const { page, complaints } = await open(`${weir.url}/agents`);
      await page.getByText('No exporter has enrolled here.').waitFor();
      await page.getByRole('button', { name: 'Make a token' }).click();
      const command =
        (await page.locator('code').filter({ hasText: 'weir agent enrol' }).textContent()) ?? '';

      const profile = path.join(folder, 'Lab.profile');
      writeFileSync(profile, JSON.stringify({ FlowMetadata: { IpFixCollectors: ['Udp/127.0.0.1:9'] } }));
      const [, , ...rest] = command.split(' ');
      expect(runWeir(['agent', ...rest, '--profile', profile])).toMatchObject({ status: 0 });
      exporter = startWeir(['export', '--profile', profile, '--interface', 'lo']);

      const row = page.getByRole('list', { name: 'Agents' }).getByRole('button');
      await row.filter({ hasText: 'metering' }).click();
      const form = page.getByRole('form', { name: /Settings of/ });
      await form.getByLabel('Interval in milliseconds').fill('90000');
      await page.getByText('What will change on').waitFor();
      await page.getByRole('button', { name: /Apply to/ }).click();
      await page.getByRole('alert').filter({ hasText: 'multiple of 60000' }).first().waitFor();

      await form.getByLabel('Interval in milliseconds').fill('60000');
      await form.getByLabel('Direction').selectOption('SendingToPeer');
      await page.getByRole('button', { name: /Apply to/ }).click();
      await page.getByRole('region', { name: 'Edits' }).getByText('applied').waitFor();
      await eventually(() => form.getByLabel('Direction').inputValue()).toBe('SendingToPeer');
      expect(JSON.parse(readFileSync(profile, 'utf8'))).toMatchObject({
        FlowMetadata: { Interval: 60_000, Direction: 'SendingToPeer' },
      });
      expect(complaints.filter((line) => !line.includes('400'))).toEqual([]);
    });

    test.each(LOOKS)('looks right at $width × $height, $scheme', async (look) => {
      const opened = await open(`${weir.url}/agents`, look);
      const { page } = opened;
      await page.getByRole('list', { name: 'Agents' }).getByRole('button').click();
      await page.getByRole('form', { name: /Settings of/ }).waitFor();
      await page.getByLabel('Interval in milliseconds').fill('120000');
      await page.getByText('What will change on').waitFor();
      await inspect(opened, 'agents', look);
    });
  },
);
