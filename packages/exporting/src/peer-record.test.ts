import type { Peer } from '@weir/host';
import { decodeRecords } from '@weir/ipfix';
import { describe, expect, test } from 'vitest';
import { PEER_TEMPLATE, peerRecords } from './peer-record.ts';
import { encodeOptionRecords, encodeTemplates, PROCESS_DOMAIN_ID } from './template-message.ts';

const SESSION = {
  exporterAddress: '192.0.2.1',
  localSocket: 'test',
  transport: 'udp',
  source: 'test',
} as const;

const PEER: Peer = {
  name: 'build-1.example.net',
  user: 'ada@example.org',
  tags: ['staff', 'büro'],
  publicKey: `${'q'.repeat(43)}=`,
  endpoint: '198.51.100.7:51820',
  overlayPrefixes: ['10.9.0.2/32', 'fd00::2/128'],
  lastSeenMs: 1_700_000_000_000,
  validFromMs: 1_699_999_000_000,
};

/** What a collector reads of the peers' records. */
function received(peers: readonly Peer[], messageOctetsMax = 512) {
  const messages = [
    ...encodeTemplates([PEER_TEMPLATE], PROCESS_DOMAIN_ID, messageOctetsMax),
    ...encodeOptionRecords(peerRecords(peers), messageOctetsMax),
  ];
  const datagrams = messages.map(({ bytes }) => bytes);
  return [...decodeRecords(datagrams, SESSION)].flatMap((record) => ('fields' in record ? [record] : []));
}

describe('peer records', () => {
  test('say who is behind which addresses, and since when', () => {
    const [record] = received([PEER]);
    expect(record).toMatchObject({
      scope: { peerOverlayAddresses: '10.9.0.2/32,fd00::2/128' },
      fields: {
        peerName: 'build-1.example.net',
        peerUser: 'ada@example.org',
        peerTags: 'staff,büro',
        peerPublicKey: PEER.publicKey,
        peerEndpoint: '198.51.100.7:51820',
        peerLastSeenMilliseconds: '2023-11-14T22:13:20.000Z',
        observationTimeMilliseconds: '2023-11-14T21:56:40.000Z',
      },
    });
  });

  test('fit the least message whatever the texts are, cut at commas', () => {
    const text = 'ä'.repeat(128);
    const overlayPrefixes = Array.from(
      { length: 16 },
      (_, index) => `2001:db8:1234:5678:9abc:def0:0:${index}/128`,
    );
    const big = {
      ...PEER,
      name: text,
      user: text,
      tags: Array(16).fill(text),
      endpoint: text,
      overlayPrefixes,
    };
    const records = received([big, PEER]);
    expect(records).toHaveLength(5);
    expect(records[0]?.scope?.['peerOverlayAddresses']).toBe(overlayPrefixes.slice(0, 4).join(','));
    const told = records.slice(0, 4).map(({ scope }) => scope?.['peerOverlayAddresses']);
    expect(told.join(',')).toBe(overlayPrefixes.join(','));
    expect(new Set(records.slice(0, 4).map(({ fields }) => JSON.stringify(fields))).size).toBe(1);
    expect(records[0]?.fields['peerPublicKey']).toBe(PEER.publicKey);
  });

  test('are as many as there are peers', () => {
    const peers = Array.from({ length: 500 }, (_, index) => ({ ...PEER, name: `peer-${index}` }));
    expect(received(peers, 1400).map(({ fields }) => fields['peerName'])).toEqual(
      peers.map(({ name }) => name),
    );
  });
});
