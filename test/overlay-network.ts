/** Three hosts on a WireGuard overlay and a fourth beside them, in network namespaces: what an exporter is for. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { namespacesMissing } from './network-namespace.ts';

const LISTEN_PORT = 51_820;

/** Why an overlay cannot be made here, or undefined when it can. */
export function overlayMissing(): string | undefined {
  const missing = ['wireguard-go', 'wg', 'nft'].find(
    (tool) => !['/usr/bin', '/usr/sbin'].some((folder) => existsSync(`${folder}/${tool}`)),
  );
  if (missing !== undefined) return `the tool ${missing} is not installed`;
  if (!existsSync('/dev/net/tun')) return 'this machine has no /dev/net/tun';
  return namespacesMissing();
}

export interface OverlayHost {
  readonly name: string;
  readonly namespace: string;
  /** Of the overlay. No two hosts share a name: the control sockets of wireguard-go are files of one machine. */
  readonly interfaceName: string;
  /** Outside of the overlay. */
  readonly underlay: string;
  readonly ipv4: string;
  readonly ipv6: string;
  readonly prefix: readonly string[];
  /** Runs a command to its end; throws when it fails. */
  run(command: string, ...args: string[]): string;
  /** Runs a command whose failure is expected. */
  attempt(command: string, ...args: string[]): void;
  start(command: string, ...args: string[]): ChildProcess;
}

export interface Overlay {
  readonly hosts: readonly [OverlayHost, OverlayHost, OverlayHost];
  /** Joined to the underlay only. */
  readonly collector: OverlayHost;
  remove(): Promise<void>;
}

/** `tag` tells the overlays of tests apart that run at the same time: one or two letters. */
export async function createOverlay(folder: string, tag = ''): Promise<Overlay> {
  const hub = `weir${tag}-hub`;
  ip('netns', 'add', hub);
  ip('-n', hub, 'link', 'add', 'br0', 'type', 'bridge');
  ip('-n', hub, 'link', 'set', 'br0', 'up');
  const children: ChildProcess[] = [];
  const [a, b, c, collector] = ['a', 'b', 'c', 'd'].map((name, index) =>
    createHost(name, index + 1, children, tag),
  ) as [OverlayHost, OverlayHost, OverlayHost, OverlayHost];
  const hosts = [a, b, c] as const;
  await joinByWireGuard(hosts, folder);
  return {
    hosts,
    collector,
    async remove() {
      for (const child of children) await stopChild(child);
      for (const { namespace } of [...hosts, collector]) spawnSync('ip', ['netns', 'del', namespace]);
      spawnSync('ip', ['netns', 'del', hub]);
    },
  };
}

/** Sends SIGINT and waits for the end. */
export async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGINT');
  const killer = setTimeout(() => child.kill('SIGKILL'), 5000);
  await ended;
  clearTimeout(killer);
}

function createHost(name: string, index: number, children: ChildProcess[], tag: string): OverlayHost {
  const namespace = `weir${tag}-${name}`;
  const hub = `weir${tag}-hub`;
  const underlay = `10.88.0.${index}`;
  ip('netns', 'add', namespace);
  ip('link', 'add', 'eth0', 'netns', namespace, 'type', 'veth', 'peer', 'name', `p${name}`, 'netns', hub);
  ip('-n', hub, 'link', 'set', `p${name}`, 'master', 'br0', 'up');
  ip('-n', namespace, 'addr', 'add', `${underlay}/24`, 'dev', 'eth0');
  ip('-n', namespace, 'link', 'set', 'eth0', 'up');
  ip('-n', namespace, 'link', 'set', 'lo', 'up');
  const prefix = ['ip', 'netns', 'exec', namespace];
  return {
    name,
    namespace,
    interfaceName: `wg${tag}-${name}`,
    underlay,
    ipv4: `10.99.0.${index}`,
    ipv6: `fd99::${index}`,
    prefix,
    run: (command, ...args) => ip(...prefix.slice(1), command, ...args),
    attempt: (command, ...args) =>
      void spawnSync('ip', [...prefix.slice(1), command, ...args], { stdio: 'ignore' }),
    start(command, ...args) {
      const child = spawn('ip', [...prefix.slice(1), command, ...args], { stdio: 'ignore' });
      children.push(child);
      return child;
    },
  };
}

async function joinByWireGuard(hosts: readonly OverlayHost[], folder: string): Promise<void> {
  const keys = hosts.map(() => {
    const secret = execFileSync('wg', ['genkey'], { encoding: 'utf8' }).trim();
    return { secret, public: execFileSync('wg', ['pubkey'], { encoding: 'utf8', input: secret }).trim() };
  });
  for (const host of hosts) host.start('wireguard-go', '-f', host.interfaceName);
  for (const [index, host] of hosts.entries()) {
    await untilThere(host);
    const sections = hosts.flatMap((peer, at) =>
      at === index ? [] : [peerSection(peer, keys[at]?.public ?? '')],
    );
    const file = path.join(folder, `${host.name}.wireguard`);
    writeFileSync(
      file,
      [`[Interface]\nPrivateKey = ${keys[index]?.secret}\nListenPort = ${LISTEN_PORT}`, ...sections].join(
        '\n',
      ),
    );
    host.run('wg', 'setconf', host.interfaceName, file);
    host.run('ip', 'addr', 'add', `${host.ipv4}/24`, 'dev', host.interfaceName);
    host.run('ip', 'addr', 'add', `${host.ipv6}/64`, 'dev', host.interfaceName, 'nodad');
    host.run('ip', 'link', 'set', host.interfaceName, 'up');
  }
}

function peerSection(peer: OverlayHost, publicKey: string): string {
  const allowed = `${peer.ipv4}/32, ${peer.ipv6}/128`;
  return `[Peer]\nPublicKey = ${publicKey}\nAllowedIPs = ${allowed}\nEndpoint = ${peer.underlay}:${LISTEN_PORT}`;
}

async function untilThere(host: OverlayHost): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const { status } = spawnSync('ip', ['-n', host.namespace, 'link', 'show', host.interfaceName], {
      stdio: 'ignore',
    });
    if (status === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`wireguard-go made no ${host.interfaceName} in ${host.namespace}`);
}

function ip(...args: string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
