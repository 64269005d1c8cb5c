/**
 * `npm run bench -- usage[:FLOWS]`: what billing and capacity cost for each million records (of FLOWS in one generated day, default 1M):
 * an account by networks, one by an interface, the hourly history of all interfaces.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { createStderrLogger, systemClock } from '@weir/base';
import { createAnalysisQueue, createBilling, createCapacity } from '@weir/server';
import { openStore } from '@weir/storage';
import { printTable } from './table.ts';

const BIN = path.resolve(import.meta.dirname, '../packages/cli/bin/weir.js');
const PLAN = { kind: 'percentile', measure: 'greater', currency: 'EUR', commit: '1', rate: '1' };
const ACCOUNTS = [
  { name: 'networks', direction: { by: 'networks', networks: ['10.0.0.0/8'] }, plan: PLAN },
  { name: 'interface', direction: { by: 'interface', exporter: '192.0.2.1', ifIndex: 1 }, plan: PLAN },
];

export async function benchmarkUsage(flows = '1M'): Promise<void> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'weir-bench-'));
  const generate = ['generate', '--data', folder, '--days', '1', '--flows', flows, '--exporters', '4'];
  const { status, stderr } = spawnSync(process.execPath, [BIN, ...generate], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`weir generate failed: ${stderr}`);
  const logger = createStderrLogger('bench', 'warn');
  const store = await openStore({ dataDirectory: folder, logger });
  const queue = createAnalysisQueue({ store, clock: systemClock, logger });
  const shared = { queue, dataDirectory: folder, clock: systemClock, logger };
  try {
    const { rowCount } = await store.status();
    const rows: string[][] = [];
    for (const account of ACCOUNTS) {
      const billing = createBilling(shared);
      const created = await billing.create(account);
      rows.push(await costOf(`billing, by ${account.name}`, rowCount, () => billing.catchUp()));
      await billing.remove(created.id);
      await billing.catchUp();
      await billing.stop();
    }
    const capacity = createCapacity(shared);
    rows.push(await costOf('capacity, all interfaces', rowCount, () => capacity.catchUp()));
    await capacity.stop();
    const columns = ['what', 'records', 's', 'CPU s', 'CPU s per million'];
    printTable(
      `Bins from ${flows} records of a day (npm run bench -- usage:${flows}), one run`,
      columns,
      rows,
    );
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function costOf(name: string, records: number, work: () => Promise<void>): Promise<string[]> {
  const startMs = performance.now();
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  const cpu = (user + system) / 1e6;
  const seconds = (performance.now() - startMs) / 1000;
  return [name, String(records), seconds.toFixed(1), cpu.toFixed(2), ((cpu * 1e6) / records).toFixed(2)];
}
