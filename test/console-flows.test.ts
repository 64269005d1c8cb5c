/** The page of raw records, in a real browser, against the real server and store. */

import { existsSync, readFileSync } from 'node:fs';
import { DuckDBInstance } from '@duckdb/node-api';
import type { Page } from 'playwright-core';
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

/** What another program reads out of the file, as text. */
async function readParquet(file: string): Promise<unknown> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const answer = await connection.runAndReadAll(
    `SELECT count(*)::VARCHAR AS records, sum(octets)::VARCHAR AS octets, max("dstPort")::VARCHAR AS ports,
       strftime(max("flowEnd"), '%Y-%m-%dT%H:%M:%S.%gZ') AS newest FROM read_parquet('${file}')`,
  );
  connection.disconnectSync();
  instance.closeSync();
  return answer.getRowObjects();
}

describe.skipIf(!existsSync(CHROMIUM))('raw records in the console (needs /usr/bin/chromium)', () => {
  let weir: ConsoleServer;
  const flows = mixedFlows();
  beforeAll(async () => {
    buildConsole();
    weir = await startConsoleServer(temporaryFolder());
    await weir.write(flows);
  });
  afterAll(() => weir?.stop());

  const table = (page: Page) => page.getByRole('table', { name: 'Flows' });
  const rows = (page: Page) => table(page).locator('tbody tr');

  test('scrolls through all records and draws only those that are seen', async () => {
    const { page, complaints } = await open(`${weir.url}/flows`);
    await rows(page).first().waitFor();
    expect(await rows(page).count()).toBeLessThan(60);
    const scroller = page.getByRole('region', { name: 'Records' });
    await eventually(async () => {
      await scroller.evaluate((element) => element.scrollTo(0, element.scrollHeight));
      return page.getByRole('region', { name: 'Flows' }).getByText(`${flows.length}, all of them`).count();
    }).toBe(1);
    expect(await table(page).getAttribute('aria-rowcount')).toBe(String(flows.length + 1));
    expect(await rows(page).count()).toBeLessThan(60);
    expect(complaints).toEqual([]);
  });

  test('columns are chosen, kept in the address, and exported as they are seen', async () => {
    const { page } = await open(`${weir.url}/flows?v=1&filter=dstPort+%3D+53`);
    await page.getByRole('button', { name: 'Columns' }).click();
    for (const name of ['duration', 'tcpFlags', 'direction', 'packets']) {
      await page
        .getByRole('dialog', { name: 'Columns' })
        .getByRole('checkbox', { name: new RegExp(` ${name}$`) })
        .uncheck();
    }
    await page.getByLabel('Find a column').fill('forwardingState');
    await page.getByRole('checkbox', { name: /forwardingState/ }).check();
    await page.keyboard.press('Escape');
    await eventually(() => addressField(page, 'cols')).toBe(
      'flowEnd,protocol,srcAddr,srcPort,dstAddr,dstPort,octets,exporter,forwardingState',
    );
    await page.getByRole('button', { name: 'Export' }).click();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'CSV' }).click(),
    ]);
    const csv = readFileSync(await download.path(), 'utf8')
      .trim()
      .split('\r\n');
    const expected = flows.filter(({ dstPort }) => dstPort === 53);
    expect(csv[0]).toBe('flowEnd,protocol,srcAddr,srcPort,dstAddr,dstPort,octets,exporter,forwardingState');
    expect(csv.length - 1).toBe(expected.length);
    expect(csv[1]).toMatch(
      /^\d{4}-\d\d-\d\dT[\d:.]+Z,17,10\.0\.0\.\d,\d+,192\.0\.2\.53,53,30000,192\.0\.2\.1,1$/,
    );
    await page.getByText(`${expected.length} records saved.`).waitFor();
    const [lines] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'NDJSON' }).click(),
    ]);
    const [first = ''] = readFileSync(await lines.path(), 'utf8').split('\n');
    expect(JSON.parse(first)).toMatchObject({ dstAddr: '192.0.2.53', dstPort: 53, octets: 30_000 });
    const [parquet] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Parquet' }).click(),
    ]);
    expect(await readParquet(await parquet.path())).toEqual([
      {
        records: `${expected.length}`,
        octets: `${30_000 * expected.length}`,
        ports: '53',
        newest: csv[1]?.split(',')[0],
      },
    ]);
  });

  test('a record opens with all its fields, the keys go from one to the next, a value filters', async () => {
    const { page } = await open(`${weir.url}/flows`);
    await rows(page)
      .nth(2)
      .getByRole('button', { name: /^Details of record 3/ })
      .click();
    const drawer = page.getByRole('complementary', { name: 'Details of the record' });
    await drawer.getByText('observationDomainId').waitFor();
    expect(await drawer.textContent()).toContain('receivedAt');
    await page.keyboard.press('ArrowDown');
    await eventually(() =>
      rows(page).getByRole('button', { pressed: true }).getAttribute('aria-label'),
    ).toMatch(/^Details of record 4/);
    await page.keyboard.press('Escape');
    await eventually(() => drawer.count()).toBe(0);
    await rows(page).first().getByRole('button', { name: 'TCP' }).click();
    await eventually(() => addressField(page, 'filter')).toBe('protocol = 6');
  });

  test('the tail shows what arrives, by the same filter', async () => {
    const { page, complaints } = await open(`${weir.url}/flows?v=1&tail=1&filter=dstPort+%3D+8443`);
    await page.getByText('No flow in the last 15 minutes matches the filter.').waitFor();
    const flow = { agoMs: 0, dstAddr: '10.0.0.1', protocol: 6, srcPort: 4, octets: 77 };
    await weir.write([
      { ...flow, srcAddr: '203.0.113.98', dstPort: 8443 },
      { ...flow, srcAddr: '203.0.113.99', dstPort: 9443 },
    ]);
    await rows(page).first().getByText('203.0.113.98').waitFor();
    expect(await rows(page).count()).toBe(1);
    expect(complaints).toEqual([]);
  });

  test.each(LOOKS)('looks right at $width × $height, $scheme', async (look) => {
    const opened = await open(`${weir.url}/flows`, look);
    await rows(opened.page).first().waitFor();
    await inspect(opened, 'flows', look);
    await rows(opened.page)
      .first()
      .getByRole('button', { name: /^Details/ })
      .click();
    await opened.page.getByRole('complementary', { name: 'Details of the record' }).waitFor();
    await inspect(opened, 'flow-record', look);
  });
});
