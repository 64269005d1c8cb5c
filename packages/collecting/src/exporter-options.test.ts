import type { OptionsRecord } from '@weir/ipfix';
import { describe, expect, test } from 'vitest';
import { createExporterOptionsStore } from './exporter-options.ts';

const exporter = { address: '192.0.2.1', observationDomainId: 1, source: 'edge', version: 9 };

function record(fields: OptionsRecord['fields'], scope: OptionsRecord['fields'] = {}): OptionsRecord {
  return { exporter, templateId: 256, exportTimeMs: 0, scope, fields };
}

describe('createExporterOptionsStore', () => {
  test('keeps the newest name of an interface, wherever the record has its index', () => {
    const store = createExporterOptionsStore();
    store.take(record({ ingressInterface: 1, interfaceName: 'Gi0/1' }));
    store.take(record({ interfaceName: 'Gi0/2', interfaceDescription: 'uplink' }, { ingressInterface: 2 }));
    store.take(record({ ingressInterface: 1, interfaceName: 'Te0/1' }));
    store.take(record({ egressInterface: 3, interfaceDescription: 'to the lab' }));
    expect(store.interfacesOf(exporter)).toEqual([
      { ifIndex: 1, name: 'Te0/1', description: undefined },
      { ifIndex: 2, name: 'Gi0/2', description: 'uplink' },
      { ifIndex: 3, name: 'to the lab', description: 'to the lab' },
    ]);
    expect(store.interfacesOf({ ...exporter })).toEqual([]);
  });

  test('leaves alone what names no interface', () => {
    const store = createExporterOptionsStore();
    store.take(record({ samplingInterval: 100 }, { ingressInterface: 1 }));
    store.take(record({ interfaceName: 'nameless' }));
    store.take(record({ ingressInterface: 1, interfaceName: '' }));
    expect(store.interfacesOf(exporter)).toEqual([]);
  });

  test('is bounded in number and length of names', () => {
    const store = createExporterOptionsStore();
    const long = 'x'.repeat(10_000);
    for (let ifIndex = 0; ifIndex < 5000; ifIndex += 1) {
      store.take(record({ ingressInterface: ifIndex, interfaceName: long }));
    }
    store.take(record({ ingressInterface: 7, interfaceName: 'known ones still change' }));
    const names = store.interfacesOf(exporter);
    expect(names).toHaveLength(4096);
    expect(names[0]?.name).toHaveLength(255);
    expect(names[7]?.name).toBe('known ones still change');
    expect(store.refused).toBe(904);
  });
});
