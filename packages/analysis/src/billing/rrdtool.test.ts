/** Our percentile and that of rrdtool, on the same bins. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { percentileOf } from './billing-percentile.ts';

const RRDTOOL = '/usr/bin/rrdtool';
const BIN_SECONDS = 300;
const START = 1_759_269_600 - (1_759_269_600 % BIN_SECONDS);
const folder = mkdtempSync(path.join(tmpdir(), 'weir-rrdtool-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The 95th percentile as `rrdtool graph` prints it. */
function percentileOfRrdtool(bins: readonly number[]): number {
  const file = path.join(folder, `${bins.length}.rrd`);
  const rrdtool = (...args: string[]): string =>
    execFileSync(RRDTOOL, args, { encoding: 'utf8', cwd: folder });
  const source = `DS:v:GAUGE:${BIN_SECONDS}:0:U`;
  rrdtool(
    'create',
    file,
    '--start',
    `${START}`,
    '--step',
    `${BIN_SECONDS}`,
    source,
    `RRA:AVERAGE:0.5:1:${bins.length}`,
  );
  const updates = bins.map((value, index) => `${START + (index + 1) * BIN_SECONDS}:${value}`);
  for (let from = 0; from < updates.length; from += 1000)
    rrdtool('update', file, ...updates.slice(from, from + 1000));
  const end = START + bins.length * BIN_SECONDS;
  const range = ['--start', `${START}`, '--end', `${end}`, '--step', `${BIN_SECONDS}`, '--width', '10000'];
  const printed = rrdtool(
    'graph',
    '/dev/null',
    ...range,
    `DEF:v=${path.basename(file)}:v:AVERAGE`,
    'VDEF:p=v,95,PERCENTNAN',
    'PRINT:p:%.0lf',
  );
  return Number(printed.trim().split('\n').at(-1));
}

/** Numbers that look random and are the same each time. */
function bins(count: number): number[] {
  let state = count;
  return Array.from({ length: count }, (_, index) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    const day = 1 + Math.sin((index / 288) * 2 * Math.PI);
    return Math.round(day * 1e8 + state / 10);
  });
}

test.skipIf(!existsSync(RRDTOOL)).each([28, 29, 30, 31])(
  'rrdtool has the same percentile of %i days (needs /usr/bin/rrdtool)',
  (days) => {
    const values = bins(days * 288);
    const theirs = percentileOfRrdtool(values);
    expect(percentileOf(values, 95, 'rrdtool')).toBe(theirs);
    if (days === 29) expect(percentileOf(values, 95)).toBeGreaterThan(theirs);
    else expect(percentileOf(values, 95)).toBe(theirs);
  },
);
