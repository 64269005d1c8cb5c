/** The doctor's look at the host's firewall: would it keep exporters from a monitoring port, and which rule helps? */
import { spawnSync } from 'node:child_process';
import type { Finding } from './doctor-report.ts';
import { readIptablesSave } from './firewall/iptables-save.ts';
import { readNftRuleset } from './firewall/nft-ruleset.ts';
import { type FilterTable, type Passage, type Probe, passageOf } from './firewall/packet-filter.ts';

/** Firewalls that write the rules themselves, and are to be told instead of written over. */
export type FirewallManager = 'ufw' | 'firewalld' | undefined;

export interface Firewall {
  readonly tables: readonly FilterTable[];
  readonly manager: FirewallManager;
  /** Why the rules could not be read, where a tool for them is there. */
  readonly unreadable: string | undefined;
}

const SUBJECT = 'firewall';
const RULESET_OCTETS_MAX = 64 << 20;

/** Reads the rules of this machine (of this network namespace) with the tools that it has. */
export function readFirewall(): Firewall {
  const tables: FilterTable[] = [];
  const complaints: string[] = [];
  const nft = run('nft', '--json', 'list', 'ruleset');
  if (nft.text !== undefined) tables.push(...readNftRuleset(nft.text));
  else if (nft.complaint !== undefined) complaints.push(nft.complaint);
  for (const [command, family] of SAVES) {
    const { text, complaint } = run(command);
    const table = text === undefined ? undefined : readIptablesSave(text, family);
    // What iptables-nft wrote is in nft's list as well, but there its matches are opaque.
    if (table !== undefined) tables.push(table);
    if (complaint !== undefined) complaints.push(complaint);
  }
  return {
    tables: withoutShadows(tables),
    manager: managerOf(tables),
    unreadable: tables.length === 0 ? complaints[0] : undefined,
  };
}

const SAVES: readonly (readonly [string, Probe['family']])[] = [
  ['iptables-save', 'ipv4'],
  ['iptables-legacy-save', 'ipv4'],
  ['ip6tables-save', 'ipv6'],
  ['ip6tables-legacy-save', 'ipv6'],
];

/** The tables of nft that iptables-save told, with more detail. */
function withoutShadows(tables: readonly FilterTable[]): FilterTable[] {
  const told = new Set(tables.filter(({ tool }) => tool !== 'nft').flatMap(({ families }) => families));
  return tables.filter(
    ({ name }) => !(name === 'ip filter' && told.has('ipv4')) && !(name === 'ip6 filter' && told.has('ipv6')),
  );
}

function managerOf(tables: readonly FilterTable[]): FirewallManager {
  if (tables.some(({ name }) => name.endsWith(' firewalld'))) return 'firewalld';
  const hasUfw = tables.some(({ chains }) => [...chains.keys()].some((chain) => chain.startsWith('ufw')));
  return hasUfw ? 'ufw' : undefined;
}

/** One finding a port; none where there is no packet filter at all. */
export function checkFirewall(firewall: Firewall, probes: readonly Probe[]): Finding[] {
  if (firewall.unreadable !== undefined) {
    const message = `its rules cannot be read (${firewall.unreadable})`;
    return [{ verdict: 'note', subject: SUBJECT, message, remedy: 'run the doctor as root' }];
  }
  const bases = firewall.tables.flatMap(({ chains }) => [...chains.values()]).filter(({ base }) => base);
  if (bases.length === 0)
    return [{ verdict: 'good', subject: SUBJECT, message: 'this machine filters nothing' }];
  return probes.map((probe) => describePassage(passageOf(firewall.tables, probe), probe, firewall.manager));
}

function describePassage(passage: Passage, probe: Probe, manager: FirewallManager): Finding {
  const port = `${probe.transport}/${probe.port}${probe.family === 'ipv6' ? ' over IPv6' : ''}`;
  if (passage.outcome === 'accepted') {
    return { verdict: 'good', subject: SUBJECT, message: `lets ${port} in` };
  }
  const { table, chain, by, only } = passage;
  const where = `${table.name} ${chain} (${by})`;
  const remedy = remedyOf(passage, probe, manager);
  if (only.length > 0) {
    const message = `${port}: ${where} drops what these rules do not let in: ${only.slice(0, 4).join('; ')}`;
    return { verdict: 'note', subject: SUBJECT, message, remedy: `for all others: ${remedy}` };
  }
  return { verdict: 'bad', subject: SUBJECT, message: `${port}: ${where} keeps exporters out`, remedy };
}

/** The command that lets everybody in to the port; for some only, its reader adds an address. */
function remedyOf(
  { table, chain }: Passage & { outcome: 'dropped' },
  { transport, port }: Probe,
  manager: FirewallManager,
): string {
  if (manager === 'ufw') return `ufw allow ${port}/${transport}`;
  if (manager === 'firewalld') {
    return `firewall-cmd --permanent --add-port=${port}/${transport} && firewall-cmd --reload`;
  }
  if (table.tool !== 'nft') return `${table.tool} -I ${chain} -p ${transport} --dport ${port} -j ACCEPT`;
  return `nft insert rule ${table.name} ${chain} ${transport} dport ${port} accept`;
}

/** What a tool says; neither where it is not installed. */
function run(command: string, ...args: string[]): { text?: string; complaint?: string } {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    timeout: 5_000,
    maxBuffer: RULESET_OCTETS_MAX,
  });
  if (error !== undefined) return {};
  if (status === 0) return { text: stdout };
  return { complaint: `${command}: ${stderr.split('\n')[0] ?? `exit code ${status}`}` };
}
