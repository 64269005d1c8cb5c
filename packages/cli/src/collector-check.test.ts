import { describe, expect, test } from 'vitest';
import { describeExporters } from './collector-check.ts';

type Answer = Parameters<typeof describeExporters>[0];
type Exporter = Answer['exporters'][number];

function exporter(of: Partial<Exporter>): Exporter {
  return {
    address: '192.0.2.1',
    name: 'core1',
    nameFrom: 'configured',
    source: 'edge',
    observationDomainId: 7,
    versions: [9],
    firstSeen: 0,
    lastSeen: 0,
    rates: { recordsPerSecond: 0, octetsPerSecond: 0, loss: null },
    totals: {
      messages: 0,
      records: 0,
      optionsRecords: 0,
      octets: 0,
      undecodedSets: 0,
      templateChanges: 0,
      templatesRefused: 0,
      problems: 0,
    },
    problems: [],
    sequence: { lost: 0, duplicates: 0, reordered: 0, restarts: 0 },
    clockSkewMs: null,
    usualGapMs: null,
    sampling: [],
    interfaces: 0,
    applications: 0,
    vrfs: 0,
    peers: 0,
    templates: [],
    templateCount: 0,
    alarms: [],
    ...of,
  };
}

describe('describeExporters', () => {
  test('names what templates lack, one line for each use and list', () => {
    const lacks = { strm: ['TCP_FLAGS'], policy: ['ruleName'] };
    const templates = [
      { id: 256, options: false, fields: [], missing: lacks },
      { id: 257, options: false, fields: [], missing: { policy: ['ruleName'] } },
    ];
    const findings = describeExporters({ exporters: [exporter({ templates })], sources: [] });
    expect(findings.map(({ verdict, message }) => `${verdict} ${message}`)).toEqual([
      'note core1 (192.0.2.1), domain 7, on edge: template 256 lacks for STRM TCP_FLAGS',
      'note core1 (192.0.2.1), domain 7, on edge: templates 256, 257 lack for policy ruleName',
    ]);
  });

  test('alarms are bad where something does not work', () => {
    const alarms = [
      { code: 'silent', message: 'nothing has come for 5 min', since: 0 },
      { code: 'rate_limited', message: '5 datagrams', since: 0 },
    ] satisfies Exporter['alarms'];
    const sources: Answer['sources'] = [
      {
        source: 'edge',
        kernelDrops: 1,
        refusedVersions: [],
        alarms: [{ code: 'kernel_drops', message: 'drops', since: 0 }],
      },
    ];
    const findings = describeExporters({ exporters: [exporter({ alarms })], sources });
    expect(findings.map(({ verdict }) => verdict)).toEqual(['bad', 'bad', 'note']);
  });

  test('an exporter without fault, and none at all', () => {
    expect(describeExporters({ exporters: [exporter({})], sources: [] })).toMatchObject([
      { verdict: 'good' },
    ]);
    expect(describeExporters({ exporters: [], sources: [] })).toMatchObject([{ verdict: 'note' }]);
  });
});
