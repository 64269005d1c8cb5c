/**
 * `npm run bench -- policy[:FLOWS]`: what it costs to hold a policy against FLOWS records of a generated day (default 5M): few
 * groups, many, and a list of thousands of addresses; and to find who is behind a cell.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import {
  type ClassRow,
  classesSql,
  createPolicyMatrix,
  createPolicySpace,
  filterOfEnds,
  type PolicyDocument,
  pairsSql,
  parseFilter,
  readClassRow,
  rowsOfChoice,
} from '@weir/analysis';
import { createStderrLogger } from '@weir/base';
import { type FlowStore, openStore } from '@weir/storage';
import { median, printTable } from './table.ts';

const BIN = path.resolve(import.meta.dirname, '../packages/cli/bin/weir.js');
const RUNS = 3;

const POLICIES: readonly (readonly [name: string, groups: number, listed: number])[] = [
  ['8 groups', 8, 0],
  ['200 groups', 200, 0],
  ['8 groups and a list of 5,000 addresses', 8, 5000],
];

/** Groups of the generated network's addresses, a few rules, and what is left. */
function policyOf(groups: number, listed: number): PolicyDocument {
  const networks = Array.from({ length: groups }, (_, index) => ({
    name: `group ${index}`,
    members: [groups <= 16 ? `10.${index}.0.0/16` : `10.${index % 8}.${index >> 3}.0/24`],
  }));
  const list = listed === 0 ? [] : [{ name: 'listed', members: ['@listed'] }];
  return {
    version: 1,
    groups: [...networks, ...list, { name: 'ours', members: ['10.0.0.0/8'] }],
    services: [{ name: 'web', members: ['tcp/80', 'tcp/443', 'udp/443'] }],
    rules: [
      { name: 'names', from: ['ours'], to: ['any'], services: ['udp/53'], action: 'allow' },
      { name: 'web', from: ['ours'], to: ['any'], services: ['web'], action: 'allow' },
      { name: 'no shells', from: ['any'], to: ['any'], services: ['tcp/22'], action: 'deny' },
    ],
    default: 'deny',
  };
}

export async function benchmarkPolicy(flows = '5M'): Promise<void> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'weir-bench-'));
  const generate = ['generate', '--data', folder, '--days', '1', '--flows', flows];
  const { status, stderr } = spawnSync(process.execPath, [BIN, ...generate], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`weir generate failed: ${stderr}`);
  const store = await openStore({ dataDirectory: folder, logger: createStderrLogger('bench', 'warn') });
  try {
    const rows: string[][] = [];
    for (const [name, groups, listed] of POLICIES) rows.push(...(await measure(store, name, groups, listed)));
    printTable(
      `A policy held against ${flows} records (npm run bench -- policy:${flows}), median of ${RUNS}`,
      ['policy', 'question', 'connections', 'kinds', 's', 'CPU s', 'MiB resident'],
      rows,
    );
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(store: FlowStore, name: string, groups: number, listed: number): Promise<string[][]> {
  const lines = Array.from({ length: listed }, (_, index) => `198.${18 + (index >> 8)}.${index & 255}.7`);
  const space = createPolicySpace([policyOf(groups, listed)], () => lines);
  let found: ClassRow[] = [];
  const matrixCost = await costOf(async () => {
    const answer = await store.sql(classesSql(space));
    found = answer.rows.map((row) => readClassRow(space, row));
    createPolicyMatrix(space, 0, found);
  });
  const matrix = createPolicyMatrix(space, 0, found);
  const cell = matrix.cells[0];
  const keys = rowsOfChoice(space, 0, found, { from: cell?.from ?? '', to: cell?.to ?? '' });
  const filter = parseFilter(filterOfEnds(space, keys) ?? '');
  const pairs = pairsSql(space, { filter, keys, kind: 'all', limit: 50 });
  const cellCost = await costOf(async () => void (await store.sql(pairs)));
  return [
    [name, 'matrix', String(matrix.connections), String(found.length), ...matrixCost],
    [name, 'pairs of a cell', '', String(keys.length), ...cellCost],
  ];
}

/** Seconds, CPU seconds and MiB, as text. */
async function costOf(work: () => Promise<void>): Promise<string[]> {
  const seconds: number[] = [];
  const cpuSeconds: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const startMs = performance.now();
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    seconds.push((performance.now() - startMs) / 1000);
    cpuSeconds.push((user + system) / 1e6);
  }
  const mebibytes = process.memoryUsage().rss / 2 ** 20;
  return [median(seconds).toFixed(1), median(cpuSeconds).toFixed(1), mebibytes.toFixed(0)];
}
