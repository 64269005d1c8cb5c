import { expect, test } from 'vitest';
import type { Agent } from './agent.ts';
import { agentHealth } from './agent.ts';
import {
  changeBetween,
  collectorLines,
  collectorsOf,
  furtherText,
  isEmpty,
  withFurther,
} from './settings-draft.ts';

const SETTINGS = {
  Enabled: true,
  Direction: 'Both',
  IpFixCollectors: ['Udp/192.0.2.1:4739', { Address: 'Tls/192.0.2.2:4740', Tls: { Ca: '/a' } }],
  FlowIdKey: { NotShown: true },
  SpoolDirectory: '/var/spool',
  ObservationDomainId: 1,
};

test('only what differs is sent', () => {
  expect(isEmpty(changeBetween(SETTINGS, { ...SETTINGS }))).toBe(true);
  const { SpoolDirectory: _, ...rest } = SETTINGS;
  expect(changeBetween(SETTINGS, { ...rest, Direction: 'SendingToPeer' })).toEqual({
    set: { Direction: 'SendingToPeer' },
    unset: ['SpoolDirectory'],
  });
});

test('properties without a field are edited as JSON; the secret is left alone', () => {
  const text = furtherText(SETTINGS);
  expect(JSON.parse(text)).toEqual({ SpoolDirectory: '/var/spool', ObservationDomainId: 1 });
  expect(changeBetween(SETTINGS, withFurther(SETTINGS, text))).toEqual({ set: {}, unset: [] });
  expect(changeBetween(SETTINGS, withFurther(SETTINGS, '{"ObservationDomainId": 2}'))).toEqual({
    set: { ObservationDomainId: 2 },
    unset: ['SpoolDirectory'],
  });
  for (const wrong of ['[]', '3', '{']) expect(() => withFurther(SETTINGS, wrong)).toThrow();
});

test('collectors are lines, those that say more are JSON', () => {
  const lines = collectorLines(SETTINGS.IpFixCollectors);
  expect(collectorsOf(lines.join('\n\n'))).toEqual(SETTINGS.IpFixCollectors);
  expect(collectorsOf('{"Address"')).toEqual(['{"Address"']);
});

test('health says the worst thing', () => {
  const status = {
    version: '0.1.0',
    state: 'metering' as const,
    startedAt: 0,
    rates: { packets: 0, octets: 0, records: 0 },
    interfaces: [],
    collectors: [
      { name: 'Tcp/192.0.2.1:4739', state: 'connected', flowsSent: 1, flowsNotSent: 0, spoolOctets: 0 },
    ],
  };
  const agent: Agent = {
    id: 'a',
    name: 'a',
    platform: 'linux x64',
    enrolledAt: 0,
    enrolledBy: 'ada',
    address: '192.0.2.9',
    online: true,
    lastSeenAt: 1,
    status,
    edits: [],
  };
  expect(agentHealth(agent).health).toBe('good');
  const spooling = {
    ...status,
    collectors: [{ ...status.collectors[0]!, state: 'spooling', lastError: 'refused' }],
  };
  expect(agentHealth({ ...agent, status: spooling }).text).toBe('Tcp/192.0.2.1:4739: spooling (refused)');
  const disabled = { ...status, state: 'disabled' as const, reason: 'disabled: Enabled is false' };
  expect(agentHealth({ ...agent, status: disabled })).toMatchObject({
    health: 'warn',
    text: disabled.reason,
  });
  expect(agentHealth({ ...agent, online: false }).health).toBe('silent');
});
