import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createManualClock, silentLogger } from '@weir/base';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readNetBirdStatus } from './netbird-status.ts';
import type { Peer } from './peer.ts';
import { createPeerDirectory, type PeerSource } from './peer-directory.ts';
import { readPeerFile } from './peer-file.ts';
import { readTailscaleStatus } from './tailscale-status.ts';
import { readWireGuardStatus } from './wireguard-status.ts';

const KEY = `${'q'.repeat(43)}=`;
const OTHER_KEY = `${'r'.repeat(43)}=`;

const WIREGUARD = [
  ['wg0', 'PRIVATE', 'ownkey', '51820', 'off'],
  ['wg0', KEY, 'PRESHARED', '198.51.100.7:51820', '10.9.0.2/32,fd00::2/128', '1700000000', '92', '180', '25'],
  ['wg0', OTHER_KEY, '(none)', '(none)', '10.9.0.3/32', '0', '0', '0', 'off'],
  ['wg0', 'no-prefix', '(none)', '(none)', '(none)', '0', '0', '0', 'off'],
]
  .map((fields) => fields.join('\t'))
  .join('\n');

const TAILSCALE = {
  Version: '1.70.0',
  Self: { HostName: 'me', UserID: 12, TailscaleIPs: ['100.64.0.1'] },
  Peer: {
    'nodekey:a': {
      PublicKey: `nodekey:${'ab'.repeat(32)}`,
      HostName: 'build-1',
      DNSName: 'build-1.tail0000.ts.net.',
      UserID: 12,
      TailscaleIPs: ['100.64.0.7', 'fd7a:115c:a1e0::7'],
      AllowedIPs: ['100.64.0.7/32', 'fd7a:115c:a1e0::7/128', '10.20.0.0/16'],
      CurAddr: '203.0.113.4:41641',
      LastSeen: '0001-01-01T00:00:00Z',
      LastHandshake: '2026-11-21T08:00:00Z',
    },
    'nodekey:b': {
      PublicKey: 'nodekey:b',
      HostName: 'printer',
      DNSName: '',
      UserID: 99,
      TailscaleIPs: ['100.64.0.8'],
      Tags: ['tag:office', 'tag:printer'],
      CurAddr: '',
      LastHandshake: '0001-01-01T00:00:00Z',
    },
  },
  User: { 12: { ID: 12, LoginName: 'ada@example.org', DisplayName: 'Ada' } },
};

const NETBIRD = {
  peers: {
    total: 1,
    connected: 1,
    details: [
      {
        fqdn: 'peer-1.netbird.cloud',
        netbirdIp: '100.92.0.9',
        publicKey: KEY,
        status: 'Connected',
        connectionType: 'P2P',
        iceCandidateEndpoint: { local: '192.0.2.1:51820', remote: '198.51.100.8:51820' },
        lastWireguardHandshake: '2026-11-21T08:00:00.5Z',
        networks: ['10.30.0.0/16'],
      },
    ],
  },
  netbirdIp: '100.92.0.1/16',
  fqdn: 'me.netbird.cloud',
  publicKey: OTHER_KEY,
  networks: ['10.40.0.0/16'],
};

describe('what the programs say', () => {
  test('wg show all dump: keys, endpoints and handshakes, and no secret', () => {
    const peers = readWireGuardStatus(WIREGUARD);
    expect(peers).toEqual([
      {
        name: '',
        user: '',
        tags: [],
        publicKey: KEY,
        endpoint: '198.51.100.7:51820',
        overlayPrefixes: ['10.9.0.2/32', 'fd00::2/128'],
        lastSeenMs: 1_700_000_000_000,
      },
      {
        name: '',
        user: '',
        tags: [],
        publicKey: OTHER_KEY,
        endpoint: '',
        overlayPrefixes: ['10.9.0.3/32'],
        lastSeenMs: 0,
      },
    ]);
    expect(JSON.stringify(peers)).not.toMatch(/PRIVATE|PRESHARED/);
  });

  test('tailscale status --json: names, users or tags, keys in base64', () => {
    expect(readTailscaleStatus(JSON.stringify(TAILSCALE))).toEqual([
      {
        name: 'build-1.tail0000.ts.net',
        user: 'ada@example.org',
        tags: [],
        publicKey: Buffer.alloc(32, 0xab).toString('base64'),
        endpoint: '203.0.113.4:41641',
        overlayPrefixes: ['100.64.0.7/32', 'fd7a:115c:a1e0::7/128', '10.20.0.0/16'],
        lastSeenMs: Date.parse('2026-11-21T08:00:00Z'),
      },
      {
        name: 'printer',
        user: '',
        tags: ['tag:office', 'tag:printer'],
        publicKey: 'nodekey:b',
        endpoint: '',
        overlayPrefixes: ['100.64.0.8/32'],
        lastSeenMs: 0,
      },
      {
        name: 'me',
        user: 'ada@example.org',
        tags: [],
        publicKey: '',
        endpoint: '',
        overlayPrefixes: ['100.64.0.1/32'],
        lastSeenMs: 0,
      },
    ]);
  });

  test('netbird status --json: names, addresses and routed networks', () => {
    expect(readNetBirdStatus(JSON.stringify(NETBIRD))).toEqual([
      {
        name: 'peer-1.netbird.cloud',
        user: '',
        tags: [],
        publicKey: KEY,
        endpoint: '198.51.100.8:51820',
        overlayPrefixes: ['100.92.0.9/32', '10.30.0.0/16'],
        lastSeenMs: Date.parse('2026-11-21T08:00:00.5Z'),
      },
      {
        name: 'me.netbird.cloud',
        user: '',
        tags: [],
        publicKey: OTHER_KEY,
        endpoint: '',
        overlayPrefixes: ['100.92.0.1/32'],
        lastSeenMs: 0,
      },
    ]);
  });

  test('netbird of today: IPv6 beside IPv4 or alone, exit nodes, and what it says when nobody has logged in', () => {
    const details = [
      { fqdn: 'both', netbirdIp: '100.92.0.9', netbirdIpv6: 'fd00:1::9', publicKey: KEY, networks: null },
      { fqdn: 'six', netbirdIp: '', netbirdIpv6: 'fd00:1::a', networks: ['0.0.0.0/0', '::/0', '10.0.0.0/8'] },
    ];
    const peers = readNetBirdStatus(JSON.stringify({ peers: { details } }));
    expect(peers.map(({ name, overlayPrefixes }) => [name, overlayPrefixes])).toEqual([
      ['both', ['100.92.0.9/32', 'fd00:1::9/128']],
      ['six', ['fd00:1::a/128', '10.0.0.0/8']],
    ]);
    const loggedOut = { peers: { total: 0, details: null }, daemonStatus: 'NeedsLogin', networks: null };
    expect(readNetBirdStatus(JSON.stringify(loggedOut))).toEqual([]);
  });

  test('exit nodes are not who all of the internet is', () => {
    const AllowedIPs = ['100.64.0.9/32', '0.0.0.0/0', '::/0', '128.0.0.0/1', 'fd7a:115c:a1e0::9/128'];
    const Peer = { 'nodekey:c': { DNSName: 'exit.ts.net.', AllowedIPs, ExitNodeOption: true, Tags: null } };
    const [exit] = readTailscaleStatus(JSON.stringify({ Peer, User: null }));
    expect(exit?.overlayPrefixes).toEqual(['100.64.0.9/32', 'fd7a:115c:a1e0::9/128']);
    expect(readTailscaleStatus('{"BackendState":"NeedsLogin","Peer":null,"User":null}')).toEqual([]);
  });

  test('any JSON is read without a throw, and gives peers with prefixes and harmless text', () => {
    const object = (value: fc.Arbitrary<unknown>) =>
      fc.record({ Peer: value, User: value, peers: fc.record({ details: value }) });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          object(fc.jsonValue()).map((value) => JSON.stringify(value)),
        ),
        (text) => {
          for (const peer of [...readTailscaleStatus(text), ...readNetBirdStatus(text)]) {
            expect(peer.overlayPrefixes.length).toBeGreaterThan(0);
          }
        },
      ),
    );
    fc.assert(fc.property(fc.string(), (text) => void readWireGuardStatus(text)));
    const hostile = [
      { name: `a\u001b[2J${'x'.repeat(500)}`, overlayPrefixes: ['10.0.0.1', 'rm -rf', 7], tags: 3 },
    ];
    const [peer] = readPeerFile(JSON.stringify(hostile));
    expect(peer?.name.startsWith('a\ufffd[2Jx')).toBe(true);
    expect(peer?.name).toHaveLength(128);
    expect(peer?.overlayPrefixes).toEqual(['10.0.0.1/32']);
  });
});

/** A directory over programs that say what `outputs` holds at the time; what is missing fails. */
function createFixture(sources: readonly PeerSource[]) {
  const clock = createManualClock(1_700_000_000_000);
  const outputs = new Map<string, string>();
  const give = async (name: string) => {
    const output = outputs.get(name);
    if (output === undefined) throw new Error(`${name} is not there`);
    return output;
  };
  const directory = createPeerDirectory(sources, { clock, logger: silentLogger, run: give, readText: give });
  const seen: (readonly Peer[])[] = [];
  directory.onChange((peers) => seen.push(peers));
  return { clock, outputs, directory, seen };
}

describe('the directory', () => {
  test('a file gives names to the keys that WireGuard knows', async () => {
    const { outputs, directory } = createFixture([{ kind: 'wireGuard' }, { kind: 'file', path: '/peers' }]);
    outputs.set('wg', WIREGUARD);
    const named = [
      { name: 'laptop', user: 'ada', tags: ['staff'], publicKey: KEY },
      { name: 'router', overlayPrefixes: ['10.9.0.254'] },
      { name: 'nobody', publicKey: 'unknown' },
    ];
    outputs.set('/peers', JSON.stringify(named));
    await directory.start();
    const summary = directory
      .peers()
      .map(({ name, endpoint, overlayPrefixes }) => [name, endpoint, overlayPrefixes]);
    expect(summary).toEqual([
      ['router', '', ['10.9.0.254/32']],
      ['laptop', '198.51.100.7:51820', ['10.9.0.2/32', 'fd00::2/128']],
      ['', '', ['10.9.0.3/32']],
    ]);
    await directory.stop();
  });

  test('tells of changes, not of handshakes, and since when a peer is who it is', async () => {
    const { clock, outputs, directory, seen } = createFixture([{ kind: 'netBird' }]);
    const status = structuredClone(NETBIRD);
    const detail = status.peers.details[0] as (typeof NETBIRD.peers.details)[0];
    const refresh = async () => {
      outputs.set('netbird', JSON.stringify(status));
      clock.advance(60_000);
      await directory.refresh();
    };
    await refresh();
    expect(seen).toHaveLength(1);
    detail.lastWireguardHandshake = '2026-11-21T08:02:00Z';
    await refresh();
    expect(seen).toHaveLength(1);
    detail.iceCandidateEndpoint.remote = '198.51.100.9:51820';
    await refresh();
    expect(seen.map(([peer]) => [peer?.endpoint, peer?.validFromMs])).toEqual([
      ['198.51.100.8:51820', 1_700_000_060_000],
      ['198.51.100.9:51820', 1_700_000_060_000],
    ]);
    detail.fqdn = 'other.netbird.cloud';
    await refresh();
    expect(seen[2]?.[0]?.validFromMs).toBe(1_700_000_240_000);
    expect(directory.counters()).toMatchObject({ refreshes: 4, changes: 3, failures: 0 });
  });

  test('a source that fails keeps what it said; the timer asks it again', async () => {
    const { clock, outputs, directory, seen } = createFixture([{ kind: 'tailscale' }, { kind: 'netBird' }]);
    outputs.set('tailscale', JSON.stringify(TAILSCALE));
    await directory.start();
    expect(directory.peers()).toHaveLength(3);
    outputs.set('tailscale', 'failed to connect to local tailscaled');
    outputs.set('netbird', JSON.stringify(NETBIRD));
    clock.advance(15_000);
    await directory.refresh();
    expect(directory.peers().map(({ name }) => name)).toEqual([
      'me',
      'build-1.tail0000.ts.net',
      'printer',
      'peer-1.netbird.cloud',
      'me.netbird.cloud',
    ]);
    expect(seen).toHaveLength(2);
    expect(directory.counters()).toMatchObject({ failures: 2, changes: 2 });
    await directory.stop();
    const { refreshes } = directory.counters();
    clock.advance(60_000);
    expect(directory.counters().refreshes).toBe(refreshes);
  });

  test('a program that is not installed is a failure, and no more', async () => {
    const directory = createPeerDirectory([{ kind: 'netBird' }], { logger: silentLogger });
    await directory.refresh();
    expect(directory.counters().failures + directory.peers().length).toBeGreaterThan(0);
  });

  test('each source has a state: what it told last, and why it does not answer', async () => {
    const { outputs, directory } = createFixture([{ kind: 'wireGuard' }, { kind: 'file', path: '/peers' }]);
    expect(directory.sources()).toEqual([
      { name: 'wg', peers: 0, problem: undefined },
      { name: '/peers', peers: 0, problem: undefined },
    ]);
    outputs.set('/peers', JSON.stringify([{ overlayPrefixes: ['10.0.0.1'] }]));
    await directory.refresh();
    expect(directory.sources()).toEqual([
      { name: 'wg', peers: 0, problem: 'wg is not there' },
      { name: '/peers', peers: 1, problem: undefined },
    ]);
    outputs.delete('/peers');
    await directory.refresh();
    expect(directory.sources()[1]).toEqual({ name: '/peers', peers: 1, problem: '/peers is not there' });
  });

  test.skipIf(process.platform === 'win32')(
    'a pipe for a file is a failure, and holds up nobody',
    async () => {
      const folder = mkdtempSync(path.join(tmpdir(), 'weir-peers-'));
      try {
        const [pipe, file] = [path.join(folder, 'pipe'), path.join(folder, 'file')];
        execFileSync('mkfifo', [pipe]);
        writeFileSync(file, JSON.stringify([{ overlayPrefixes: ['10.0.0.1'] }]));
        const sources = [pipe, file].map((name) => ({ kind: 'file', path: name }) as const);
        const directory = createPeerDirectory(sources, { logger: silentLogger });
        await directory.refresh();
        expect(directory.sources().map(({ peers, problem }) => [peers, problem])).toEqual([
          [0, `${pipe} is no regular file`],
          [1, undefined],
        ]);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );

  test('peers are bounded', async () => {
    const { outputs, directory } = createFixture([{ kind: 'file', path: '/peers' }]);
    const many = Array.from({ length: 10_005 }, (_, index) => ({
      overlayPrefixes: [`10.0.${index >> 8}.${index & 255}`],
    }));
    outputs.set('/peers', JSON.stringify(many));
    await directory.refresh();
    expect(directory.peers()).toHaveLength(10_000);
    expect(directory.counters().peersRefused).toBe(5);
  });
});
