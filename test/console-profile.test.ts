/** Performance, users and hosts, and what changed, in a real browser, against the real server and store. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { silentLogger, systemClock } from '@weir/base';
import {
  createAnalysisQueue,
  createPerformanceTopic,
  createProfileKeeper,
  createProfileTopic,
  createServer,
  createSubjectTopic,
  describeStore,
  type ProfileKeeper,
  type Server,
} from '@weir/server';
import { type FlowStore, openStore } from '@weir/storage';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestRecord, writeRecords } from '../packages/server/src/profile/flow-records.test-support.ts';
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
import { buildConsole } from './console-server.ts';

const CONSOLE_DIRECTORY = path.resolve(import.meta.dirname, '../packages/console/dist');
const MINUTE = 60_000;
/** A name from the wire that would do harm as markup. */
const HOSTILE = '<b>eve</b>';

/** Two hours: ada and others use the web, timed; in the second a backup copies a lot, and one path loses. */
function traffic(nowMs: number): TestRecord[] {
  const records: TestRecord[] = [];
  for (let index = 0; index < 360; index++) {
    const endMs = nowMs - 118 * MINUTE + index * 19_000;
    const client = `10.0.0.${1 + (index % 6)}`;
    const server = `198.51.100.${1 + (index % 4)}`;
    const elements = {
      10: 300 + index,
      11: (index % 4) * 9000 + 4000 + index * 20,
      12: index % 9 === 0 ? 2 : 0,
      13: 1,
      14: 0,
    };
    const labels = {
      srcUser: index % 6 === 0 ? 'ada' : index % 6 === 1 ? HOSTILE : 'grace',
      application: 'https',
    };
    const common = { endMs, sessionId: index + 1, packets: 40, elements };
    records.push(
      {
        ...common,
        src: client,
        dst: server,
        srcPort: 40_000 + index,
        dstPort: 443,
        sessionSide: 0,
        octets: 9000,
        labels,
        countries: ['AT', 'DE'],
      },
      {
        ...common,
        src: server,
        dst: client,
        srcPort: 443,
        dstPort: 40_000 + index,
        sessionSide: 1,
        octets: 90_000,
        countries: ['DE', 'AT'],
      },
    );
  }
  for (let index = 0; index < 40; index++) {
    const endMs = nowMs - 55 * MINUTE + index * MINUTE;
    const backup = {
      src: '10.0.0.20',
      dst: '10.1.0.9',
      srcPort: 50_000 + index,
      dstPort: 873,
      flowId: 9000 + index,
      sessionId: 9000 + index,
      sessionSide: 0,
    };
    const labels = { srcPeer: 'backup', dstPeer: 'vault' };
    records.push(
      { ...backup, endMs, octets: 4_000_000, packets: 4000, direction: 1, exporter: '192.0.2.1', labels },
      {
        ...backup,
        endMs,
        octets: 3_960_000,
        packets: 3960,
        direction: 0,
        exporter: '192.0.2.2',
        duplicate: 1,
        labels,
      },
    );
  }
  records.push({
    src: '10.0.0.1',
    dst: '10.1.0.9',
    srcPort: 1,
    dstPort: 22,
    endMs: nowMs - MINUTE,
    octets: 60,
    forwardingStatus: 0x80,
    labels: { rule: 'ssh-deny' },
  });
  return records;
}

describe.skipIf(!existsSync(CHROMIUM))('profiles in the console (needs /usr/bin/chromium)', () => {
  let store: FlowStore;
  let keeper: ProfileKeeper;
  let server: Server;
  const address = (page: string) => `${server.address().url}${page}`;

  beforeAll(async () => {
    buildConsole();
    const dataDirectory = temporaryFolder();
    store = await openStore({ dataDirectory, logger: silentLogger });
    await writeRecords(store, traffic(Date.now()));
    const clock = systemClock;
    const queue = createAnalysisQueue({ store, clock, logger: silentLogger });
    keeper = createProfileKeeper({ queue, dataDirectory, clock, logger: silentLogger });
    await keeper.catchUp();
    const shared = { queue, keeper, nowMs: Date.now };
    server = createServer({
      port: 0,
      store,
      consoleDirectory: CONSOLE_DIRECTORY,
      logger: silentLogger,
      topics: [createProfileTopic(shared), createPerformanceTopic(shared), createSubjectTopic(shared)],
      status: async () => ({
        version: '0.1.0',
        startedAt: Date.now(),
        demo: false,
        metering: { state: 'off', reason: 'a test' },
        listeners: [],
        exporters: [],
        store: describeStore(await store.status()),
      }),
    });
    await server.start();
  }, 60_000);
  afterAll(async () => {
    await server?.stop();
    await keeper?.stop();
    await store?.close();
  });

  test('performance: percentiles, the worst paths, and loss between two exporters', async () => {
    const { page, complaints } = await open(address('/performance?last=1h'));
    await page.getByText('Round trip, median').waitFor();
    await eventually(() => inkOfChart(page)).toBeGreaterThan(100);
    const paths = page.getByRole('table', { name: 'Compared' });
    await paths.getByText('198.51.100.4').first().waitFor();
    await page.getByRole('table', { name: 'Lost on the way' }).getByText('192.0.2.1 → 192.0.2.2').waitFor();
    await page.getByRole('table', { name: 'Lost on the way' }).getByText('1.0 %').waitFor();
    await page.getByLabel('What is compared').selectOption('service');
    await paths.getByText('tcp/443').waitFor();
    await page.getByRole('link', { name: 'Flows of tcp/443' }).click();
    await eventually(() => addressField(page, 'filter')).toBe('protocol = 6 and port = 443');
    expect(complaints).toEqual([]);
  });

  test('performance: where nobody tells, it says who could', async () => {
    const { page } = await open(address('/performance?last=1h&filter=port+873'));
    await page.getByText('None of the TCP records of this time range tells').waitFor();
  });

  test('users and hosts: from the list to a page, and from any address there', async () => {
    const { page, complaints } = await open(address('/users-and-hosts?last=1h&of=user'));
    await page.getByText(HOSTILE).waitFor();
    await page.getByRole('link', { name: 'ada' }).click();
    await eventually(() => addressField(page, 'is')).toBe('ada');
    await page.getByRole('table', { name: 'Activity by hour of the week' }).waitFor();
    await page.getByRole('table', { name: 'Services' }).getByText('tcp/443').waitFor();
    await page.getByRole('table', { name: 'With whom' }).getByRole('link', { name: /^198/ }).first().click();
    await eventually(() => addressField(page, 'of')).toBe('host');
    await page.getByRole('table', { name: 'Services' }).getByText('offered').waitFor();
    await page
      .getByRole('table', { name: 'Newest sessions' })
      .getByText(/^198\.51\.100\.\d 443$/)
      .first()
      .waitFor();
    expect(complaints).toEqual([]);
  });

  test('any value elsewhere opens its page from its menu', async () => {
    const { page } = await open(address('/explore?last=1h&by=srcAddr'));
    await page.getByRole('table', { name: 'Groups' }).getByText('10.0.0.20').click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Open its page' }).click();
    await page.getByRole('heading', { name: '10.0.0.20' }).waitFor();
    await eventually(() => addressField(page, 'is')).toBe('10.0.0.20');
  });

  test('a host that is not there says so', async () => {
    const { page } = await open(address('/users-and-hosts?last=1h&of=host&is=203.0.113.1'));
    await page.getByText('It has no traffic in this time range.').waitFor();
  });

  test('what changed: the story, and who it is', async () => {
    const { page, complaints } = await open(address('/changes?last=1h'));
    await page
      .getByText(/of the growth.* is peer backup to tcp\/873, with vault, which did not exist before/)
      .waitFor();
    await page.getByLabel('What is compared').selectOption('client');
    const row = page.getByRole('table', { name: 'Changes' }).locator('tr', { hasText: '10.0.0.20' });
    await row.getByText('new', { exact: true }).waitFor();
    await row.getByRole('link', { name: '10.0.0.20', exact: true }).click();
    await page.getByRole('heading', { name: '10.0.0.20' }).waitFor();
    expect(complaints).toEqual([]);
  });

  test.each(LOOKS)('looks right at $width × $height, $scheme', async (look) => {
    const opened = await open(address('/performance?last=1h'), look);
    await opened.page.getByRole('table', { name: 'Lost on the way' }).waitFor();
    await eventually(() => inkOfChart(opened.page)).toBeGreaterThan(100);
    await inspect(opened, 'performance', look);
    await opened.page.goto(address('/users-and-hosts?last=1h&of=user&is=ada'));
    await opened.page.getByRole('table', { name: 'Services' }).waitFor();
    await inspect(opened, 'user', look);
    await opened.page.goto(address('/changes?last=1h'));
    await opened.page.getByRole('table', { name: 'Changes' }).waitFor();
    await inspect(opened, 'changes', look);
  });
});
