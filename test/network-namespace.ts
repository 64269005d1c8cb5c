/** Two network namespaces joined by a veth pair: two hosts on one machine, with nothing else on the wire. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import process from 'node:process';

/** Why namespaces cannot be made here, or undefined when they can. */
export function namespacesMissing(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces need Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  if (!existsSync('/usr/sbin/ip') && !existsSync('/sbin/ip')) return 'the tool ip is not installed';
  const probe = `weir-probe-${process.pid}`;
  if (spawnSync('ip', ['netns', 'add', probe]).status !== 0) return 'this kernel makes no network namespaces';
  execFileSync('ip', ['netns', 'del', probe]);
  return undefined;
}

export interface Host {
  namespace: string;
  interfaceName: string;
  ipv4: string;
  ipv6: string;
  /** The words to put before a command so that it runs on this host. */
  prefix: readonly string[];
  run(command: string, ...args: string[]): string;
}

export interface Wire {
  a: Host;
  b: Host;
  remove(): void;
}

/** Creates the pair; `name` tells concurrent tests apart (at most 8 characters). */
export function createWire(name: string): Wire {
  const a = describeHost(`${name}a`, '10.77.0.1', 'fd77::1');
  const b = describeHost(`${name}b`, '10.77.0.2', 'fd77::2');
  ip('netns', 'add', a.namespace);
  ip('netns', 'add', b.namespace);
  ip(
    'link',
    'add',
    a.interfaceName,
    'netns',
    a.namespace,
    'type',
    'veth',
    'peer',
    'name',
    b.interfaceName,
    'netns',
    b.namespace,
  );
  for (const host of [a, b]) {
    host.run('ip', 'addr', 'add', `${host.ipv4}/24`, 'dev', host.interfaceName);
    host.run('ip', 'addr', 'add', `${host.ipv6}/64`, 'dev', host.interfaceName, 'nodad');
    host.run('ip', 'link', 'set', host.interfaceName, 'up');
    host.run('ip', 'link', 'set', 'lo', 'up');
  }
  return {
    a,
    b,
    remove() {
      for (const host of [a, b]) spawnSync('ip', ['netns', 'del', host.namespace]);
    },
  };
}

function describeHost(namespace: string, ipv4: string, ipv6: string): Host {
  const prefix = ['ip', 'netns', 'exec', namespace];
  return {
    namespace,
    interfaceName: `v-${namespace}`,
    ipv4,
    ipv6,
    prefix,
    run: (command, ...args) => ip(...prefix.slice(1), command, ...args),
  };
}

function ip(...args: string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
