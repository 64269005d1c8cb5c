/** SQL in the console, in a real browser, against the real server and store. */
import { existsSync, readFileSync } from 'node:fs';
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
import {
  buildConsole,
  type ConsoleServer,
  HOSTILE,
  mixedFlows,
  startConsoleServer,
} from './console-server.ts';

describe.skipIf(!existsSync(CHROMIUM))('SQL in the console (needs /usr/bin/chromium)', () => {
  let weir: ConsoleServer;
  beforeAll(async () => {
    buildConsole();
    weir = await startConsoleServer(temporaryFolder());
    await weir.write(mixedFlows());
  });
  afterAll(() => weir?.stop());

  test('a statement is run, kept in the address, saved as CSV; a mistake is told in the words of the engine', async () => {
    const { page } = await open(`${weir.url}/sql`);
    const field = page.getByRole('textbox', { name: 'SQL' });
    await field.press('Control+Enter');
    const rows = page.getByRole('table', { name: 'Answer' }).locator('tbody tr');
    await eventually(() => rows.count()).toBeGreaterThan(5);
    await field.fill('SELECT "address", 1 - 3 AS n FROM exporters ORDER BY 1');
    await page.getByRole('button', { name: 'Run' }).click();
    await eventually(() => rows.count()).toBe(2);
    expect(addressField(page, 'sql')).toContain('FROM exporters');
    expect(await rows.last().textContent()).toContain(HOSTILE);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'CSV' }).click(),
    ]);
    expect(readFileSync(await download.path(), 'utf8')).toMatch(/^address,n\r\n192\.0\.2\.1,-2\r\n/);
    await field.fill('SELECT colour FROM flows');
    await page.getByRole('button', { name: 'Run' }).click();
    await page
      .getByRole('alert')
      .getByText(/colour/)
      .waitFor();
    expect(await page.evaluate(() => Reflect.get(window, 'broken'))).toBeUndefined();
  });

  test.each(LOOKS)('looks right at $width × $height, $scheme', async (look) => {
    const opened = await open(`${weir.url}/sql`, look);
    await opened.page.getByRole('button', { name: 'Run' }).click();
    await opened.page.getByRole('table', { name: 'Answer' }).waitFor();
    await inspect(opened, 'sql', look);
  });
});
