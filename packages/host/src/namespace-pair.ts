/**
 * Two network namespaces joined by a veth pair, for tests: real interfaces and real packets, nobody else's.
 */
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { assert } from '@weir/base';
import { captureCapability } from './capability.ts';
import { libc } from './libc.ts';

const CLONE_NEWNET = 0x4000_0000;
const TUNSETIFF = 0x4004_54ca;
const IFF_TUN = 0x0001;
const IFF_NO_PI = 0x1000;

export interface NamespacePair {
  /** Each namespace has an interface `veth`, with 10.9.0.1 and fd09::1 in `a`, .2 and ::2 in `b`. */
  readonly a: string;
  readonly b: string;
  /** Runs a command in a namespace and returns what it wrote. */
  run(namespace: string, command: string, ...args: string[]): string;
  /** Starts a command in a namespace; `ended` resolves to its stdout and stderr together. */
  start(namespace: string, command: string, ...args: string[]): StartedCommand;
  remove(): void;
}

export interface StartedCommand {
  /** Resolves when the output contains `text`. */
  printed(text: string): Promise<void>;
  readonly ended: Promise<string>;
  interrupt(): void;
}

/** Why tests with namespaces cannot run here; undefined where they can. */
export function namespacesUnavailable(): string | undefined {
  const capture = captureCapability();
  if (!capture.allowed) return capture.missing;
  if (process.getuid?.() !== 0) return 'not root';
  try {
    execFileSync('ip', ['netns', 'list'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'no command "ip netns"';
  }
}

export function createNamespacePair(name: string): NamespacePair {
  const a = `weir-${name}-${process.pid}-a`;
  const b = `weir-${name}-${process.pid}-b`;
  const run = (namespace: string, command: string, ...args: string[]) =>
    execFileSync('ip', ['netns', 'exec', namespace, command, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const ip = (...args: string[]) => execFileSync('ip', args);
  for (const namespace of [a, b]) ip('netns', 'add', namespace);
  ip('-n', a, 'link', 'add', 'veth', 'type', 'veth', 'peer', 'name', 'veth', 'netns', b);
  for (const [namespace, host] of [
    [a, '1'],
    [b, '2'],
  ] as const) {
    ip('-n', namespace, 'addr', 'add', `10.9.0.${host}/24`, 'dev', 'veth');
    ip('-n', namespace, 'addr', 'add', `fd09::${host}/64`, 'dev', 'veth', 'nodad');
    ip('-n', namespace, 'link', 'set', 'lo', 'up');
    ip('-n', namespace, 'link', 'set', 'veth', 'up');
  }
  return {
    a,
    b,
    run,
    start: (namespace, command, ...args) => startCommand('ip', 'netns', 'exec', namespace, command, ...args),
    remove() {
      for (const namespace of [a, b]) ip('netns', 'del', namespace);
    },
  };
}

/** Runs `work` with this thread in a namespace: a socket opened there belongs to it for good. */
export function within<T>(namespace: string, work: () => T): T {
  const c = libc();
  const home = openSync('/proc/thread-self/ns/net', 'r');
  const away = openSync(`/run/netns/${namespace}`, 'r');
  try {
    assert(c.setns(away, CLONE_NEWNET) === 0, 'the namespace can be entered');
    return work();
  } finally {
    assert(c.setns(home, CLONE_NEWNET) === 0, 'the namespace can be left');
    closeSync(away);
    closeSync(home);
  }
}

/**
 * The far end of a new tun interface in this thread's namespace: reading and writing it are IP packets.
 */
export function openTun(name: string): number {
  const descriptor = openSync('/dev/net/tun', 'r+');
  const ifreq = new Uint8Array(40);
  ifreq.set(new TextEncoder().encode(name));
  new DataView(ifreq.buffer).setUint16(16, IFF_TUN | IFF_NO_PI, true);
  assert(libc().ioctl(descriptor, TUNSETIFF, ifreq) === 0, 'a tun interface can be made');
  return descriptor;
}

function startCommand(command: string, ...args: string[]): StartedCommand {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const listeners: (() => void)[] = [];
  const append = (chunk: Buffer) => {
    output += chunk.toString();
    for (const listener of listeners) listener();
  };
  child.stdout.on('data', append);
  child.stderr.on('data', append);
  const ended = new Promise<string>((resolve) => child.on('close', () => resolve(output)));
  return {
    printed: (text) =>
      new Promise((resolve, reject) => {
        const check = () => output.includes(text) && resolve();
        listeners.push(check);
        check();
        void ended.then(() => reject(new Error(`ended without printing ${text}: ${output}`)));
      }),
    ended,
    interrupt: () => void child.kill('SIGINT'),
  };
}
