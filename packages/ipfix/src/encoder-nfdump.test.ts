/** What we encode is read the same by nfcapd and nfdump, IPv4 and IPv6. */
import { spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { DATA_TYPE_OCTETS } from './information-element.ts';
import { elementByName } from './information-model.ts';
import { createMessageEncoder } from './message-encoder.ts';
import type { Template } from './template.ts';

const hasNfdump = spawnSync('nfdump', ['-V']).status === 0 && existsSync('/proc/net/udp');
const START_MS = Date.parse('2026-01-02T03:04:05.678Z');
const FLOWS = 500;
const COMMON = [
  'flowStartMilliseconds',
  'flowEndMilliseconds',
  'octetDeltaCount',
  'packetDeltaCount',
  'sourceTransportPort',
  'destinationTransportPort',
  'protocolIdentifier',
  'tcpControlBits',
];

function templateOf(templateId: number, names: readonly string[]): Template {
  const fields = names.map((name) => {
    const element = elementByName(name) ?? expect.fail(name);
    const { enterpriseNumber, elementId, dataType } = element;
    return { enterpriseNumber, elementId, length: DATA_TYPE_OCTETS[dataType] };
  });
  return { templateId, scopeFieldCount: 0, fields };
}

interface Flow {
  readonly source: string;
  readonly destination: string;
  readonly port: number;
  readonly octets: number;
}

const flows = Array.from({ length: FLOWS }, (_, index): Flow => {
  const isIPv6 = index % 2 === 1;
  return {
    source: isIPv6 ? `2001:db8::${(index + 1).toString(16)}` : `10.1.${index >> 8}.${index & 255}`,
    destination: isIPv6 ? '2001:db8:1::1' : '192.0.2.1',
    port: 1024 + index,
    octets: 100_000_000_000 + index,
  };
});

function encodeFlows(): Uint8Array[] {
  const messages: Uint8Array[] = [];
  const encoder = createMessageEncoder({
    observationDomainId: 9,
    exportTimeMs: () => START_MS + 2000,
    onMessage: (bytes, octets) => {
      messages.push(bytes.slice(0, octets));
      return bytes;
    },
  });
  const ipv4 = templateOf(256, [...COMMON, 'sourceIPv4Address', 'destinationIPv4Address']);
  const ipv6 = templateOf(257, [...COMMON, 'sourceIPv6Address', 'destinationIPv6Address']);
  encoder.addTemplate(ipv4);
  encoder.addTemplate(ipv6);
  for (const { source, destination, port, octets } of flows) {
    const family = source.includes(':') ? 'IPv6' : 'IPv4';
    encoder.addRecord(family === 'IPv6' ? ipv6 : ipv4, {
      fields: {
        flowStartMilliseconds: START_MS,
        flowEndMilliseconds: START_MS + 1234,
        octetDeltaCount: octets,
        packetDeltaCount: 77,
        sourceTransportPort: port,
        destinationTransportPort: 443,
        protocolIdentifier: 6,
        tcpControlBits: 0x1b,
        [`source${family}Address`]: source,
        [`destination${family}Address`]: destination,
      },
    });
  }
  encoder.flush();
  return messages;
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

/** Octets that wait in the socket of this port; undefined while nobody has bound it. */
function waitingOctets(port: number): number | undefined {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')} `;
  const line = readFileSync('/proc/net/udp', 'utf8')
    .split('\n')
    .find((text) => text.includes(local));
  const queue = /\s[0-9A-F]{8}:([0-9A-F]{8})\s/.exec(line ?? '')?.[1];
  return queue === undefined ? undefined : Number.parseInt(queue, 16);
}

async function until(isReached: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1000 && !isReached(); tries++) await delay(10);
  expect(isReached()).toBe(true);
}

async function readByNfdump(messages: readonly Uint8Array[]): Promise<Record<string, unknown>[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-nfcapd-'));
  const port = await freePort();
  const collector = spawn('nfcapd', ['-b', '127.0.0.1', '-p', `${port}`, '-w', folder, '-t', '3600'], {
    stdio: 'ignore',
  });
  const ended = new Promise<void>((resolve) => collector.once('exit', () => resolve()));
  const socket = createSocket('udp4');
  try {
    await until(() => waitingOctets(port) !== undefined);
    for (const bytes of messages) {
      await new Promise<void>((resolve) => socket.send(bytes, port, '127.0.0.1', () => resolve()));
    }
    await until(() => waitingOctets(port) === 0);
    collector.kill('SIGTERM');
    await ended;
    const file = readdirSync(folder).find((name) => name.startsWith('nfcapd.2')) ?? expect.fail('no file');
    const { stdout } = spawnSync('nfdump', ['-r', path.join(folder, file), '-o', 'json'], {
      encoding: 'utf8',
      env: { ...process.env, TZ: 'UTC' },
    });
    return JSON.parse(stdout) as Record<string, unknown>[];
  } finally {
    socket.close();
    collector.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  }
}

test.skipIf(!hasNfdump)(
  'nfdump shows every flow as it was encoded, or: nfdump is not installed',
  async () => {
    const shown = await readByNfdump(encodeFlows());
    const byPort = shown.toSorted((a, b) => Number(a['src_port']) - Number(b['src_port']));
    expect(byPort).toHaveLength(FLOWS);
    flows.forEach(({ source, destination, port, octets }, index) => {
      const family = source.includes(':') ? '6' : '4';
      expect(byPort[index]).toMatchObject({
        first: '2026-01-02T03:04:05.678',
        last: '2026-01-02T03:04:06.912',
        in_bytes: octets,
        in_packets: 77,
        proto: 6,
        tcp_flags: '...AP.SF',
        src_port: port,
        dst_port: 443,
        [`src${family}_addr`]: source,
        [`dst${family}_addr`]: destination,
      });
    });
  },
);
