/** What the doctor foresees of a host firewall, against what the kernel does with datagrams. */
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { createWire, type Host, namespacesMissing } from './network-namespace.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { runWeir } from './weir-process.ts';

const RULESET = `
table inet filter {
  set ports {
    type inet_service
    flags interval
    elements = { 2055, 4739, 9000-9010 }
  }
  chain sub {
    meta l4proto { tcp, udp } th dport 8080 accept
    udp dport vmap { 22 : accept, 23 : drop }
    ip protocol icmp accept
    limit rate 10/second udp dport 9 accept
    reject
  }
  chain input {
    type filter hook input priority filter; policy drop;
    ct state vmap { established : accept, related : accept, invalid : drop }
    ct state established,related accept
    iif lo accept
    meta l4proto ipv6-icmp accept
    iifname != "lo" udp dport 7000 accept
    iifname "eth9" udp dport 6000 accept
    udp dport @ports accept
    ip saddr 192.0.2.0/24 udp dport { 2056, 2100-2200 } accept
    udp dport 5000-5010 counter log prefix "x" accept
    tcp dport 2057 accept
    ip6 nexthdr udp udp dport 2058 accept
    udp dport != 1-9999 accept
    jump sub
    counter
  }
}
`;
/** What the kernel does with a datagram from the other host. */
const KNOWN: readonly (readonly [port: number, ipv4: boolean, ipv6: boolean])[] = [
  [2055, true, true],
  [4739, true, true],
  [9005, true, true],
  [9011, false, false],
  [7000, true, true],
  [5003, true, true],
  [2057, false, false],
  [2058, false, true],
  [12_000, true, true],
  [8080, true, true],
  [22, true, true],
  [23, false, false],
];

const missing =
  namespacesMissing() ?? (spawnSync('nft', ['--version']).error === undefined ? undefined : 'no nft');

const folder = temporaryFolder();

const LISTEN = `
import os, select, socket, time
ports = [int(port) for port in os.environ['PORTS'].split(',')]
sockets = {}
for port in ports:
    for family, host in ((socket.AF_INET, os.environ['IPV4']), (socket.AF_INET6, os.environ['IPV6'])):
        opened = socket.socket(family, socket.SOCK_DGRAM)
        opened.bind((host, port))
        sockets[opened] = '%d %d' % (port, 4 if family == socket.AF_INET else 6)
os.system(os.environ['SEND'])
until = time.time() + 1
while time.time() < until:
    for ready in select.select(list(sockets), [], [], 0.1)[0]:
        ready.recv(100)
        print(sockets[ready])
`;
const SEND = `
import os, socket
for port in os.environ['PORTS'].split(','):
    for family, host in ((socket.AF_INET, os.environ['IPV4']), (socket.AF_INET6, os.environ['IPV6'])):
        try:
            socket.socket(family, socket.SOCK_DGRAM).sendto(b'x', (host, int(port)))
        except OSError:
            pass
`;

/** Sends a datagram to each port over both families and says which came in. */
function arrivals(receiver: Host, sender: Host): unknown[] {
  const [listen, send] = [path.join(folder, 'listen.py'), path.join(folder, 'send.py')];
  writeFileSync(listen, LISTEN);
  writeFileSync(send, SEND);
  const env = {
    ...process.env,
    PORTS: KNOWN.map(([port]) => port).join(','),
    IPV4: receiver.ipv4,
    IPV6: receiver.ipv6,
    SEND: `ip netns exec ${sender.namespace} python3 ${send}`,
  };
  const [command = '', ...prefix] = receiver.prefix;
  const came = new Set(
    execFileSync(command, [...prefix, 'python3', listen], { encoding: 'utf8', env }).split('\n'),
  );
  return KNOWN.map(([port]) => [port, came.has(`${port} 4`), came.has(`${port} 6`)]);
}

/** What the doctor says of a configuration's ports: the findings on the firewall. */
function diagnose(host: Host): { verdict: string; message: string; remedy?: string }[] {
  const config = path.join(folder, 'collector.json');
  const sources = KNOWN.map(([port]) => ({
    name: `on ${port}`,
    monitoringPort: port,
    monitoringAddress: '::',
  }));
  writeFileSync(config, JSON.stringify({ sources }));
  const asked = ['doctor', '--json', '--config', config, '--data', folder];
  const { stdout } = runWeir(asked, { prefix: host.prefix });
  const findings = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  return findings.filter(({ subject }) => subject === 'firewall');
}

describe.skipIf(missing !== undefined)('nftables in a network namespace', () => {
  test('what the doctor foresees is what the kernel does; the rule it proposes helps', () => {
    const wire = createWire('c2fw');

    try {
      execFileSync('ip', ['netns', 'exec', wire.a.namespace, 'nft', '-f', '-'], { input: RULESET });
      const findings = diagnose(wire.a);
      const lets = (port: number, family: string) =>
        findings.some(({ message }) => message === `lets udp/${port}${family} in`);
      const foreseen = KNOWN.map(([port]) => [port, lets(port, ''), lets(port, ' over IPv6')]);
      expect(foreseen).toEqual(KNOWN);
      expect(arrivals(wire.a, wire.b)).toEqual(KNOWN);

      const closed = findings.filter(({ verdict }) => verdict !== 'good');
      for (const { remedy = '' } of closed) {
        const [command = '', ...words] = remedy.replace(/^for all others: /, '').split(' ');
        wire.a.run(command, ...words);
      }
      expect(diagnose(wire.a).filter(({ verdict }) => verdict !== 'good')).toEqual([]);
      const all = KNOWN.map(([port]) => [port, true, true]);
      expect(arrivals(wire.a, wire.b)).toEqual(all);
    } finally {
      wire.remove();
    }
  }, 120_000);
});
