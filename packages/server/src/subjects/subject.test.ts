/** Pages about hosts, users and peers, against naive reckonings over the same records in the real store. */
import { silentLogger } from '@weir/base';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTestAnalyses, type TestAnalyses } from '../profile/analysis-server.test-support.ts';
import { type TestRecord, writeRecords } from '../profile/flow-records.test-support.ts';
import { createProfileKeeper, type ProfileKeeper } from '../profile/profile-keeper.ts';
import { createSubjectTopic } from './subject-routes.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** A Wednesday; the range is the hour before. */
const NOW = Date.parse('2026-11-18T12:00:00Z');
const FROM = NOW - HOUR;
const HOST = '10.0.0.1';
const ADA = { srcUser: 'ada', srcName: 'laptop.example' };

/** Weekdays at eleven for four weeks with a web server; in the last hour SSH to a new one, too, and drops. */
const records: TestRecord[] = [];
for (let day = 1; day <= 28; day++) {
  const endMs = FROM - day * DAY + 60_000;
  if ([0, 6].includes(new Date(endMs).getUTCDay())) continue;
  records.push({
    src: HOST,
    dst: '198.51.100.7',
    srcPort: 40_000,
    dstPort: 443,
    sessionSide: 0,
    sessionId: day,
    endMs,
    octets: 1000,
    labels: ADA,
  });
}
for (let index = 0; index < 10; index++) {
  const session = { sessionId: 100 + index, endMs: FROM + index * 300_000 + 1000 };
  const web = index % 2 === 0;
  const other = web ? '198.51.100.7' : '10.1.0.9';
  const ports = { srcPort: 40_000 + index, dstPort: web ? 443 : 22 };
  records.push(
    {
      ...session,
      ...ports,
      src: HOST,
      dst: other,
      sessionSide: 0,
      octets: 2000 + index,
      labels: ADA,
      countries: ['AT', 'US'],
    },
    {
      ...session,
      src: other,
      dst: HOST,
      srcPort: ports.dstPort,
      dstPort: ports.srcPort,
      sessionSide: 1,
      octets: 9000 + index,
      labels: { dstUser: 'ada' },
      countries: ['US', 'AT'],
    },
    {
      ...session,
      ...ports,
      src: HOST,
      dst: other,
      sessionSide: 0,
      octets: 2000 + index,
      duplicate: 1,
      labels: ADA,
    },
  );
}
records.push(
  {
    src: '10.0.0.7',
    dst: HOST,
    srcPort: 50_000,
    dstPort: 8080,
    sessionSide: 0,
    sessionId: 500,
    endMs: NOW - 1000,
    octets: 70,
    samplingRate: 100,
  },
  {
    src: HOST,
    dst: '10.1.0.9',
    srcPort: 50_001,
    dstPort: 2222,
    endMs: NOW - 2000,
    octets: 60,
    packets: 3,
    forwardingStatus: 0x80,
    labels: { ...ADA, rule: 'ssh-deny' },
  },
);

interface Page {
  totals: { sent: number; received: number; flows: number };
  series: { sent: number[] };
  peers: {
    address: string;
    sent: number;
    received: number;
    isNew: boolean;
    sessions: number;
    firstMs: number;
  }[];
  peerCounts: { all: number; fresh: number };
  services: {
    role: string;
    service: string;
    isNew: boolean;
    sent: number;
    received: number;
    others: number;
  }[];
  names: { kind: string; value: string }[];
  drops: { rule: string; from: boolean; packets: number; service: string }[];
  countries: { country: string; sent: number; received: number }[];
  activity: {
    weeks: number;
    cells: { hours: number; active: number }[];
    unusual: { hourMs: number; hours: number }[];
  };
  sessions: object[];
  alerts: object[];
  performance: null;
}

let analyses: TestAnalyses;
let keeper: ProfileKeeper;
const ask = (url: string, rowFilter?: string) =>
  analyses.get(createSubjectTopic({ queue: analyses.queue, keeper, nowMs: () => NOW }), url, rowFilter);

beforeAll(async () => {
  analyses = await openTestAnalyses(NOW);
  await writeRecords(analyses.store, records);
  const { queue, folder, clock } = analyses;
  keeper = createProfileKeeper({ queue, dataDirectory: folder, clock, logger: silentLogger });
  // Learning begins with the hour of the range, not with the four weeks before.
  await keeper.forgetAll();
});
afterAll(async () => {
  await keeper?.stop();
  await analyses?.close();
});

const counted = records.filter(({ endMs, duplicate }) => endMs >= FROM && endMs < NOW && duplicate !== 1);
const octets = (list: readonly TestRecord[]) =>
  list.reduce((sum, record) => sum + (record.octets ?? 0) * (record.samplingRate ?? 1), 0);
const between = (src?: string, dst?: string) =>
  octets(
    counted.filter((record) => (src ?? record.src) === record.src && (dst ?? record.dst) === record.dst),
  );

describe('a host', () => {
  let page: Page;
  beforeAll(async () => {
    const { status, body } = await ask(`/hosts/${HOST}?last=1h`);
    expect(status, JSON.stringify(body)).toBe(200);
    page = body as Page;
  });

  test('its traffic is the naive sum, duplicates once, sampled records scaled', () => {
    expect(page.totals).toEqual({
      sent: between(HOST),
      received: between(undefined, HOST),
      flows: counted.length,
    });
    expect(page.series.sent.reduce((sum, value) => sum + value, 0)).toBe(between(HOST));
  });

  test('whom it talked with, and who of them is new', () => {
    for (const peer of page.peers)
      expect(peer).toMatchObject({
        sent: between(HOST, peer.address),
        received: between(peer.address, HOST),
      });
    expect(Object.fromEntries(page.peers.map(({ address, isNew }) => [address, isNew]))).toEqual({
      '198.51.100.7': false,
      '10.1.0.9': true,
      '10.0.0.7': true,
    });
    expect(page.peers.find(({ address }) => address === '198.51.100.7')).toMatchObject({ sessions: 5 });
    expect(page.peerCounts).toEqual({ all: 3, fresh: 2 });
  });

  test('services used and offered', () => {
    const told = Object.fromEntries(page.services.map((each) => [`${each.role} ${each.service}`, each]));
    expect(Object.keys(told).sort()).toEqual([
      'client tcp/22',
      'client tcp/2222',
      'client tcp/443',
      'server tcp/8080',
    ]);
    expect(told['client tcp/443']).toMatchObject({
      isNew: false,
      sent: between(HOST, '198.51.100.7'),
      others: 1,
    });
    expect(told['client tcp/22']).toMatchObject({ isNew: true });
    expect(told['server tcp/8080']).toMatchObject({ received: 7000, isNew: true });
  });

  test('names, countries and drops', () => {
    expect(page.names.map(({ kind, value }) => `${kind} ${value}`)).toEqual([
      'country AT',
      'name laptop.example',
      'user ada',
    ]);
    expect(page.countries[0]).toMatchObject({ country: 'US' });
    expect(page.drops).toMatchObject([{ rule: 'ssh-deny', from: true, packets: 3, service: 'tcp/2222' }]);
    expect(page.sessions.length).toBeGreaterThanOrEqual(10);
    expect(page.sessions[0]).toMatchObject({
      initiator: '10.0.0.7',
      responder: HOST,
      responderPort: 8080,
      octets: 70,
    });
    expect(page.sessions[0]).toHaveProperty('start');
    expect(page.performance).toBeNull();
  });

  test('activity by the hour of the week; the hour is usual', () => {
    // Wednesday, 11:00 UTC: three weeks before, and now; the fourth began before the history of 28 days.
    expect(page.activity.cells[2 * 24 + 11]).toMatchObject({ hours: 4, active: 4 });
    expect(page.activity.cells).toHaveLength(168);
    expect(page.activity.unusual).toEqual([]);
  });
});

test('a night on which nobody ever worked is unusual, and says by which number', async () => {
  const night = NOW - 9 * HOUR;
  await writeRecords(analyses.store, [
    { src: '10.0.0.77', dst: HOST, srcPort: 1, dstPort: 2, endMs: NOW - 27 * DAY, octets: 1 },
    { src: '10.0.0.77', dst: HOST, srcPort: 1, dstPort: 2, endMs: night, octets: 1 },
  ]);
  const { body } = await ask(`/hosts/10.0.0.77?from=${NOW - 10 * HOUR}&to=${NOW}`);
  expect((body as Page).activity.unusual).toEqual([
    { hourMs: night, octets: 1, hours: 9, active: 0, chance: 1 / 11, unusual: true },
  ]);
});

test('a user has a page of the same kind, with the addresses that they came from', async () => {
  const { status, body } = await ask('/users/ada?last=1h');
  expect(status).toBe(200);
  const page = body as Page & { addresses: { address: string }[] };
  const own = counted.filter(({ labels }) => labels?.srcUser === 'ada');
  expect(page.totals.sent).toBe(octets(own));
  expect(page.addresses.map(({ address }) => address)).toEqual([HOST]);
});

test('who sees only a part is told of that part, and nothing that was learned', async () => {
  analyses.clock.advance(11 * 60_000);
  await keeper.catchUp();
  const all = (await ask(`/users/ada?last=1h`)).body as { uses: { service: string }[]; sightings: object };
  expect(all.uses.map(({ service }) => service).sort()).toEqual(['tcp/22', 'tcp/2222', 'tcp/443']);
  expect(all.sightings).not.toBeNull();
  const { body } = await ask('/users/ada?last=1h', 'port = 22');
  expect((body as Page).services.map(({ service }) => service)).toEqual(['tcp/22']);
  expect(body).toMatchObject({ uses: [], alerts: [], sightings: null });
});

test('lists: hosts inside, users, peers, and why there are none', async () => {
  const hosts = (await ask('/hosts?last=1h')).body as { rows: { value: string; sent: number }[] };
  expect(hosts.rows.map(({ value }) => value)).toEqual([HOST, '10.1.0.9', '10.0.0.7']);
  expect(hosts.rows[0]).toMatchObject({ sent: between(HOST), received: between(undefined, HOST) });
  const everyone = (await ask('/hosts?last=1h&all=true&search=198.51')).body as { rows: { value: string }[] };
  expect(everyone.rows.map(({ value }) => value)).toEqual(['198.51.100.7']);
  expect((await ask('/users?last=1h')).body).toMatchObject({ rows: [{ value: 'ada' }] });
  expect((await ask('/peers?last=1h')).body).toMatchObject({
    rows: [],
    why: expect.stringContaining('overlay peer'),
  });
});

test('quotes in names, from the wire or the URL, are text', async () => {
  const name = `o'b"; drop`;
  await writeRecords(analyses.store, [
    { src: '10.0.0.50', dst: HOST, endMs: NOW - 5000, octets: 5, labels: { srcUser: name } },
  ]);
  const { status, body } = await ask(`/users/${encodeURIComponent(name)}?last=1h`);
  expect(status).toBe(200);
  expect(body).toMatchObject({ value: name, totals: { sent: 5 } });
  expect((await ask(`/users?last=1h&search=${encodeURIComponent(`'`)}`)).body).toMatchObject({
    rows: [{ value: name }],
  });
});

test.each(['/hosts/nonsense', '/hosts/10.0.0.256', '/hosts/10.0.0.1?last=5y'])(
  '%s is refused',
  async (url) => {
    expect((await ask(url)).status).toBe(400);
  },
);

test('an address has one spelling', async () => {
  expect((await ask('/hosts/2001:DB8::0:1?last=1h')).body).toMatchObject({
    value: '2001:db8::1',
    totals: { flows: 0 },
  });
});
