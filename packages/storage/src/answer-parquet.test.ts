import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { UserError } from '@weir/base';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeAnswerAsParquet } from './answer-parquet.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-parquet-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const columns = [
  { name: 'srcAddr', kind: 'address' },
  { name: "it's", kind: 'number' },
  { name: 'bps', kind: 'number' },
  { name: 'time', kind: 'timeMs' },
  { name: 'extra', kind: 'extra' },
] as const;

test('columns have the types of their kinds', async () => {
  const file = path.join(folder, "an'swer.parquet");
  const rows = [
    {
      srcAddr: '10.0.0.1',
      "it's": '18446744073709551615',
      bps: 1.5,
      time: '2026-05-03T10:00:00.123Z',
      extra: { a: [1, 'x'] },
    },
    { srcAddr: null, "it's": 7, bps: 2, time: null },
  ];
  await writeAnswerAsParquet({ columns, rows }, file);
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const answer = await connection.runAndReadAll(
    `SELECT "srcAddr", "it's"::VARCHAR, bps, epoch_ms(time)::VARCHAR, extra::VARCHAR FROM '${file.replaceAll("'", "''")}'`,
  );
  expect(answer.getRows()).toEqual([
    ['10.0.0.1', '18446744073709551615', 1.5, String(Date.UTC(2026, 4, 3, 10, 0, 0, 123)), '{"a":[1,"x"]}'],
    [null, '7', 2, null, null],
  ]);
  connection.disconnectSync();
  instance.closeSync();
  expect(readdirSync(folder)).toEqual(["an'swer.parquet"]);
});

test('a file that cannot be written is one error, and nothing is left behind', async () => {
  const file = path.join(folder, 'none', 'x.parquet');
  await expect(writeAnswerAsParquet({ columns, rows: [] }, file)).rejects.toThrow(UserError);
});
