/** Traces metered by us and dissected by tshark, for tests that compare the two. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { clearFlowBatch, createFlowBatch } from '@weir/ipfix';
import { type FlowFields, flowFields } from './flow-fields.ts';
import { meterFile } from './meter-file.ts';
import type { PacketMeterOptions } from './packet-meter.ts';

const packets = fileURLToPath(new URL('../../../../shared/fixtures/packets/', import.meta.url));
const hasTshark = spawnSync('tshark', ['--version']).status === 0;
/** Why there is nothing to compare; empty when there is. */
export const missing = !existsSync(packets) ? ' (no shared fixtures)' : hasTshark ? '' : ' (no tshark)';

/** A sink that keeps its rows as fields. */
export function createRows() {
  const batch = createFlowBatch(64);
  const rows: FlowFields[] = [];
  const full = () => {
    for (let row = 0; row < batch.rowCount; row += 1) rows.push(flowFields(batch, row));
    clearFlowBatch(batch);
    return batch;
  };
  return { rows, sink: { batch, full } };
}

/** The records of a trace whose flows end with it. */
export async function meterTrace(name: string, options: PacketMeterOptions): Promise<FlowFields[]> {
  const { rows, sink } = createRows();
  const timeouts = { idleTimeoutMs: 1e12, activeTimeoutMs: 0, tcpLingerMs: 1e12, flowsMax: 10_000 };
  await meterFile(`${packets}${name}`, { ...timeouts, ...options }, sink);
  sink.full();
  return rows;
}

/** The fields of each packet that tshark's filter takes, as columns of text. */
export function tshark(name: string, filter: string, fields: readonly string[]): string[][] {
  const wanted = fields.flatMap((field) => ['-e', field]);
  const output = execFileSync(
    'tshark',
    ['-n', '-r', `${packets}${name}`, '-Y', filter, '-T', 'fields', ...wanted],
    { stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 26 },
  );
  return output
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t'));
}
