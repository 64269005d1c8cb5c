/**
 * Two exporters over UDP into `weir collect`: what the store then says of countries, networks, users, names, rules,
 * sessions and duplicates.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  createMessageEncoder,
  type EncodableRecord,
  elementByName,
  type Template,
  VARIABLE_LENGTH,
} from '@weir/ipfix';
import { expect, test } from 'vitest';
import { temporaryFolder } from './temporary-folder.ts';
import { eventually, runWeir, startWeir } from './weir-process.ts';

const folder = temporaryFolder();

function template(templateId: number, scopeFieldCount: number, ...names: readonly string[]): Template {
  const fields = names.map((text) => {
    const [name = '', length] = text.split('/');
    const element = elementByName(name);
    if (element === undefined) throw new Error(name);
    const { enterpriseNumber, elementId } = element;
    return { enterpriseNumber, elementId, length: length === undefined ? VARIABLE_LENGTH : Number(length) };
  });
  return { templateId, scopeFieldCount, fields };
}

const FLOW = template(
  300,
  0,
  'sourceIPv4Address/4',
  'destinationIPv4Address/4',
  'sourceTransportPort/2',
  'destinationTransportPort/2',
  'protocolIdentifier/1',
  'octetDeltaCount/8',
  'packetDeltaCount/8',
  'flowStartMilliseconds/8',
  'flowEndMilliseconds/8',
  'ingressInterface/4',
  'flowDirection/1',
  'dropReason/1',
  'ruleName',
  'remoteDnsName',
);
const INTERFACE = template(301, 1, 'ingressInterface/4', 'interfaceName');

function messageOf(observationDomainId: number, records: readonly EncodableRecord[]): Uint8Array {
  let message = new Uint8Array(0);
  const encoder = createMessageEncoder({
    observationDomainId,
    exportTimeMs: () => Date.now(),
    onMessage(bytes, octets) {
      message = bytes.slice(0, octets);
      return undefined;
    },
  });
  encoder.addTemplate(INTERFACE);
  encoder.addTemplate(FLOW);
  encoder.addRecord(INTERFACE, { scope: { ingressInterface: 7 }, fields: { interfaceName: 'uplink' } });
  for (const record of records) encoder.addRecord(FLOW, record);
  encoder.flush();
  return message;
}

function flow(from: string, to: string, more: Record<string, string | number> = {}): EncodableRecord {
  const [sourceIPv4Address = '', sourceTransportPort = ''] = from.split(':');
  const [destinationIPv4Address = '', destinationTransportPort = ''] = to.split(':');
  return {
    fields: {
      sourceIPv4Address,
      destinationIPv4Address,
      sourceTransportPort: Number(sourceTransportPort),
      destinationTransportPort: Number(destinationTransportPort),
      protocolIdentifier: 6,
      octetDeltaCount: 1000,
      packetDeltaCount: 10,
      flowStartMilliseconds: new Date(Date.now() - 2000).toISOString(),
      flowEndMilliseconds: new Date(Date.now() - 1000).toISOString(),
      ingressInterface: 7,
      flowDirection: 0,
      dropReason: 0,
      ruleName: '',
      remoteDnsName: '',
      ...more,
    },
  };
}

async function send(port: number, from: string, message: Uint8Array): Promise<void> {
  const socket = createSocket('udp4').bind(0, from);
  await once(socket, 'listening');
  await new Promise((resolve) => socket.send(message, port, '127.0.0.1', resolve));
  socket.close();
}

const FIELDS =
  'exporter,srcAddr,dstPort,dstCountry,dstAs,srcNetwork,srcSite,srcUser,dstName,inIfName,rule,sessionId,sessionSide,duplicate';

function rowsOf(data: string): Record<string, unknown>[] {
  const args = ['query', '--data', data, '--last', '1h', '--json', '--by', FIELDS, '--top', '100'];
  const { stdout, stderr, status } = runWeir(args);
  expect(status, stderr).toBe(0);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

test('records are paired, compared and enriched on their way into the store', async () => {
  const data = path.join(folder, 'enriched');
  const networksFile = path.join(folder, 'networks.csv');
  const usersFile = path.join(folder, 'users.json');
  const config = path.join(folder, 'collector.json');
  writeFileSync(networksFile, 'prefix,network,site\n10.0.0.0/8,office,Wellington\n');
  writeFileSync(usersFile, JSON.stringify([{ prefix: '10.0.0.5/32', user: 'ada' }]));
  writeFileSync(
    config,
    JSON.stringify({
      sources: [
        {
          name: 'edge',
          monitoringAddress: '127.0.0.1',
          monitoringPort: 20_000 + (process.pid % 20_000),
          asymmetricFlows: true,
        },
      ],
      enrichment: { networksFile, usersFile },
    }),
  );
  const weir = startWeir(['collect', '--config', config, '--data', data, '--http', '127.0.0.1:0']);
  const url = /(http:\/\/[\d.:]+)/.exec(await weir.said(/console at/))?.[1];
  const port = Number(/listening on udp\/127.0.0.1:(\d+)/.exec(weir.output())?.[1]);
  const answer = await eventually(
    async () => (await fetch(`${url}/api/v1/enrichment`)).json(),
    ({ originsDate }) => originsDate !== null,
  );
  expect(answer).toMatchObject({ networks: 1, users: 1 });
  const [client, server] = ['10.0.0.5:40000', '8.8.8.8:443'];
  await send(port, '127.0.0.1', messageOf(1, [flow(client, server, { remoteDnsName: 'dns.example' })]));
  await send(
    port,
    '127.0.0.1',
    messageOf(1, [flow('10.0.0.6:41000', '10.0.0.7:22', { dropReason: 1, ruleName: 'no ssh' })]),
  );
  await new Promise((resolve) => setTimeout(resolve, 300));
  await send(port, '127.0.0.2', messageOf(2, [flow(server, client)]));
  await send(port, '127.0.0.2', messageOf(2, [flow(client, server)]));
  expect(await weir.stop('SIGTERM')).toBe(0);

  const rows = rowsOf(data);
  expect(rows.length).toBe(4);
  const [there, dropped, back, again] = [
    ['127.0.0.1', '10.0.0.5'],
    ['127.0.0.1', '10.0.0.6'],
    ['127.0.0.2', '8.8.8.8'],
    ['127.0.0.2', '10.0.0.5'],
  ].map(([exporter, srcAddr]) =>
    rows.find((row) => row['exporter'] === exporter && row['srcAddr'] === srcAddr),
  );
  const named = { srcNetwork: 'office', srcSite: 'Wellington', srcUser: 'ada', dstName: 'dns.example' };
  expect(there).toMatchObject({ ...named, dstCountry: 'US', dstAs: 15_169, inIfName: 'uplink' });
  expect(dropped).toMatchObject({ rule: 'no ssh', srcNetwork: 'office' });
  const { sessionId, sessionSide, duplicate } = there ?? {};
  expect(sessionId).toBeTruthy();
  expect(back).toMatchObject({ sessionId, duplicate });
  expect(again).toMatchObject({ sessionId, sessionSide });
  expect(back?.['sessionSide']).not.toEqual(sessionSide);
  expect(again?.['duplicate']).not.toEqual(duplicate);
  expect(dropped?.['sessionId']).not.toEqual(sessionId);
});
