import { describe, expect, test } from 'vitest';
import type { ListenerStatus, StatusResponse } from '../api/contract.ts';
import { sourceState } from './source-state.ts';

const SOURCE = { name: 'core', type: 'IPFIX', enabled: true };
const LISTENER: ListenerStatus = {
  source: 'core',
  transport: 'udp',
  address: '0.0.0.0',
  port: 4739,
  state: 'listening',
  datagrams: 9,
  kernelDrops: 0,
};
const status = (listener: Partial<ListenerStatus>): StatusResponse => ({
  version: '0',
  now: 0,
  startedAt: 0,
  demo: false,
  metering: { state: 'off', reason: '' },
  listeners: [{ ...LISTENER, ...listener }],
  exporters: [
    {
      address: '192.0.2.1',
      observationDomainId: 0,
      source: 'core',
      version: 10,
      records: 1,
      recordsPerSecond: 2,
      lost: 0,
      lastSeenAt: 0,
    },
    {
      address: '192.0.2.2',
      observationDomainId: 0,
      source: 'core',
      version: 10,
      records: 1,
      recordsPerSecond: 3,
      lost: 0,
      lastSeenAt: 0,
    },
  ],
  store: { dataDirectory: '', records: 0, octets: 0, oldestAt: null, newestAt: null },
});

describe('the state of a source', () => {
  test('sums up what its exporters send', () => {
    const state = sourceState(SOURCE, [SOURCE], status({}));
    expect(state).toMatchObject({ kind: 'listening', recordsPerSecond: 5, exporters: 2, notes: [] });
  });

  test('says in a sentence what arrived and is not taken, and what was lost', () => {
    const refused = [
      { version: 5, datagrams: 12 },
      { version: 0, datagrams: 1 },
    ];
    const { notes } = sourceState(SOURCE, [SOURCE], status({ refused, kernelDrops: 7 }));
    expect(notes[0]).toBe('12 datagrams of NetFlow v5 arrived on this source, which takes IPFIX.');
    expect(notes[1]).toContain('1 datagram of no export protocol at all');
    expect(notes[2]).toContain('7 datagrams were lost');
  });

  test('is not that of a source which only is staged, disabled or failed', () => {
    expect(sourceState(SOURCE, [], status({})).kind).toBe('new');
    expect(sourceState(SOURCE, [{ ...SOURCE, enabled: false }], status({})).kind).toBe('disabled');
    const failed = sourceState(SOURCE, [SOURCE], status({ state: 'failed', problem: 'The port is in use.' }));
    expect(failed).toMatchObject({ kind: 'failed', text: 'The port is in use.' });
  });
});
