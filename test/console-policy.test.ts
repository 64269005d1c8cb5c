/** The policy page in a real browser, against the real server and store. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { PolicyDocument } from '@weir/analysis';
import { silentLogger, systemClock } from '@weir/base';
import { createAnalysisQueue, createPolicyAnalysis, createPolicyTopic } from '@weir/server';
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
  startConsoleServer,
  type TestFlow,
} from './console-server.ts';

const POLICY: PolicyDocument = {
  version: 1,
  name: 'Office',
  groups: [
    { name: 'staff', members: ['10.0.1.0/24'] },
    { name: 'guests', members: ['10.0.2.0/24'] },
    { name: HOSTILE, members: ['10.0.3.0/24'] },
    { name: 'servers', members: ['192.0.2.0/24'] },
  ],
  services: [{ name: 'web', members: ['tcp/80', 'tcp/443'] }],
  rules: [
    {
      name: 'guests stay outside',
      from: ['guests'],
      to: ['servers'],
      services: ['any'],
      action: 'deny',
      firewall: 'block-guests',
    },
    { name: 'web for staff', from: ['staff', HOSTILE], to: ['servers'], services: ['web'], action: 'allow' },
    {
      name: 'backup',
      from: ['servers'],
      to: ['staff'],
      services: ['tcp/873'],
      action: 'allow',
      expected: true,
    },
    { name: 'old rule', from: ['guests'], to: ['staff'], services: ['tcp/21'], action: 'deny' },
  ],
  default: 'deny',
};

function flows(): TestFlow[] {
  const made: TestFlow[] = [];
  const flow = { protocol: 6, dstAddr: '192.0.2.10', dstPort: 443, octets: 40_000 };
  for (let index = 0; index < 60; index++) {
    const agoMs = 20_000 + index * 3000;
    const srcPort = 40_000 + index;
    made.push({ ...flow, agoMs, srcAddr: `10.0.1.${index % 9}`, srcPort });
    if (index % 5 === 0)
      made.push({ ...flow, agoMs, srcAddr: '10.0.2.7', srcPort, dropped: true, rule: 'block-guests' });
    if (index % 20 === 0) made.push({ ...flow, agoMs, srcAddr: '10.0.2.9', srcPort, dstPort: 22 });
    if (index % 15 === 0)
      made.push({ ...flow, agoMs, srcAddr: '10.0.3.1', srcPort, dropped: true, rule: HOSTILE });
    if (index % 30 === 0) made.push({ ...flow, agoMs, srcAddr: '203.0.113.5', srcPort });
  }
  return made;
}

describe.skipIf(!existsSync(CHROMIUM))('the policy page (needs /usr/bin/chromium)', () => {
  let weir: ConsoleServer;
  let empty: ConsoleServer;
  const folder = temporaryFolder();
  const file = path.join(folder, 'policy', 'policy.json');

  const startIn = (dataDirectory: string) =>
    startConsoleServer(dataDirectory, {}, (store) => {
      const queue = createAnalysisQueue({ store, clock: systemClock, logger: silentLogger });
      const alerts = { raise: () => 'grouped' as const };
      const policy = createPolicyAnalysis({
        queue,
        alerts,
        dataDirectory,
        clock: systemClock,
        logger: silentLogger,
      });
      return [createPolicyTopic(policy, systemClock)];
    });

  beforeAll(async () => {
    buildConsole();
    mkdirSync(path.dirname(file));
    writeFileSync(file, JSON.stringify(POLICY));
    weir = await startIn(folder);
    empty = await startIn(temporaryFolder());
    await weir.write(flows());
  });
  afterAll(async () => {
    await weir?.stop();
    await empty?.stop();
  });

  test('shows what passes although denied, who it is, and leads to its flows', async () => {
    const { page, complaints } = await open(`${weir.url}/policy`);
    const grid = page.getByRole('table', { name: 'Who reached whom' });
    await grid.getByRole('button', { name: /staff to servers:.*60 allowed/ }).waitFor();
    await page.getByRole('button', { name: 'Allowed although denied 3' }).click();
    await eventually(() => grid.locator('tbody button').count()).toBe(1);
    await grid.getByRole('button', { name: /guests to servers:.*3 although denied/ }).click();
    await eventually(() => addressField(page, 'source')).toBe('guests');
    const services = page.getByRole('list', { name: 'Services' });
    await services.getByText('Allowed although denied by guests stay outside; 0 answered').waitFor();
    const pairs = page.getByRole('table', { name: 'Pairs' });
    await eventually(() => pairs.locator('tbody tr').count()).toBe(1);
    await pairs.getByText('10.0.2.9').waitFor();
    await pairs.getByRole('link', { name: /Flows of 10.0.2.9/ }).click();
    await eventually(() => addressField(page, 'filter')).toContain('srcAddr = 10.0.2.9');
    await page.locator('main').getByText('10.0.2.9', { exact: true }).first().waitFor();
    expect(await page.evaluate(() => 'broken' in window)).toBe(false);
    expect(complaints).toEqual([]);
  });

  test('names rules that decide nothing, and who is dropped most', async () => {
    const { page } = await open(`${weir.url}/policy?v=1&tab=rules`);
    const rules = page.getByRole('table', { name: 'Rules of the policy' });
    await eventually(() => rules.getByText('never hit').count()).toBe(2);
    await page
      .getByRole('list', { name: 'Rules of the firewall' })
      .getByText('4 connections of these the policy allows')
      .waitFor();
    await page.getByRole('table', { name: 'Most dropped sources' }).getByText('10.0.2.7').waitFor();
  });

  test('says what an edit would change before it is saved, keeps versions, and goes back', async () => {
    const { page, complaints } = await open(`${weir.url}/policy?v=1&tab=edit`);
    await page.getByRole('button', { name: 'New rule' }).click();
    const rule = page.getByRole('list', { name: 'Rules' }).locator('details').first();
    await rule.locator('summary').click();
    await rule.getByLabel('Name').fill('no web');
    await rule.getByLabel('From').fill('staf');
    await page.getByRole('list', { name: 'Problems' }).getByText('did you mean "staff"').waitFor();
    await rule.getByLabel('From').fill('staff');
    await page.getByText('Nothing is wrong with it.').waitFor();
    await page.getByRole('button', { name: 'What would this change?' }).click();
    const lines = page.getByRole('list', { name: 'What changes' });
    await lines.getByText('staff → servers web').waitFor();
    await lines.getByText('60 that passed').waitFor();
    await lines.getByRole('button').first().click();
    await lines.getByRole('table', { name: 'Pairs' }).getByText('10.0.1.0').waitFor();
    await page.getByLabel('What is changed, for the history').fill('close the web');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    const versions = page.getByRole('list', { name: 'Versions' });
    await versions.getByText('close the web').waitFor();
    expect(JSON.parse(readFileSync(file, 'utf8')).rules[0]).toMatchObject({
      name: 'no web',
      from: ['staff'],
    });
    await page.getByRole('button', { name: 'Revert to version 1' }).click();
    await versions.getByText('back to version 1').waitFor();
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(POLICY);
    expect(complaints).toEqual([]);
  });

  test('says that there is no policy and how to begin; imports one from a firewall', async () => {
    const { page } = await open(`${empty.url}/policy`);
    await page.getByText('There is no policy yet').waitFor();
    await page.getByRole('button', { name: 'Write a policy' }).click();
    await page
      .getByLabel(/What “nft list ruleset” prints/)
      .fill(
        'table inet f {\n chain forward { type filter hook forward priority 0; policy drop;\n ip saddr 10.0.1.0/24 tcp dport { 80, 443 } accept\n meta mark 5 accept\n }\n}',
      );
    await page.getByRole('button', { name: 'Read it' }).click();
    await page.getByTestId('imported').getByText('1 could not be said as a policy').waitFor();
    await page.getByRole('button', { name: 'Use it as a draft' }).click();
    await page.getByRole('list', { name: 'Rules', exact: true }).getByText('tcp/80, tcp/443').waitFor();
  });

  test.each(LOOKS)('looks right at $width × $height, $scheme', async (look) => {
    const opened = await open(`${weir.url}/policy?v=1&source=guests&destination=servers`, look);
    await opened.page.getByRole('table', { name: 'Pairs' }).waitFor();
    await inspect(opened, 'policy', look);
    await opened.page.goto(`${weir.url}/policy?v=1&tab=rules`);
    await opened.page.getByRole('table', { name: 'Rules of the policy' }).waitFor();
    await inspect(opened, 'policy-rules', look);
    await opened.page.goto(`${weir.url}/policy?v=1&tab=edit`);
    await opened.page.getByText('Nothing is wrong with it.').waitFor();
    await inspect(opened, 'policy-edit', look);
  });
});
