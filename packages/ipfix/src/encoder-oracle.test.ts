/** What we encode is read the same by tshark: every data type it has, options, variable lengths, many Sets. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { EncodableRecord } from './field-value.ts';
import { DATA_TYPE_OCTETS } from './information-element.ts';
import { elementByName } from './information-model.ts';
import { createMessageEncoder } from './message-encoder.ts';
import { pcapOf, sameText } from './oracle.test-support.ts';
import { type Template, VARIABLE_LENGTH } from './template.ts';

const hasTshark = spawnSync('tshark', ['--version']).status === 0;

/** Each element, tshark's name of it, and a value. */
const FLOW: readonly (readonly [name: string, tshark: string, value: string | number])[] = [
  ['octetDeltaCount', 'octets', '18446744073709551615'],
  ['packetDeltaCount', 'packets', 9007199254740991],
  ['protocolIdentifier', 'protocol', 6],
  ['tcpControlBits', 'tcpflags', 0x1b],
  ['sourceTransportPort', 'srcport', 65535],
  ['sourceIPv4Address', 'srcaddr', '192.0.2.1'],
  ['sourceIPv6Address', 'srcaddrv6', '2001:db8::1'],
  ['sourceMacAddress', 'srcmac', '02:00:00:aa:bb:cc'],
  ['flowEndReason', 'flow_end_reason', 3],
  ['interfaceName', 'if_name', 'eth0'],
  ['interfaceDescription', 'if_descr', 'x'.repeat(254)],
  ['selectorName', 'selector_name', 'y'.repeat(255)],
  ['VRFname', 'vrfname', 'z'.repeat(300)],
  ['observationTimeSeconds', 'observation_time_seconds', '2026-01-02T03:04:05Z'],
  ['observationTimeMilliseconds', 'observation_time_milliseconds', '2026-01-02T03:04:05.678Z'],
  ['observationTimeMicroseconds', 'observation_time_microseconds', '2026-01-02T03:04:05.678901Z'],
  ['observationTimeNanoseconds', 'observation_time_nanoseconds', '2026-01-02T03:04:05.678901234Z'],
];
const RECORDS = 40;

function templateOf(templateId: number, scopes: readonly string[], names: readonly string[]): Template {
  const fields = [...scopes, ...names].map((name) => {
    const element = elementByName(name) ?? expect.fail(name);
    const { enterpriseNumber, elementId, dataType } = element;
    return { enterpriseNumber, elementId, length: DATA_TYPE_OCTETS[dataType] || VARIABLE_LENGTH };
  });
  return { templateId, scopeFieldCount: scopes.length, fields };
}

function encodeMessages(): Uint8Array[] {
  const messages: Uint8Array[] = [];
  const encoder = createMessageEncoder({
    observationDomainId: 77,
    messageOctetsMax: 1400,
    setAlignment: 4,
    exportTimeMs: () => Date.parse('2026-01-02T03:04:06Z'),
    onMessage: (bytes, octets) => {
      messages.push(bytes.slice(0, octets));
      return bytes;
    },
  });
  const flows = templateOf(
    256,
    [],
    FLOW.map(([name]) => name),
  );
  const options = templateOf(257, ['selectorId'], ['samplingPacketInterval', 'selectorName']);
  encoder.addTemplate(flows);
  encoder.addTemplate(options);
  const record: EncodableRecord = {
    fields: Object.fromEntries(FLOW.map(([name, , value]) => [name, value])),
  };
  for (let index = 0; index < RECORDS; index++) encoder.addRecord(flows, record);
  encoder.addRecord(options, {
    scope: { selectorId: 5 },
    fields: { samplingPacketInterval: 100, selectorName: 'one in a hundred' },
  });
  encoder.flush();
  return messages;
}

function tsharkFields(messages: readonly Uint8Array[], fields: readonly string[]): string[][] {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-encoder-'));
  try {
    const file = path.join(folder, 'messages.pcap');
    writeFileSync(file, pcapOf(messages));
    const wanted = fields.flatMap((field) => ['-e', field]);
    const args = [
      '-r',
      file,
      '-d',
      'udp.port==4739,cflow',
      '-T',
      'fields',
      '-E',
      'separator=|',
      '-E',
      'aggregator=;',
    ];
    const { stdout } = spawnSync('tshark', [...args, ...wanted], { encoding: 'utf8' });
    const rows = stdout.trimEnd().split('\n');
    return fields.map((_, index) => rows.flatMap((row) => (row.split('|')[index] ?? '').split(';')));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test.skipIf(!hasTshark)('tshark reads what was encoded, or: tshark is not installed', () => {
  const messages = encodeMessages();
  expect(messages.length).toBeGreaterThan(20);
  const names = FLOW.map(([, tshark]) => `cflow.${tshark}`);
  const columns = tsharkFields(messages, [
    ...names,
    '_ws.expert.message',
    'cflow.od_id',
    'cflow.selector_id',
    'cflow.sampling_packet_interval',
  ]);
  FLOW.forEach(([name, , value], index) => {
    const shown = (columns[index] ?? []).filter((text) => text !== '');
    const expected = name === 'selectorName' ? RECORDS + 1 : RECORDS;
    expect(shown.length, name).toBe(expected);
    for (const text of shown.slice(0, RECORDS)) expect(sameText(text, value), `${name}: ${text}`).toBe(true);
  });
  const [expert, domains, selectors, intervals] = columns.slice(FLOW.length);
  expect(expert?.filter((text) => text !== '')).toEqual([]);
  expect(new Set(domains)).toEqual(new Set(['77']));
  expect(selectors?.filter((text) => text !== '')).toEqual(['5']);
  expect(intervals?.filter((text) => text !== '')).toEqual(['100']);
});
