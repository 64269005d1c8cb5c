/** The SQL of a policy over a real store: connections, who began them, what was dropped, and the classes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  classesSql,
  createPolicyMatrix,
  createPolicySpace,
  type PolicyDocument,
  pairsSql,
  parseFilter,
  readClassRow,
  rowsOfChoice,
} from '@weir/analysis';
import { silentLogger } from '@weir/base';
import { type FlowStore, openStore } from '@weir/storage';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type PolicyFlow, writePolicyFlows } from './policy-flows.test-support.ts';

let folder: string;
let store: FlowStore;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-policy-'));
  store = await openStore({ dataDirectory: folder, logger: silentLogger });
});
afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const HOUR_MS = 3_600_000;
/** Each test has an hour of the store to itself. */
let endMs = Date.parse('2026-05-03T12:00:00Z');
const range = () => ({ fromMs: endMs - HOUR_MS / 2, toMs: endMs + HOUR_MS / 2 });
beforeEach(() => {
  endMs += HOUR_MS;
});

const POLICY: PolicyDocument = {
  version: 1,
  groups: [
    { name: 'staff', members: ['10.1.0.0/16', 'fd01::/16', 'user:ada'] },
    { name: 'servers', members: ['10.2.0.0/16', 'fd02::/16'] },
    { name: 'payroll', members: ['10.2.9.0/24'] },
  ],
  services: [{ name: 'web', members: ['tcp/80', 'tcp/443'] }],
  rules: [
    { name: 'no payroll', from: ['any'], to: ['payroll'], services: ['any'], action: 'deny' },
    { name: 'web', from: ['staff'], to: ['servers'], services: ['web', 'icmp/8'], action: 'allow' },
    { name: 'backup', from: ['servers'], to: ['payroll'], services: ['tcp/873'], action: 'allow' },
  ],
  default: 'deny',
};

async function rowsOf(flows: readonly PolicyFlow[], policy = POLICY) {
  await writePolicyFlows(
    store,
    flows.map((flow) => ({ ...flow, endMs })),
  );
  const space = createPolicySpace([policy], () => undefined);
  const { rows } = await store.sql(classesSql(space), { range: range() });
  return { space, rows: rows.map((row) => readClassRow(space, row)) };
}

async function matrixOf(flows: readonly PolicyFlow[], policy = POLICY) {
  const { space, rows } = await rowsOf(flows, policy);
  return createPolicyMatrix(space, 0, rows);
}

const there = {
  srcAddr: '10.1.0.1',
  dstAddr: '10.2.0.1',
  srcPort: 40_000,
  dstPort: 443,
  packets: 10,
  octets: 1000,
};
const back = {
  srcAddr: '10.2.0.1',
  dstAddr: '10.1.0.1',
  srcPort: 443,
  dstPort: 40_000,
  packets: 8,
  octets: 9000,
};
const marks = { sessionId: 7, directionRule: 5 };

test('both directions of a session are one connection, in the cell of who began it', async () => {
  const matrix = await matrixOf([
    { ...there, ...marks, sessionSide: 0 },
    { ...back, ...marks, sessionSide: 1 },
  ]);
  expect(matrix.cells).toHaveLength(1);
  expect(matrix.cells[0]).toMatchObject({
    from: 'staff',
    to: 'servers',
    allowed: { connections: 1, answered: 1, records: 2, packets: 18, octets: 10_000 },
    violation: { connections: 0 },
  });
  expect(matrix.bases).toMatchObject({ sessionMark: 1 });
  expect(matrix.unsure).toBe(0);
});

test('without marks, the opening packet, the port of a service, and at last the lower port tell who began', async () => {
  const other = { srcAddr: '10.2.0.1', dstAddr: '10.1.0.9', packets: 1, octets: 60 };
  const matrix = await matrixOf([
    back,
    there,
    { ...other, srcPort: 50_000, dstPort: 50_001, tcpFlags: 0x02 },
    { ...other, srcPort: 40_000, dstPort: 39_000, tcpFlags: 0x12 },
    { ...other, srcPort: 5000, dstPort: 5000, tcpFlags: 0x12 },
  ]);
  expect(matrix.bases).toEqual({
    sessionMark: 0,
    openingPacket: 1,
    servicePort: 1,
    lowerPort: 1,
    arrival: 1,
  });
  expect(matrix.unsure).toBe(2);
  expect(matrix.notes.join()).toContain('2 of 4 connections it is a guess');
  const byFrom = Object.fromEntries(matrix.cells.map((cell) => [`${cell.from}→${cell.to}`, cell]));
  expect(byFrom['staff→servers']?.allowed.connections).toBe(1);
  expect(byFrom['servers→staff']?.violation.connections).toBe(3);
});

test('frames that were metered before they were dropped are no violation', async () => {
  const denied = {
    ...there,
    dstAddr: '10.2.9.1',
    packets: 3,
    octets: 180,
    sessionId: 9,
    directionRule: 7,
    sessionSide: 0,
  };
  const matrix = await matrixOf([
    { ...denied, exporter: '192.0.2.1', direction: 1 },
    { ...denied, exporter: '192.0.2.2', direction: 0, duplicate: 1 },
    { ...denied, exporter: '192.0.2.2', direction: 0, duplicate: 1, dropped: true, rule: 'payroll-closed' },
  ]);
  expect(matrix.cells).toHaveLength(1);
  expect(matrix.cells[0]).toMatchObject({
    from: 'staff',
    to: 'payroll',
    dropped: { connections: 1, packets: 3, octets: 180 },
    violation: { connections: 0 },
    services: [{ service: 'web', rules: ['no payroll'], firewall: ['payroll-closed'] }],
  });
  expect(matrix.mixed).toBe(0);
});

test('a connection that the firewall refuses from its middle on counts as both', async () => {
  const session = { ...there, dstAddr: '10.2.9.1', sessionId: 9, directionRule: 7, sessionSide: 0 };
  const matrix = await matrixOf([
    { ...session, packets: 10, octets: 1000 },
    { ...session, packets: 4, octets: 400, dropped: true },
  ]);
  expect(matrix.cells[0]).toMatchObject({
    violation: { connections: 1, packets: 6, octets: 600 },
    dropped: { connections: 1, packets: 4, octets: 400 },
  });
  expect(matrix.mixed).toBe(1);
});

test('what is dropped although allowed, and what no group holds, is unexplained', async () => {
  const matrix = await matrixOf([
    { ...there, ...marks, sessionSide: 0, dropped: true, rule: 'too-strict' },
    { ...there, sessionId: 8, directionRule: 5, sessionSide: 0, srcAddr: '203.0.113.9' },
    {
      ...there,
      sessionId: 9,
      directionRule: 5,
      sessionSide: 0,
      srcAddr: '203.0.113.9',
      srcPort: 41_000,
      dropped: true,
    },
  ]);
  const staff = matrix.cells.find(({ from }) => from === 'staff');
  expect(staff).toMatchObject({
    unexplained: { connections: 1 },
    droppedAllowed: { connections: 1, packets: 10 },
  });
  const outside = matrix.cells.find(({ from }) => from === '(no group)');
  expect(outside).toMatchObject({ unexplained: { connections: 1 }, dropped: { connections: 1 } });
  expect(matrix.firewall).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        name: 'too-strict',
        droppedAllowed: expect.objectContaining({ packets: 10 }),
      }),
      expect.objectContaining({ name: '', droppedAllowed: expect.objectContaining({ packets: 0 }) }),
    ]),
  );
});

test('a later, narrower group is the cell of its addresses; labels go before addresses; both families count', async () => {
  const matrix = await matrixOf([
    {
      ...there,
      sessionId: 1,
      directionRule: 5,
      sessionSide: 0,
      srcAddr: '10.2.0.7',
      dstAddr: '10.2.9.7',
      dstPort: 873,
    },
    { ...there, sessionId: 2, directionRule: 5, sessionSide: 0, srcAddr: '203.0.113.9', srcUser: 'ada' },
    { ...there, sessionId: 3, directionRule: 5, sessionSide: 0, srcAddr: 'fd01::1', dstAddr: 'fd02::1' },
  ]);
  const cells = Object.fromEntries(matrix.cells.map((cell) => [`${cell.from}→${cell.to}`, cell]));
  // The first rule that matches decides: backup stands behind the rule that closes payroll.
  expect(cells['servers→payroll']?.violation.connections).toBe(1);
  expect(cells['staff→servers']?.allowed.connections).toBe(2);
  expect(matrix.rules.map(({ name, neverHit }) => [name, neverHit])).toEqual([
    ['no payroll', false],
    ['web', false],
    ['backup', true],
  ]);
});

test('duplicates count once, samples as many as they stand for', async () => {
  const matrix = await matrixOf([
    { ...there, ...marks, sessionSide: 0, samplingRate: 100 },
    { ...there, ...marks, sessionSide: 0, samplingRate: 100, duplicate: 1 },
  ]);
  expect(matrix.cells[0]?.allowed).toMatchObject({ packets: 1000, octets: 100_000, connections: 1 });
});

test('errors of ICMP are not judged; requests are, by their type', async () => {
  const icmp = { srcAddr: '10.1.0.1', dstAddr: '10.2.0.1', protocol: 1, packets: 3, octets: 252 };
  const matrix = await matrixOf([
    { ...icmp, icmpTypeCode: 8 * 256 },
    { ...icmp, srcAddr: icmp.dstAddr, dstAddr: icmp.srcAddr, icmpTypeCode: 0 },
    { ...icmp, srcAddr: '10.2.0.5', icmpTypeCode: 3 * 256 + 1 },
  ]);
  expect(matrix.related).toBe(1);
  expect(matrix.cells).toHaveLength(1);
  expect(matrix.cells[0]).toMatchObject({ from: 'staff', allowed: { connections: 1, packets: 6 } });
});

test('expected traffic that was not seen is named, in its cell', async () => {
  const rules = POLICY.rules.map((rule) => (rule.action === 'allow' ? { ...rule, expected: true } : rule));
  const matrix = await matrixOf([{ ...there, ...marks, sessionSide: 0 }], { ...POLICY, rules });
  expect(matrix.expected.map(({ rule, from, to, seen }) => [rule, from, to, seen.connections])).toEqual([
    ['web', 'staff', 'servers', 1],
    ['backup', 'servers', 'payroll', 0],
  ]);
  const cell = matrix.cells.find(({ from, to }) => from === 'servers' && to === 'payroll');
  expect(cell).toMatchObject({ missing: ['backup'], allowed: { connections: 0 } });
});

test('the pairs behind a cell: who, to whom, how much, by which rule, and how many there are in all', async () => {
  const flows = [1, 2, 3].map((host) => ({
    ...there,
    srcAddr: `10.1.0.${host}`,
    dstAddr: '10.2.9.1',
    packets: host,
    sessionId: host,
    directionRule: 7,
    sessionSide: 0,
    dropped: host === 3,
    ...(host === 3 ? { rule: "o'brien" } : {}),
  }));
  const { space, rows } = await rowsOf(flows);
  const keys = rowsOfChoice(space, 0, rows, { from: 'staff', to: 'payroll', outcome: 'violation' });
  const answer = await store.sql(pairsSql(space, { filter: undefined, keys, kind: 'forwarded', limit: 1 }), {
    range: range(),
  });
  expect(answer.rows).toHaveLength(1);
  expect(answer.rows[0]).toMatchObject({
    fromAddr: '10.1.0.2',
    toAddr: '10.2.9.1',
    protocol: 6,
    value: 443,
    packets: 2,
    pairs: 2,
    sources: 2,
    destinations: 1,
  });
  const dropped = await store.sql(
    pairsSql(space, { filter: parseFilter('src host 10.1.0.3'), keys, kind: 'dropped', limit: 9 }),
    { range: range() },
  );
  expect(dropped.rows.map(({ rule }) => rule)).toEqual(["o'brien"]);
});
