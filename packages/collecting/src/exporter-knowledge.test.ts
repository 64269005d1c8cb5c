import type { OptionsRecord } from '@weir/ipfix';
import { describe, expect, test } from 'vitest';
import { createExporterKnowledge, FACTS_PER_DOMAIN_MAX } from './exporter-knowledge.ts';
import { addressWords } from './peer-prefixes.ts';

const exporter = { address: '192.0.2.1', observationDomainId: 1, source: 'edge', version: 9 };
const otherDomain = { ...exporter, observationDomainId: 2 };

function record(
  fields: OptionsRecord['fields'],
  scope: OptionsRecord['fields'] = {},
  from = exporter,
): OptionsRecord {
  return { exporter: from, templateId: 256, exportTimeMs: 0, scope, fields };
}

describe('what option records tell', () => {
  test('interfaces: the newest name holds, wherever the record has its index', () => {
    const knowledge = createExporterKnowledge();
    knowledge.take(record({ ingressInterface: 1, interfaceName: 'Gi0/1' }), 1000);
    knowledge.take(
      record({ interfaceName: 'Gi0/2', interfaceDescription: 'uplink' }, { ingressInterface: 2 }),
      1000,
    );
    knowledge.take(record({ ingressInterface: 1, interfaceName: 'Te0/1' }), 2000);
    knowledge.take(record({ egressInterface: 3, interfaceDescription: 'to the lab' }), 2000);
    knowledge.take(record({ ingressPhysicalInterface: 4, interfaceName: 'eth4' }), 2000);
    const known = knowledge.of(exporter);
    expect([1, 2, 3, 4, 5].map((ifIndex) => known.interfaceName(ifIndex))).toEqual([
      'Te0/1',
      'Gi0/2',
      'to the lab',
      'eth4',
      undefined,
    ]);
    expect(knowledge.factsOf(exporter, 'interface')[1]).toMatchObject({
      detail: 'uplink',
      validFromMs: 1000,
    });
  });

  test('what a domain tells holds for the others of the exporter that tell nothing of it themselves', () => {
    const knowledge = createExporterKnowledge();
    knowledge.take(record({ interfaceName: 'Gi0/1' }, { ingressInterface: 1 }), 0);
    knowledge.take(record({ interfaceName: 'Gi9/1' }, { ingressInterface: 1 }, otherDomain), 0);
    knowledge.take(record({ interfaceName: 'Gi0/2' }, { ingressInterface: 2 }), 0);
    expect(knowledge.of(exporter).interfaceName(1)).toBe('Gi0/1');
    expect(knowledge.of(otherDomain).interfaceName(1)).toBe('Gi9/1');
    expect(knowledge.of(otherDomain).interfaceName(2)).toBe('Gi0/2');
    expect(knowledge.of({ ...exporter, observationDomainId: 3 }).interfaceName(2)).toBe('Gi0/2');
    expect(knowledge.of({ ...exporter, address: '192.0.2.2' }).interfaceName(1)).toBeUndefined();
  });

  test('applications are one whatever the length of their selector (RFC 6759)', () => {
    const knowledge = createExporterKnowledge();
    knowledge.take(record({ applicationId: '0d000050', applicationName: 'http' }), 0);
    const known = knowledge.of(exporter);
    expect(known.applicationName('0d000050')).toBe('http');
    expect(known.applicationName('0d50')).toBe('http');
    expect(known.applicationName('03000050')).toBeUndefined();
  });

  test('VRFs, in and out', () => {
    const knowledge = createExporterKnowledge();
    const told = { VRFname: 'customers', ingressVRFID: 7, egressVRFID: 8 };
    knowledge.take(record(told, { ingressVRFID: 7 }), 0);
    const known = knowledge.of(exporter);
    expect([known.vrfName(7), known.vrfName(8), known.vrfName(9)]).toEqual([
      'customers',
      'customers',
      undefined,
    ]);
  });

  test('peers by the longest of their prefixes; who moves leaves no trace', () => {
    const knowledge = createExporterKnowledge();
    const find = (address: string) => knowledge.of(exporter).peer(...(addressWords(address) ?? [0, 0, 0, 0]));
    const peer = { peerName: 'gateway', peerPublicKey: 'A=', peerUser: '' };
    knowledge.take(record(peer, { peerOverlayAddresses: '10.9.0.0/16,fd00::/64' }), 0);
    knowledge.take(
      record(
        { peerName: 'laptop', peerUser: 'ada', peerPublicKey: 'B=' },
        { peerOverlayAddresses: '10.9.0.2/32' },
      ),
      0,
    );
    expect(find('10.9.0.2')).toEqual({ name: 'laptop', user: 'ada' });
    expect(find('10.9.7.1')).toEqual({ name: 'gateway', user: undefined });
    expect(find('fd00::9')?.name).toBe('gateway');
    expect(find('10.8.0.1')).toBeUndefined();
    knowledge.take(record(peer, { peerOverlayAddresses: '10.8.0.0/16' }), 1);
    expect(find('10.8.0.1')?.name).toBe('gateway');
    expect(find('10.9.7.1')).toBeUndefined();
  });

  test('prefixes of a peer in several records that hold from the same moment on, until others do', () => {
    const knowledge = createExporterKnowledge();
    const find = (address: string) =>
      knowledge.of(exporter).peer(...(addressWords(address) ?? [0, 0, 0, 0]))?.name;
    const since = (second: number) => ({
      peerName: 'gateway',
      peerPublicKey: 'A=',
      observationTimeMilliseconds: `2026-11-21T08:00:0${second}.000Z`,
    });
    const tell = (prefixes: string, second: number) =>
      knowledge.take(record(since(second), { peerOverlayAddresses: prefixes }), 0);
    tell('10.1.0.0/16,10.2.0.0/16', 1);
    tell('10.3.0.0/16', 1);
    tell('10.1.0.0/16,10.2.0.0/16', 1);
    expect(['10.1.0.1', '10.2.0.1', '10.3.0.1'].map(find)).toEqual(['gateway', 'gateway', 'gateway']);
    tell('10.4.0.0/16', 2);
    expect(['10.1.0.1', '10.3.0.1', '10.4.0.1'].map(find)).toEqual([undefined, undefined, 'gateway']);
  });

  test("an exporter's name: its own word, else a peer's record for its address", () => {
    const knowledge = createExporterKnowledge();
    const member = { ...exporter, address: '10.9.0.2' };
    expect(knowledge.nameOf(member)).toBeUndefined();
    const peer = { peerName: 'laptop', peerPublicKey: 'B=' };
    knowledge.take(record(peer, { peerOverlayAddresses: '10.9.0.2/32' }), 0);
    expect(knowledge.nameOf(member)).toBe('laptop');
    knowledge.take(record({ observationDomainName: 'lab' }, {}, member), 0);
    expect(knowledge.nameOf(member)).toBe('lab');
  });

  test('leaves alone what names nothing', () => {
    const knowledge = createExporterKnowledge();
    knowledge.take(record({ samplingInterval: 100 }, { ingressInterface: 1 }), 0);
    knowledge.take(record({ interfaceName: 'nameless' }), 0);
    knowledge.take(record({ ingressInterface: 1, interfaceName: '' }), 0);
    knowledge.take(record({ applicationId: '', applicationName: 'x' }), 0);
    knowledge.take(record({ peerName: 'x' }, { peerOverlayAddresses: 'nonsense/99' }), 0);
    expect(knowledge.of(exporter).interfaceName(1)).toBeUndefined();
    expect(knowledge.of(exporter).peer(0, 0, 0, 0)).toBeUndefined();
  });
});

describe('the generation', () => {
  test('changes with what is told anew, not with repetitions', () => {
    const knowledge = createExporterKnowledge();
    const told = record({ interfaceName: 'Gi0/1' }, { ingressInterface: 1 });
    const stranger = knowledge.of(exporter).generation;
    knowledge.take(told, 0);
    const known = knowledge.of(exporter);
    const first = known.generation;
    expect(first).not.toBe(stranger);
    knowledge.take(told, 60_000);
    expect(known.generation).toBe(first);
    expect(knowledge.factsOf(exporter, 'interface')[0]).toMatchObject({ validFromMs: 0, toldAtMs: 60_000 });
    knowledge.take(record({ interfaceName: 'Te0/1' }, { ingressInterface: 1 }), 0);
    expect(known.generation).not.toBe(first);
    expect(knowledge.of(exporter)).toBe(known);
  });
});

describe('limits', () => {
  test('a domain tells so much and no more, and long names are cut', () => {
    const knowledge = createExporterKnowledge();
    for (let ifIndex = 0; ifIndex < 5000; ifIndex += 1) {
      knowledge.take(record({ ingressInterface: ifIndex, interfaceName: 'x'.repeat(10_000) }), 0);
    }
    knowledge.take(record({ ingressInterface: 7, interfaceName: 'known ones still change' }), 0);
    expect(knowledge.refused).toBe(5000 - FACTS_PER_DOMAIN_MAX.interface);
    expect(knowledge.size).toBe(FACTS_PER_DOMAIN_MAX.interface);
    expect(knowledge.of(exporter).interfaceName(8)).toHaveLength(255);
    expect(knowledge.of(exporter).interfaceName(7)).toBe('known ones still change');
  });

  test('who told nothing for the longest time makes room', () => {
    const knowledge = createExporterKnowledge(20);
    const from = (last: number) => ({ ...exporter, address: `192.0.2.${last}` });
    for (let last = 1; last <= 200; last += 1) {
      for (const ifIndex of [1, 2]) {
        knowledge.take(record({ interfaceName: 'a' }, { ingressInterface: ifIndex }, from(last)), 0);
        knowledge.take(record({ interfaceName: 'good' }, { ingressInterface: 1 }, from(1)), 0);
      }
    }
    expect(knowledge.size).toBe(20);
    expect(knowledge.forgotten).toBe(190);
    expect(knowledge.of(from(1)).interfaceName(1)).toBe('good');
    expect(knowledge.of(from(2)).interfaceName(1)).toBeUndefined();
  });

  test('domains beyond the limit are refused', () => {
    const knowledge = createExporterKnowledge();
    for (let id = 0; id < 300; id += 1) {
      const domain = { ...exporter, observationDomainId: id };
      knowledge.take(record({ interfaceName: 'a' }, { ingressInterface: id }, domain), 0);
    }
    expect(knowledge.size).toBe(256);
    expect(knowledge.refused).toBe(44);
  });
});

describe('over a restart', () => {
  test('everything is known again, with its times', () => {
    const knowledge = createExporterKnowledge();
    knowledge.take(record({ interfaceName: 'Gi0/1' }, { ingressInterface: 1 }), 1000);
    knowledge.take(record({ applicationId: '0d000050', applicationName: 'http' }), 1000);
    knowledge.take(record({ peerName: 'x', peerUser: 'ada' }, { peerOverlayAddresses: '10.9.0.2/32' }), 1000);
    const again = createExporterKnowledge();
    again.restore(JSON.parse(JSON.stringify(knowledge.snapshot())), 5000);
    expect(again.snapshot()).toEqual(knowledge.snapshot());
    expect(again.of(exporter).peer(...(addressWords('10.9.0.2') ?? [0, 0, 0, 0]))?.user).toBe('ada');
  });

  test('what nobody repeated for a month is left out, what is malformed too', () => {
    const knowledge = createExporterKnowledge();
    knowledge.take(record({ interfaceName: 'Gi0/1' }, { ingressInterface: 1 }), 0);
    const again = createExporterKnowledge();
    again.restore(knowledge.snapshot(), 31 * 86_400_000);
    again.restore({ exporters: [{ address: 1 }] }, 0);
    again.restore('nonsense', 0);
    again.restore(undefined, 0);
    expect(again.size).toBe(0);
  });
});
