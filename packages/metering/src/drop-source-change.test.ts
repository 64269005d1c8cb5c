import type { NflogReader } from '@weir/host';
import { clearFlowBatch, createFlowBatch } from '@weir/ipfix';
import { expect, test } from 'vitest';
import { DropIntake } from './drop-intake.ts';
import type { DropSourceOptions } from './drop-source.ts';
import { type DroppedRow, droppedRows } from './dropped-row.ts';
import { buildIpv4 } from './frame-builder.ts';

const NOW = 1_700_000_000_000;

/** A kernel whose groups hold what the test put into them; group 9 is refused. */
function createFixture() {
  const queued = new Map<number, string[]>();
  const log: string[] = [];
  const bytes = buildIpv4();
  function openNflog(group: number): NflogReader {
    if (group === 9) throw new Error('group 9 is taken');
    log.push(`open ${group}`);
    let packets = 0;
    return {
      poll(_timeoutMs, onPacket) {
        const prefixes = queued.get(group)?.splice(0) ?? [];
        packets += prefixes.length;
        for (const prefix of prefixes) {
          onPacket({
            group,
            prefix,
            hook: 1,
            inInterface: 2,
            outInterface: 0,
            timestampMs: NOW,
            bytes,
            offset: 0,
            capturedLength: bytes.length,
            wireLength: bytes.length,
          });
        }
        return prefixes.length;
      },
      statistics: () => ({ packets, kernelDrops: 0, overruns: 0, malformed: 0 }),
      close: () => void log.push(`close ${group}`),
    };
  }
  const batch = createFlowBatch(64);
  const rows: DroppedRow[] = [];
  const sink = {
    batch,
    full() {
      rows.push(...droppedRows(batch));
      clearFlowBatch(batch);
      return batch;
    },
  };
  const identity = { address: 'local', observationDomainId: 0, source: 'local', version: 0 };
  const intake = new DropIntake(sink, {
    ledger: { exporterOf: () => identity },
    passed: () => {},
    interfaceIndexOf: () => 0,
    openNflog,
    nowMs: () => NOW,
  });
  const logFrame = (group: number, prefix: string) =>
    queued.set(group, [...(queued.get(group) ?? []), prefix]);
  const reasons = () => {
    intake.flushAll(Number.POSITIVE_INFINITY);
    sink.full();
    return rows.map(({ frames, dropReason, ruleName }) => [ruleName, dropReason, frames]);
  };
  return { intake, openLog: log, put: logFrame, reasons };
}

const nflog = (group: number, reason: 'AccessControl' | 'Trust' | 'Other'): DropSourceOptions => ({
  kind: 'nflog',
  group,
  reason,
});

test('sources change and no frame is lost: those that stay go on, with other reasons', async () => {
  const { intake, openLog, put, reasons } = createFixture();
  await intake.open([nflog(5, 'AccessControl'), nflog(6, 'AccessControl')]);
  put(5, 'before');
  put(6, 'last');
  const change = await intake.prepare([nflog(7, 'Trust'), nflog(5, 'Other')]);
  await change.commit();
  put(5, 'after');
  put(7, 'new');
  intake.poll();
  expect(openLog).toEqual(['open 5', 'open 6', 'open 7', 'close 6']);
  expect(reasons().sort()).toEqual([
    ['after', 3, 1],
    ['before', 1, 1],
    ['last', 1, 1],
    ['new', 2, 1],
  ]);
  expect(intake.status().nflog.map(({ group, frames }) => [group, frames])).toEqual([
    [7, 1],
    [5, 2],
  ]);
});

test('a source that cannot be opened, or a change that is not wanted after all, leaves all as it was', async () => {
  const { intake, openLog, put, reasons } = createFixture();
  await intake.open([nflog(5, 'AccessControl')]);
  await expect(intake.prepare([nflog(6, 'Trust'), nflog(9, 'Trust')])).rejects.toThrow('group 9 is taken');
  const change = await intake.prepare([nflog(8, 'Trust')]);
  change.cancel();
  put(5, 'still');
  intake.poll();
  expect(openLog).toEqual(['open 5', 'open 6', 'close 6', 'open 8', 'close 8']);
  expect(reasons()).toEqual([['still', 1, 1]]);
});
