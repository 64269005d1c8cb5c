import type { LoggedPacket, NflogReader } from '@weir/host';
import { clearFlowBatch, createFlowBatch } from '@weir/ipfix';
import { describe, expect, test } from 'vitest';
import { DropLedger } from './drop-ledger.ts';
import { type NflogSourceOptions, reasonOfGroup, reasonOfPrefix } from './drop-source.ts';
import { type DroppedRow, droppedRows } from './dropped-row.ts';
import { buildIpv4 } from './frame-builder.ts';
import { NflogSource } from './nflog-source.ts';

const NOW = 1_700_000_000_000;
const OPTIONS: NflogSourceOptions = {
  kind: 'nflog',
  group: 5,
  reason: 'AccessControl',
  prefixReasons: { trust: 'Trust', 'trust-but': 'Other' },
};

/** A source whose kernel hands over the packets of `queue`. */
function createFixture(options = OPTIONS) {
  const queue: Partial<LoggedPacket>[] = [];
  const statistics = { packets: 0, kernelDrops: 0, overruns: 0, malformed: 0 };
  const bytes = buildIpv4();
  const reader: NflogReader = {
    poll(_timeoutMs, onPacket) {
      const given = queue.splice(0);
      for (const packet of given) {
        onPacket({
          group: 5,
          prefix: '',
          hook: 1,
          inInterface: 0,
          outInterface: 0,
          timestampMs: NOW,
          bytes,
          offset: 0,
          capturedLength: bytes.length,
          wireLength: bytes.length,
          ...packet,
        });
      }
      statistics.packets += given.length;
      return given.length;
    },
    statistics: () => ({ ...statistics }),
    close: () => {},
  };
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
  const ledger = new DropLedger({ exporterOf: () => identity }, sink);
  const source = new NflogSource(options, reader, ledger, () => NOW + 77);
  const flush = () => {
    ledger.flushAll();
    sink.full();
    return rows.splice(0);
  };
  return { queue, statistics, source, flush };
}

describe('an NFLOG source', () => {
  test('names the rule by its prefix and the reason by the longest prefix that is known', () => {
    const { queue, source, flush } = createFixture();
    queue.push({ prefix: ' ssh-deny: ' }, { prefix: 'trust:no-tag ' }, { prefix: 'trust-but-verify' }, {});
    expect(source.poll(0)).toBe(4);
    expect(flush().map(({ ruleName, dropReason }) => [ruleName, dropReason])).toEqual([
      ['ssh-deny:', 1],
      ['trust:no-tag', 2],
      ['trust-but-verify', 3],
      ['', 1],
    ]);
    expect(source.status()).toEqual({ group: 5, frames: 4, framesLost: 0 });
  });

  test.each([
    ['input', { hook: 1, inInterface: 4 }, 0, 4, undefined],
    ['output', { hook: 3, outInterface: 6 }, 1, undefined, 6],
    ['postrouting of what is forwarded', { hook: 4, inInterface: 4, outInterface: 6 }, 1, 4, 6],
    ['forward', { hook: 2, inInterface: 4, outInterface: 6 }, 0, 4, 6],
    ['egress of the family netdev', { hook: 1, outInterface: 6 }, 1, undefined, 6],
    ['nowhere', { hook: 1 }, undefined, undefined, undefined],
  ])('knows the direction: %s', (_name, packet, direction, inIf, outIf) => {
    const { queue, source, flush } = createFixture();
    queue.push(packet);
    source.poll(0);
    expect(flush()).toMatchObject([{ direction, inIf, outIf, frames: 1 }]);
  });

  test('counts what the kernel could not hand over, once', () => {
    const { queue, statistics, source, flush } = createFixture();
    statistics.kernelDrops = 40;
    statistics.malformed = 2;
    queue.push({});
    source.poll(0);
    queue.push({ timestampMs: 0 });
    source.poll(0);
    expect(flush()).toMatchObject([
      { source: '::', frames: 42, dropReason: 3, dropOverflow: true },
      { frames: 2, endMs: NOW + 77 },
    ]);
    expect(source.status().framesLost).toBe(42);
  });

  test('what is lost has the reason of the group where it has one', () => {
    expect(reasonOfGroup(OPTIONS)).toBe(3);
    expect(reasonOfGroup({ kind: 'nflog', group: 1, reason: 'Trust' })).toBe(2);
    expect(reasonOfGroup({ ...OPTIONS, prefixReasons: { a: 'AccessControl' } })).toBe(1);
    expect(reasonOfPrefix({ kind: 'nflog', group: 1, reason: 'Trust' }, 'x')).toBe(2);
  });
});
