/** The pages Billing, Capacity and Reports, in a real browser, against the real process with a year of usage. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
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
import { type ConsoleProcess, freePorts, startConsoleProcess } from './console-process.ts';
import { writeUsage } from './usage-state.ts';

describe.skipIf(!existsSync(CHROMIUM))('billing, capacity, reports (needs /usr/bin/chromium)', () => {
  let folder: string;
  let full: ConsoleProcess;
  beforeAll(async () => {
    folder = temporaryFolder();
    writeUsage(folder, Date.now());
    const [port = 0] = await freePorts(1);
    full = await startConsoleProcess(folder, [
      { name: 'core', type: 'IPFIX', monitoringAddress: '127.0.0.1', monitoringPort: port },
    ]);
  }, 60_000);
  afterAll(async () => void (await full?.weir.stop()));

  test('an account is billed to the bin; another is added, changed and removed', async () => {
    const { page, complaints } = await open(`${full.url}/billing`);
    await page.getByText('95th percentile').first().waitFor();
    await page.getByText('You may use').waitFor();
    await eventually(() => inkOfChart(page)).toBeGreaterThan(1000);
    const flows = await page.getByRole('link', { name: 'Its flows' }).getAttribute('href');
    expect(flows).toContain('/explore?');
    expect(flows).toContain('192.0.2.0');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'PDF' }).click(),
    ]);
    expect(
      readFileSync(await download.path())
        .subarray(0, 5)
        .toString(),
    ).toBe('%PDF-');

    await page.getByRole('button', { name: 'Add account' }).click();
    await page.getByLabel('Name').fill('=HYPERLINK("x")');
    await page.getByLabel('Networks').fill('198.51.100.0/24');
    await page.getByLabel('Commit (Mbit/s)').fill('1,5');
    await page.getByRole('button', { name: 'Add account' }).click();
    await page.getByText('commit is "1,5"; it must be a number').waitFor();
    await page.getByLabel('Commit (Mbit/s)').fill('1.5');
    await page.getByRole('button', { name: 'Add account' }).click();
    const accounts = page.getByRole('list', { name: 'Accounts' }).getByRole('button');
    await eventually(() => accounts.count()).toBe(2);
    expect(addressField(page, 'account')).toBe('hyperlink-x');
    await eventually(async () =>
      (await fetch(`${full.url}/api/v1/billing/accounts/hyperlink-x/statements/current/csv`)).text(),
    ).toContain(`"'=HYPERLINK(""x"")"`);
    page.on('dialog', (dialog) => void dialog.accept());
    await page.getByRole('button', { name: 'Remove' }).click();
    await eventually(() => accounts.count()).toBe(1);
    await page.getByRole('table', { name: 'Periods before' }).getByRole('button').first().click();
    await page.getByRole('button', { name: 'Current period' }).waitFor();
    expect(complaints).toEqual([]);
  });

  test('an interface says when it is full, and one without a speed what is missing', async () => {
    const { page, complaints } = await open(`${full.url}/capacity`);
    await page
      .getByText(/Grows by .* a day .*Reaches 80 % on \d{4}-\d\d-\d\d/)
      .first()
      .waitFor();
    await eventually(() => inkOfChart(page)).toBeGreaterThan(1000);
    await page.getByRole('button', { name: /ge-0\/0\/2/ }).click();
    expect(addressField(page, 'subject')).toBe('interface:192.0.2.1|2');
    await page.getByText('Set its speed to see when it is full.').first().waitFor();
    await page.getByLabel('Speed (Mbit/s)').fill('1000');
    await page.getByRole('button', { name: 'Save' }).click();
    await page
      .getByText(/Does not reach 80 %/)
      .first()
      .waitFor();
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByLabel(/One a line/).fill('Both: 192.0.2.1|1, 192.0.2.1|2');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('button', { name: 'Settings' }).waitFor();
    expect(complaints).toEqual([]);
  });

  test('a report is defined, made now and fetched', async () => {
    const { page, complaints } = await open(`${full.url}/reports`);
    await page.getByText('Nothing is reported yet.').waitFor();
    await page.getByRole('button', { name: 'Add report' }).click();
    await page.getByRole('button', { name: 'Add report' }).click();
    await page.getByText('It needs a name.').waitFor();
    await page.getByLabel('Name').fill('Weekly for the boss');
    await page.getByRole('switch', { name: 'CSV' }).click();
    await page.getByRole('button', { name: '+ Capacity' }).click();
    await page.getByRole('button', { name: '+ Billing statement' }).click();
    await page.getByLabel('Account').selectOption('acme-gmbh');
    await page.getByRole('button', { name: 'Add report' }).click();
    await page.getByText('Not made yet.').waitFor();
    await page.getByRole('button', { name: 'Run now' }).click();
    await page.getByText('by hand').waitFor();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'CSV' }).click(),
    ]);
    const csv = readFileSync(await download.path(), 'utf8');
    expect(csv).toContain('ge-0/0/1');
    expect(csv).toContain('Total');
    expect(existsSync(path.join(folder, 'reports', 'kept', 'weekly-for-the-boss'))).toBe(true);
    expect(complaints).toEqual([]);
  });

  test.each(LOOKS)('look right at $width × $height, $scheme', async (look) => {
    for (const name of ['billing', 'capacity', 'reports']) {
      const opened = await open(`${full.url}/${name}`, look);
      if (name !== 'reports') await eventually(() => inkOfChart(opened.page)).toBeGreaterThan(500);
      await inspect(opened, name, look);
    }
  });

  // Each size and each theme once.
  const looks = LOOKS.filter(({ width, scheme }) => width > 1000 === (scheme === 'light'));
  test.each(looks)('their forms look right at $width × $height, $scheme', async (look) => {
    for (const address of ['billing?edit=new', 'reports?edit=new', 'capacity?settings=1']) {
      const opened = await open(`${full.url}/${address}`, look);
      await opened.page.getByRole('button', { name: 'Cancel' }).waitFor();
      await inspect(opened, address.replaceAll(/[^a-z]+/g, '-'), look);
    }
  });
});
