import { createManualClock, silentLogger } from '@weir/base';
import type { Peer } from '@weir/host';
import { decodeRecords } from '@weir/ipfix';
import { describe, expect, test } from 'vitest';
import { type CollectorFixture, createCollectorFixture, transportsOf } from './collector-fixture.ts';
import { createExporter } from './exporter.ts';
import { parseProfile } from './profile.ts';

const START_MS = 1_700_000_000_000;
const SESSION = {
  exporterAddress: '192.0.2.9',
  localSocket: 'test',
  transport: 'udp',
  source: 'test',
} as const;

function peer(name: string): Peer {
  return {
    name,
    user: '',
    tags: [],
    publicKey: '',
    endpoint: '',
    overlayPrefixes: ['10.9.0.2/32'],
    lastSeenMs: 0,
    validFromMs: START_MS,
  };
}

function createBench(metadata: object, count = 1) {
  const collectors = Array.from({ length: count }, createCollectorFixture);
  const clock = createManualClock(START_MS);
  const text = JSON.stringify({ FlowMetadata: { Peers: ['WireGuard'], ...metadata } });
  const exporter = createExporter(parseProfile(text, 'test.profile'), {
    logger: silentLogger,
    clock,
    systemInitTimeMs: START_MS - 1000,
    createTransport: transportsOf(collectors),
  });
  return { exporter, clock, collectors };
}

/** The names of the peers that a collector was told, in order. */
function namesTold({ datagrams }: CollectorFixture): unknown[] {
  return [...decodeRecords(datagrams, SESSION)].flatMap((record) =>
    'scope' in record && record.scope?.['peerOverlayAddresses'] !== undefined
      ? [record.fields['peerName']]
      : [],
  );
}

describe('peers', () => {
  test('are told when the exporter starts, when they change, and again with the templates', async () => {
    const { exporter, clock, collectors } = createBench({
      IpFixCollectors: ['Udp/192.0.2.1:4739'],
      TemplateRefreshInterval: 120_000,
    });
    const [collector = createCollectorFixture()] = collectors;
    exporter.announcePeers([peer('early')]);
    await exporter.start();
    clock.advance(1000);
    expect(namesTold(collector)).toEqual(['early']);
    exporter.announcePeers([peer('one'), peer('two')]);
    clock.advance(1000);
    expect(namesTold(collector)).toEqual(['early', 'one', 'two']);
    clock.advance(120_000);
    expect(namesTold(collector)).toEqual(['early', 'one', 'two', 'one', 'two']);
    await exporter.stop();
  });

  test('are not told to who gets addresses anonymised', async () => {
    const anonymised = {
      Address: 'Udp/192.0.2.2:4739',
      Anonymisation: { TruncateIPv4: 24, TruncateIPv6: 48 },
    };
    const { exporter, clock, collectors } = createBench(
      { IpFixCollectors: ['Udp/192.0.2.1:4739', anonymised] },
      2,
    );
    await exporter.start();
    exporter.announcePeers([peer('one')]);
    clock.advance(1000);
    expect(collectors.map(namesTold)).toEqual([['one'], []]);
    await exporter.stop();
  });
});
