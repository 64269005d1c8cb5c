import { UserError } from '@weir/base';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatCollectorConfig, parseCollectorConfig } from './collector-config.ts';
import { createFlowSource, defaultFlowSources } from './flow-source.ts';
import { FLOW_SOURCE_TYPES } from './flow-source-type.ts';

function failureOf(text: string): UserError {
  try {
    parseCollectorConfig(text, 'collector.json');
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

describe('parseCollectorConfig', () => {
  test('an empty object means the two default sources', () => {
    expect(parseCollectorConfig('{}', 'collector.json').sources).toEqual(defaultFlowSources());
  });

  test('fills the defaults of a source', () => {
    const [source] = parseCollectorConfig(
      '{"sources":[{"name":"edge","monitoringPort":9995}]}',
      'c.json',
    ).sources;
    expect(source).toEqual({
      name: 'edge',
      enabled: true,
      targetCollector: 'local',
      type: 'Any',
      monitoringInterface: 'any',
      monitoringAddress: '0.0.0.0',
      monitoringPort: 9995,
      transport: 'udp',
      asymmetricFlows: false,
      forwarding: { enabled: false, port: 1025, destinations: [] },
    });
  });

  const source = (more: string) =>
    `{\n  "sources": [\n    {"name": "a", "monitoringPort": 9995${more}}\n  ]\n}`;
  test.each([
    ['{"sources": [1,]}', 'collector.json:1:16: not JSON: value expected; found ]}'],
    ['', 'collector.json:1:1: not JSON: value expected; found the end of the file'],
    ['{\n  "sources": []\n  "x": 1}', 'collector.json:3:3: not JSON: comma expected; found "x": 1}'],
    [
      '[]',
      'collector.json:1:1: found []; allowed: an object with the property "sources", a list of flow sources',
    ],
    [
      '{"source": []}',
      'collector.json:1:2: source: unknown; allowed: sources, exporters, reverseDnsOfExporters, enrichment, runAs, http, access',
    ],
    ['{"runAs": ""}', 'collector.json:1:2: runAs: found ""; allowed: the name of a user of this machine'],
    ['{"sources": {}}', 'collector.json:1:2: sources: found {}; allowed: a list of flow sources'],
    [
      '{"sources": ["udp"]}',
      'collector.json:1:14: sources[0]: found "udp"; allowed: an object with the parameters of a flow source',
    ],
    [
      '{"sources": [{"name": "a"}]}',
      'collector.json:1:14: sources[0].monitoringPort: found nothing; allowed: a port from 1 to 65535',
    ],
    [
      '{"sources": [{"name": "a", "monitoringPort": 70000}]}',
      'collector.json:1:28: sources[0].monitoringPort: found 70000; allowed: a port from 1 to 65535',
    ],
    [
      source(', "type": "sFlow"'),
      'collector.json:3:43: sources[0].type: found "sFlow"; allowed: one of Any, NetFlow, NetFlow v1, NetFlow v5, NetFlow v7, NetFlow v9, IPFIX',
    ],
    [
      source(', "port": 1'),
      'collector.json:3:43: sources[0].port: unknown; allowed: name, enabled, targetCollector, type, monitoringInterface, monitoringAddress, monitoringPort, transport, tls, connections, sourceFilePath, allow, limits, alarms, asymmetricFlows, sessions, forwarding',
    ],
    [
      source(', "forwarding": {"ports": 1}'),
      'collector.json:3:58: sources[0].forwarding.ports: unknown; allowed: enabled, port, destinations, templatesEverySeconds, preserveSource',
    ],
    [
      source(', "forwarding": {"destinations": ["Udp/127.0.0.1"]}'),
      'collector.json:3:75: sources[0].forwarding.destinations[0]: found "Udp/127.0.0.1"; allowed: "IP" or "Udp/IP:Port", IPv6 in brackets, with " 1/N" behind for one datagram in N',
    ],
    [
      source(', "monitoringAddress": "localhost"'),
      'collector.json:3:43: sources[0].monitoringAddress: found "localhost"; allowed: an IP address; 0.0.0.0 and :: are every address of the machine',
    ],
    [
      '{"sources": [{"name": "a", "monitoringPort": 2055}, {"name": "A", "monitoringPort": 2056}]}',
      'collector.json:1:54: sources[1].name: found "A", the name of sources[0]; allowed: a name of its own',
    ],
    [
      '{"sources": [{"name": "a", "monitoringPort": 2055}, {"name": "b", "monitoringPort": 2055, "monitoringAddress": "127.0.0.1"}]}',
      'collector.json:1:67: sources[1].monitoringPort: found 2055, where "a" listens; allowed: a free port, for example 2056',
    ],
    [
      source(', "transport": "sctp"'),
      'collector.json:3:43: sources[0].transport: found "sctp"; allowed: one of udp, tcp, tls',
    ],
    [
      source(', "transport": "tls"'),
      'collector.json:3:5: sources[0].tls: found nothing; allowed: an object with certificate and key',
    ],
    [
      source(', "transport": "tls", "tls": {"certificate": "c"}'),
      'collector.json:3:63: sources[0].tls.key: found nothing; allowed: a path',
    ],
    [
      source(', "transport": "tls", "tls": {"certificate": "c", "key": "k", "subjects": ["a"]}'),
      'collector.json:3:103: sources[0].tls.subjects: names nobody without clientCa; allowed: set clientCa',
    ],
    [
      source(', "transport": "tcp", "type": "NetFlow"'),
      'collector.json:3:63: sources[0].type: found "NetFlow" over tcp; allowed: IPFIX, Any',
    ],
    [
      source(', "connections": {}'),
      'collector.json:3:43: sources[0].connections: has no effect over udp; allowed: leave it out, or a transport of tcp or tls',
    ],
    [
      source(', "transport": "tcp", "connections": {"max": 0}'),
      'collector.json:3:79: sources[0].connections.max: found 0; allowed: a whole number from 1 to 4096',
    ],
    [
      source(', "sessions": {"windowSeconds": -1}'),
      'collector.json:3:56: sources[0].sessions.windowSeconds: found -1; allowed: a whole number from 0 to 300',
    ],
  ])('%s', (text, message) => {
    const failure = failureOf(text);
    expect(failure.message).toBe(message);
    expect(failure.code).toBe('config_invalid');
    expect(failure.exitCode).toBe(2);
  });

  test('a disabled source does not hold its port', () => {
    const text =
      '{"sources": [{"name": "a", "monitoringPort": 1, "enabled": false}, {"name": "b", "monitoringPort": 1}]}';
    expect(parseCollectorConfig(text, 'c.json').sources).toHaveLength(2);
  });

  test('what formatCollectorConfig writes reads back as the same', () => {
    const sourceArbitrary = fc.record({
      name: fc.stringMatching(/^[a-z][a-z0-9 ._-]{0,30}$/),
      type: fc.constantFrom(...FLOW_SOURCE_TYPES),
      monitoringPort: fc.integer({ min: 1, max: 65535 }),
      monitoringAddress: fc.oneof(fc.ipV4(), fc.ipV6()),
      asymmetricFlows: fc.boolean(),
      enabled: fc.constant(false),
    });
    fc.assert(
      fc.property(sourceArbitrary, (input) => {
        const config = { sources: [createFlowSource(input)] };
        expect(parseCollectorConfig(formatCollectorConfig(config), 'c.json')).toEqual(config);
      }),
    );
  });

  test('any text is either a configuration or one UserError of one line', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        try {
          parseCollectorConfig(text, 'c.json');
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
          expect((error as UserError).message).not.toContain('\n');
        }
      }),
      { numRuns: 500 },
    );
  });
});
