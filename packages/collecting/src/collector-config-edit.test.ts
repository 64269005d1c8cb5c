import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatCollectorConfig, parseCollectorConfig } from './collector-config.ts';
import { editCollectorConfig } from './collector-config-edit.ts';
import { createFlowSource, type FlowSource } from './flow-source.ts';

const WRITTEN = `{
  // who looks after this: the network team
  "sources": [
    // the core
    { "name": "core", "monitoringPort": 9995, "type": "NetFlow v9" /* since 2019 */ },
    { "name": "edge", "monitoringPort": 9996 } // branches
  ]
}
`;

const sourcesOf = (text: string) => parseCollectorConfig(text, 'c.json').sources;
const source = (name: string, monitoringPort: number, more: object = {}) =>
  createFlowSource({ name, monitoringPort, ...more });

describe('editCollectorConfig', () => {
  test('touches what differs and nothing else', () => {
    const [core, edge] = sourcesOf(WRITTEN) as [FlowSource, FlowSource];
    expect(editCollectorConfig(WRITTEN, [core, edge])).toBe(WRITTEN);
    const changed = editCollectorConfig(WRITTEN, [{ ...core, monitoringPort: 2055, type: 'NetFlow' }, edge]);
    expect(changed).toBe(WRITTEN.replace('9995', '2055').replace('NetFlow v9', 'NetFlow'));
    const added = editCollectorConfig(WRITTEN, [source('new', 4739), core, edge]);
    expect(sourcesOf(added)).toEqual([core, edge, source('new', 4739)]);
    for (const comment of ['network team', 'the core', 'since 2019', 'branches'])
      expect(added).toContain(comment);
    expect(added).not.toContain('targetCollector');
    const removed = editCollectorConfig(WRITTEN, [core]);
    expect(sourcesOf(removed)).toEqual([core]);
    expect(removed).toContain('network team');
  });

  test('a file without sources gets them', () => {
    expect(editCollectorConfig('{}\n', [source('a', 1)])).toBe(
      '{\n  "sources": [\n    {\n      "name": "a",\n      "monitoringPort": 1\n    }\n  ]\n}\n',
    );
  });

  test('a renamed source stays where it stood', () => {
    const [core, edge] = sourcesOf(WRITTEN) as [FlowSource, FlowSource];
    const renamed = editCollectorConfig(WRITTEN, [{ ...core, name: 'heart' }, edge]);
    expect(renamed).toBe(WRITTEN.replace('"core"', '"heart"'));
  });

  const parameters = fc.record(
    {
      enabled: fc.boolean(),
      type: fc.constantFrom('Any', 'IPFIX', 'NetFlow v5'),
      monitoringAddress: fc.constantFrom('0.0.0.0', '127.0.0.1', '::1'),
      targetCollector: fc.constantFrom('local', 'north'),
      forwarding: fc.record(
        { port: fc.integer({ min: 1, max: 65_535 }), destinations: fc.constantFrom([], ['192.0.2.1']) },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: [] },
  );
  const list = fc
    .uniqueArray(fc.tuple(fc.integer({ min: 0, max: 9 }), parameters), {
      selector: ([name]) => name,
      maxLength: 6,
    })
    .map((entries) => entries.map(([number, more]) => source(`s${number}`, 3000 + number, more)));

  test('what is written is read back as the sources that were meant', () => {
    fc.assert(
      fc.property(list, list, (before, after) => {
        const edited = editCollectorConfig(formatCollectorConfig({ sources: before }), after);
        const byName = (one: FlowSource, other: FlowSource) => one.name.localeCompare(other.name);
        expect([...sourcesOf(edited)].sort(byName)).toEqual([...after].sort(byName));
      }),
    );
  });
});
