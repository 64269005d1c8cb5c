/** `weir generate --data` fills a store with a day; `weir query` finds in it what was planted. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from './temporary-folder.ts';
import { runWeir } from './weir-process.ts';

const folder = temporaryFolder();
const data = path.join(folder, 'month');

interface Truth {
  records: number;
  octets: number;
  dropped: number;
  duplicates: number;
  from: string;
  to: string;
  attacks: { kind: string; attacker: string; victim: string; port: number; flows: number }[];
}

let truth: Truth;

beforeAll(() => {
  const made = runWeir(['generate', '--data', data, '--days', '0.2', '--flows', '40k', '--seed', '9']);
  expect(made.status, made.stderr).toBe(0);
  truth = JSON.parse(readFileSync(path.join(data, 'generated.json'), 'utf8'));
  mkdirSync(path.join(data, 'lists'));
  writeFileSync(
    path.join(data, 'lists', 'attackers.txt'),
    truth.attacks.map(({ attacker }) => attacker).join('\n'),
  );
}, 120_000);

function query(...args: string[]) {
  const range = ['--from', truth.from, '--to', truth.to];
  const { stdout, stderr, status } = runWeir(['query', '--data', data, ...range, ...args]);
  expect(status, stderr).toBe(0);
  return stdout;
}

function rows(...args: string[]): Record<string, number>[] {
  const lines = query('--json', ...args)
    .trim()
    .split('\n');
  return lines.filter(Boolean).map((line) => JSON.parse(line));
}

test('everything that was generated is there', () => {
  const { records, octets, dropped, duplicates } = truth;
  expect(rows('--measures', 'bps')).toMatchObject([{ flows: records, octets }]);
  expect(rows('--measures', 'bps', '--dedup')).toMatchObject([{ flows: records - duplicates }]);
  expect(rows('--measures', 'bps', 'dropped')).toMatchObject([{ flows: dropped }]);
});

test('attacks are found where they were planted', () => {
  const sweep = truth.attacks.find(({ kind }) => kind === 'hostSweep')!;
  const found = rows(
    `src ${sweep.attacker} and dst port 445 and flags S and not flags A and not duplicate`,
    '--by',
    'srcAddr',
    '--measures',
    'count(dstAddr)',
    '--order',
    'count(dstAddr)',
  );
  expect(found[0]!['count(dstAddr)']).toBeGreaterThanOrEqual(sweep.flows);
  expect(rows('src host @attackers', '--measures', 'bps')[0]!['flows']).toBeGreaterThan(0);
});

test('a table, an explanation, a Parquet file', () => {
  const table = query('--by', 'host', '--top', '3');
  expect(table).toMatch(/^host +octets +packets +flows +octetsSent +octetsReceived/);
  expect(table).toMatch(/octets and packets are as exported.*duplicates too\n$/);
  expect(query('--by', 'srcAddr', '--explain')).toMatch(/about [\d.]+ k records/);
  expect(query('--sessions', '--top', '2')).toMatch(/^start +duration +proto +initiator +responder/);
  const file = path.join(folder, 'top.parquet');
  expect(query('--by', 'srcUser', '--parquet', file)).toBe('');
  expect(existsSync(file)).toBe(true);
});

test('SQL of a person is answered, and can change nothing', () => {
  const sql = (...args: string[]) => runWeir(['sql', '--data', data, ...args]);
  const asked = 'SELECT count(*) AS flows, sum(octets)::UBIGINT AS octets FROM flows';
  const all = sql(asked, '--json');
  expect(JSON.parse(all.stdout)).toEqual({ flows: truth.records, octets: truth.octets });
  const some = sql('SELECT count(*) AS n FROM flows', '--from', truth.from, '--to', truth.to, '--csv');
  expect(some.stdout).toBe(`n\n${truth.records}\n`);
  expect(sql('SELECT', "'=1'", 'AS a', '--csv').stdout).toBe("a\n'=1\n");
  expect(sql('SELECT 5 AS five').stdout).toBe('five\n   5\n');
  expect(sql('DELETE FROM exporters')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('only SELECT and EXPLAIN are allowed'),
  });
});

test('what is asked wrongly is said in one line', () => {
  const wrong = (...args: string[]) => runWeir(['query', '--data', data, ...args]);
  expect(wrong('port @nolist')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('no list @nolist'),
  });
  expect(wrong('--by', 'hosst')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('did you mean "host"'),
  });
  expect(wrong('--from', 'soon')).toMatchObject({ status: 2 });
});
