/** Policies over a real store: versions, the watch, its alerts, and all routes. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { AlertFinding, PolicyDocument } from '@weir/analysis';
import { createManualClock, silentLogger } from '@weir/base';
import { type FlowStore, openStore } from '@weir/storage';
import { type FastifyInstance, fastify } from 'fastify';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { LOCAL } from '../access/identity.ts';
import { createAnalysisQueue } from '../analyses/analysis-queue.ts';
import { problemOf } from '../problem.ts';
import { createPolicyAnalysis, type PolicyAnalysis } from './policy.ts';
import { createPolicyBook } from './policy-book.ts';
import { type PolicyFlow, writePolicyFlows } from './policy-flows.test-support.ts';
import { createPolicyTopic } from './policy-routes.ts';

const NOW = Date.parse('2026-05-03T12:00:00Z');
const MINUTE = 60_000;
const POLICY: PolicyDocument = {
  version: 1,
  name: 'Office',
  groups: [
    { name: 'staff', members: ['10.1.0.0/16'] },
    { name: 'servers', members: ['10.2.0.0/16'] },
  ],
  services: [],
  rules: [
    {
      name: '=web',
      from: ['staff'],
      to: ['servers'],
      services: ['tcp/443'],
      action: 'allow',
      expected: true,
    },
  ],
  default: 'deny',
};
const flow = (at: number, dstPort: number, part: Partial<PolicyFlow> = {}): PolicyFlow => ({
  srcAddr: '10.1.0.1',
  dstAddr: '10.2.0.1',
  srcPort: 40_000 + dstPort,
  dstPort,
  packets: 4,
  octets: 400,
  sessionId: dstPort,
  sessionSide: 0,
  directionRule: 7,
  endMs: NOW - at,
  ...part,
});

let storeFolder: string;
let store: FlowStore;
let folder: string;
let clock: ReturnType<typeof createManualClock>;
let raised: AlertFinding[];
let policy: PolicyAnalysis;
let app: FastifyInstance;

beforeAll(async () => {
  storeFolder = mkdtempSync(path.join(tmpdir(), 'weir-policy-'));
  store = await openStore({ dataDirectory: storeFolder, logger: silentLogger });
  await writePolicyFlows(store, [
    flow(4 * MINUTE, 443),
    flow(4 * MINUTE, 22),
    flow(4 * MINUTE, 22, {
      srcAddr: '10.2.0.1',
      dstAddr: '10.1.0.1',
      srcPort: 22,
      dstPort: 40_022,
      sessionSide: 1,
    }),
    flow(4 * MINUTE, 25, { dropped: true, rule: 'no-mail' }),
    flow(90 * MINUTE, 23),
  ]);
});
afterAll(async () => {
  await store.close();
  rmSync(storeFolder, { recursive: true, force: true });
});

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-policy-'));
  clock = createManualClock(NOW);
  raised = [];
  const queue = createAnalysisQueue({ store, clock, logger: silentLogger });
  const alerts = {
    raise: (finding: AlertFinding) => {
      raised.push(finding);
      return 'opened' as const;
    },
  };
  policy = createPolicyAnalysis({ queue, alerts, dataDirectory: folder, clock, logger: silentLogger });
  app = fastify();
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => JSON.stringify);
  app.decorateRequest('identity', null);
  app.addHook('onRequest', async (request) => {
    request.identity = LOCAL;
  });
  app.setErrorHandler((error, _request, reply) => {
    const { status, problem } = problemOf(error);
    return reply.code(status).send({ error: problem });
  });
  app.register(async (api) => createPolicyTopic(policy, clock).addRoutes(api), { prefix: '/api/v1' });
  return async () => {
    await app.close();
    rmSync(folder, { recursive: true, force: true });
  };
});

async function ask(method: 'GET' | 'PUT' | 'POST', url: string, payload?: object) {
  const answer = await app.inject({
    method,
    url: `/api/v1/${url}`,
    ...(payload === undefined ? {} : { payload }),
  });
  return { status: answer.statusCode, body: answer.body, json: () => answer.json() };
}

const save = (document: unknown, basedOn: number, comment = '') =>
  ask('PUT', 'policy', { document, basedOn, comment });

test('a policy is saved, has versions, conflicts are refused, and old versions come back', async () => {
  expect((await ask('GET', 'policy')).json()).toMatchObject({ document: null, version: null });
  expect((await save(POLICY, 0, 'first')).json()).toMatchObject({
    version: { version: 1, by: 'local', comment: 'first' },
  });
  expect((await save({ ...POLICY, default: 'allow' }, 0)).status).toBe(409);
  await save({ ...POLICY, default: 'allow' }, 1, 'open');
  const file = path.join(folder, 'policy', 'policy.json');
  expect(JSON.parse(readFileSync(file, 'utf8')).default).toBe('allow');
  expect((await ask('POST', 'policy/versions/1/revert', {})).json()).toMatchObject({
    document: POLICY,
    version: { version: 3, comment: 'back to version 1' },
  });
  const { versions } = (await ask('GET', 'policy/versions')).json();
  expect(versions.map(({ version }: { version: number }) => version)).toEqual([3, 2, 1]);
  expect((await ask('GET', 'policy/versions/2')).json().default).toBe('allow');
  expect((await ask('GET', 'policy/versions/9')).status).toBe(404);
  const again = createPolicyBook({ dataDirectory: folder, clock, logger: silentLogger });
  expect(again.current()).toMatchObject({ document: POLICY, version: { version: 3 } });
});

test('what an editor makes of the file is a version; what cannot be read changes nothing, and is told', async () => {
  await save(POLICY, 0);
  const file = path.join(folder, 'policy', 'policy.json');
  writeFileSync(file, JSON.stringify({ ...POLICY, name: 'By hand' }));
  expect((await ask('GET', 'policy')).json()).toMatchObject({
    document: { name: 'By hand' },
    version: { version: 2, by: 'the file' },
  });
  writeFileSync(file, '{\n "version": 1,\n "rules": 7 }');
  const broken = (await ask('GET', 'policy')).json();
  expect(broken.document.name).toBe('By hand');
  expect(broken.problems[0]).toMatchObject({ severity: 'error', line: expect.any(Number) });
  rmSync(file);
  expect((await ask('GET', 'policy')).json().document).toBeNull();
});

test('a policy that is wrong is refused with its problems, and never written', async () => {
  const wrong = { ...POLICY, rules: [{ ...POLICY.rules[0], from: ['stafff'] }] };
  const refused = await save(wrong, 0);
  expect(refused.status).toBe(400);
  expect(refused.json().error.message).toContain('did you mean "staff"');
  expect(existsSync(path.join(folder, 'policy', 'policy.json'))).toBe(false);
  const checked = (await ask('POST', 'policy/check', { document: wrong })).json();
  expect(checked).toMatchObject({ document: null, problems: [{ path: 'rules[0].from[0]' }] });
  const shadowed = { ...POLICY, rules: [...POLICY.rules, { ...POLICY.rules[0], name: 'again' }] };
  expect((await ask('POST', 'policy/check', { document: shadowed })).json().problems).toEqual([
    expect.objectContaining({ severity: 'warning', path: 'rules[1]' }),
  ]);
});

test('the matrix, its cells, drops, and what a rule would have hit', async () => {
  expect((await ask('GET', 'policy/matrix')).status).toBe(404);
  await save(POLICY, 0);
  const { matrix, fromMs, toMs, records } = (await ask('GET', 'policy/matrix?last=1h')).json();
  expect(records).toBe(4);
  expect(matrix.totals).toMatchObject({
    allowed: { connections: 1 },
    violation: { connections: 1, answered: 1, packets: 8 },
    dropped: { connections: 1 },
  });
  const cell = await ask(
    'GET',
    `policy/cell?source=staff&destination=servers&outcome=violation&from=${fromMs}&to=${toMs}`,
  );
  expect(cell.json()).toMatchObject({
    pairCount: 1,
    pairs: [{ fromAddr: '10.1.0.1', toAddr: '10.2.0.1', value: 22, direction: 'sessionMark' }],
    exact: true,
  });
  expect((await ask('GET', 'policy/drops?last=1h')).json().sources).toEqual([
    expect.objectContaining({ rule: 'no-mail', srcAddr: '10.1.0.1', packets: 4 }),
  ]);
  const rule = { name: 'close', from: ['any'], to: ['servers'], services: ['any'], action: 'deny' };
  const change = (await ask('POST', 'policy/change', { rule, last: '1h' })).json();
  expect(change.change).toMatchObject({
    newlyDenied: { connections: 1 },
    hits: [{ rule: 'close', forwarded: { connections: 2 }, dropped: { connections: 1 } }],
  });
  const line = { from: 'staff', to: 'servers', service: 'tcp/443', was: 'forwarded' };
  const evidence = await ask('POST', 'policy/change/evidence', { rule, line, last: '1h' });
  expect(evidence.json().pairs).toEqual([expect.objectContaining({ value: 443 })]);
  expect((await ask('POST', 'policy/change', { rule: { name: 'x' } })).status).toBe(400);
  expect((await ask('GET', 'policy/matrix?filter=nonsense%20(')).status).toBe(400);
});

test('the audit as CSV cannot run as formulas; as PDF it is one', async () => {
  await save(POLICY, 0);
  const csv = await ask('GET', 'policy/audit.csv?last=1h');
  expect(csv.body.split('\r\n')[0]).toContain('"from"'.replaceAll('"', ''));
  expect(csv.body).toContain("'=web");
  expect(csv.body).toContain('allowed although denied');
  const pdf = await app.inject({ url: '/api/v1/policy/audit.pdf?last=1h' });
  expect(pdf.rawPayload.subarray(0, 5).toString()).toBe('%PDF-');
});

test('the watch sums up by day, goes on where it was, and tells of violations once a pass', async () => {
  await save(POLICY, 0);
  await policy.watch.pass();
  expect(policy.watch.status()).toMatchObject({ judgedToMs: NOW - 2 * MINUTE, passes: 1, alerts: 1 });
  expect(raised).toEqual([
    expect.objectContaining({
      detection: 'policy',
      subject: { kind: 'pair', value: 'staff → servers other tcp' },
      score: 0.95,
    }),
  ]);
  expect(raised[0]?.evidence.filter).toContain('srcAddr in (10.1.0.0/16)');
  clock.advance(5 * MINUTE);
  await policy.watch.pass();
  expect(raised).toHaveLength(1);
  const { days } = (await ask('GET', 'policy/trend')).json();
  expect(days).toEqual([
    expect.objectContaining({
      day: '2026-05-03',
      judgedMs: 10 * MINUTE,
      totals: expect.objectContaining({ violation: expect.objectContaining({ connections: 1 }) }),
    }),
  ]);
  clock.advance(24 * 60 * MINUTE);
  await policy.watch.pass();
  expect(policy.watch.trend().map(({ day }) => day)).toEqual(['2026-05-03', '2026-05-04']);
  expect(policy.watch.status().skippedMs).toBe(18 * 60 * MINUTE);
});

test('a firewall and a table become policies; what is none is refused', async () => {
  const text =
    'table ip f { chain c { type filter hook forward priority 0; policy drop; tcp dport 22 accept; } }';
  const imported = (await ask('POST', 'policy/import', { from: 'nftables', text })).json();
  expect(imported).toMatchObject({
    notMapped: [],
    document: { rules: [{ services: ['tcp/22'] }, { action: 'deny' }] },
  });
  const csv = { from: 'csv', text: 'from,to,action\na,b,allow' };
  expect((await ask('POST', 'policy/import', csv)).json().problems).toHaveLength(2);
  expect((await ask('POST', 'policy/import', { from: 'nftables', text: '{ no json' })).status).toBe(400);
  expect((await ask('POST', 'policy/import', { from: 'csv', text: 'a,b' })).status).toBe(400);
});
