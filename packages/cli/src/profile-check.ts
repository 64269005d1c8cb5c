/** The doctor's look at a profile: what is right in itself and still would not work on this machine. */
import { lookup } from 'node:dns/promises';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import path from 'node:path';
import {
  type Collector,
  defaultProfilePath,
  loadProfile,
  type Profile,
  reasonDisabled,
} from '@weir/exporting';
import { listInterfaces, pathMtu } from '@weir/host';
import { badFinding, type Finding } from './doctor-report.ts';

/** What collectors of NetFlow listen at; many of them do not read IPFIX there. */
const NETFLOW_PORTS: readonly number[] = [2055, 9996];
/** What a message of our own leaves room for, IPv6 and UDP headers taken off. */
const PATH_OCTETS_SMALL = 1_200;

/** Findings of the profile in `file`; where none is named and the default does not exist, just that. */
export async function checkProfile(file: string | undefined): Promise<Finding[]> {
  const subject = 'profile';
  const asked = file ?? defaultProfilePath();
  if (file === undefined && !existsSync(asked)) {
    return [{ verdict: 'note', subject, message: `there is no ${asked}`, remedy: 'weir export needs one' }];
  }
  try {
    const profile = await loadProfile(asked);
    return [{ verdict: 'good', subject, message: `${asked} is valid` }, ...(await profileFindings(profile))];
  } catch (error) {
    return [badFinding(subject, error)];
  }
}

/** What this machine says to a profile that is valid in itself. */
export async function profileFindings(profile: Profile): Promise<Finding[]> {
  return [
    ...checkEnabled(profile),
    ...checkInterfaces(profile),
    ...checkFiles(profile),
    ...checkSpool(profile),
    ...checkPeers(profile),
    ...(await Promise.all(profile.collectors.map(checkCollector))).flat(),
  ];
}

function checkEnabled(profile: Profile): Finding[] {
  const reason = reasonDisabled(profile);
  if (reason === undefined) return [];
  const remedy = profile.enabled ? 'add one to IpFixCollectors' : 'set Enabled to true';
  return [{ verdict: 'note', subject: 'profile', message: reason, remedy }];
}

function checkInterfaces({ interfaces }: Profile): Finding[] {
  const present = listInterfaces();
  return interfaces.flatMap((name): Finding[] => {
    const found = present.find((candidate) => candidate.name === name);
    const subject = 'Interfaces';
    if (found === undefined) {
      const names = present.map((candidate) => candidate.name).join(', ');
      return [
        { verdict: 'bad', subject, message: `there is no ${name}`, remedy: `this machine has ${names}` },
      ];
    }
    if (found.up) return [];
    return [{ verdict: 'note', subject, message: `${name} is down`, remedy: `ip link set ${name} up` }];
  });
}

/** Every file that the profile names must be readable. */
function checkFiles({ tls, collectors }: Profile): Finding[] {
  const files = [tls, ...collectors.map((collector) => collector.tls ?? {})].flatMap(
    ({ ca, certificate, key }) => [ca, certificate, key],
  );
  const keys = collectors.map(({ anonymisation }) =>
    anonymisation?.kind === 'cryptoPan' ? anonymisation.keyFile : undefined,
  );
  const named = new Set([...files, ...keys].filter((name) => name !== undefined));
  return [...named].flatMap((name): Finding[] => {
    try {
      accessSync(name, constants.R_OK);
      return [];
    } catch (error) {
      return [badFinding('files', error)];
    }
  });
}

function checkSpool({ spoolDirectory, spoolOctetsMax, collectors }: Profile): Finding[] {
  const subject = 'SpoolDirectory';
  const reliable = collectors.filter(({ transport }) => transport !== 'Udp');
  if (spoolDirectory === undefined) {
    if (reliable.length === 0) return [];
    const names = reliable.map(({ text }) => text).join(', ');
    const message = `without one, what ${names} cannot take waits in memory only`;
    return [{ verdict: 'note', subject, message, remedy: 'set SpoolDirectory' }];
  }
  const parent = existsSync(spoolDirectory) ? spoolDirectory : path.dirname(spoolDirectory);
  try {
    accessSync(parent, constants.W_OK);
    if (!statSync(parent).isDirectory()) throw new Error(`${parent} is no folder`);
  } catch (error) {
    return [badFinding(subject, error)];
  }
  const message = `${spoolDirectory}, up to ${spoolOctetsMax} octets for each of ${reliable.length} collectors`;
  return [{ verdict: 'good', subject, message }];
}

const PEER_PROGRAMS = { wireGuard: 'wg', tailscale: 'tailscale', netBird: 'netbird' } as const;

/** A source of peers that cannot be asked is no reason not to export. */
function checkPeers({ peers }: Profile): Finding[] {
  return peers.flatMap((source): Finding[] => {
    const subject = 'Peers';
    if (source.kind === 'file') {
      if (existsSync(source.path)) return [];
      return [{ verdict: 'note', subject, message: `there is no ${source.path}` }];
    }
    const program = PEER_PROGRAMS[source.kind];
    const folders = (process.env['PATH'] ?? '').split(path.delimiter);
    if (folders.some((folder) => existsSync(path.join(folder, program)))) return [];
    return [{ verdict: 'note', subject, message: `the program ${program} is not installed` }];
  });
}

async function checkCollector({ text, host, family, port, transport }: Collector): Promise<Finding[]> {
  const subject = 'collector';
  const findings: Finding[] = [];
  let address = host;
  if (family === 0) {
    try {
      ({ address } = await lookup(host));
      findings.push({ verdict: 'good', subject, message: `${text}: ${host} is ${address}` });
    } catch (error) {
      return [
        badFinding(subject, new Error(`${text}: ${host} does not resolve (${(error as Error).message})`)),
      ];
    }
  }
  const { known, payloadOctetsMax } = pathMtu(address);
  if (known && payloadOctetsMax < PATH_OCTETS_SMALL) {
    const message = `${text}: the path carries ${payloadOctetsMax} octets of a message only`;
    findings.push({ verdict: 'note', subject, message });
  } else if (known) {
    findings.push({ verdict: 'good', subject, message: `${text}: there is a route to it` });
  } else {
    findings.push({ verdict: 'note', subject, message: `${text}: the path to it is not known` });
  }
  if (transport === 'Udp' && NETFLOW_PORTS.includes(port)) {
    const message = `${text}: port ${port} is NetFlow's, and Weir exports IPFIX`;
    const remedy = 'make sure that the collector reads IPFIX there; its port is 4739';
    findings.push({ verdict: 'note', subject, message, remedy });
  }
  return findings;
}
