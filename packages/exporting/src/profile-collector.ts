/** An entry of `IpFixCollectors`: where a collector is, and what it gets. */
import { type CollectorAddress, parseCollectorAddress } from './collector-address.ts';
import { getNodeValue, quoteNode } from './json-document.ts';
import {
  type Reading,
  readList,
  readObject,
  readOneOf,
  readPath,
  readText,
  readWholeNumber,
  refuse,
} from './profile-value.ts';

/** One record in `interval` is sent: every so-manieth, or each with the probability 1 / interval. */
export interface Sampling {
  readonly kind: 'deterministic' | 'random';
  readonly interval: number;
}

/** How addresses are made unrecognisable: RFC 6235 sections 4.1.1 and 4.1.4. */
export type Anonymisation =
  | { readonly kind: 'cryptoPan'; readonly keyFile: string }
  /** Leading bits that are kept. */
  | { readonly kind: 'truncation'; readonly ipv4Bits: number; readonly ipv6Bits: number };

/** Which times of a flow a collector gets: system uptimes and absolute milliseconds, or the latter alone. */
const FLOW_TIMES = ['Both', 'Absolute'] as const;
export type FlowTimes = (typeof FLOW_TIMES)[number];

/** PEM files. What is absent: the system's authorities, no certificate of our own, the name of the address. */
export interface TlsFiles {
  readonly ca?: string;
  /** Certificate and key come together. */
  readonly certificate?: string;
  readonly key?: string;
  readonly serverName?: string;
}

/** A collector of a profile; what is absent is not asked for. */
export interface Collector extends CollectorAddress {
  readonly sampling?: Sampling;
  readonly anonymisation?: Anonymisation;
  /** Default: `Both`. */
  readonly times?: FlowTimes;
  /** What this entry says itself, without the profile's own `Tls`. */
  readonly tls?: TlsFiles;
}

/** Every collector costs a socket and a queue. */
const COLLECTORS_MAX = 64;
const SAMPLING_INTERVAL_MAX = 1_000_000;
const ENTRY_PROPERTIES = ['Address', 'Sampling', 'Anonymisation', 'Times', 'Tls'];
const ENTRY_FORM = '"Udp/IP:Port", or an object with an "Address"';
const TLS_PROPERTIES = ['Ca', 'Certificate', 'Key', 'ServerName'];
const TLS_FORM = 'an object such as {"Ca":"/etc/weir/ca.pem"}';

export function readCollectors(reading: Reading): readonly Collector[] | undefined {
  const { node, report } = reading;
  const known: Collector[] = [];
  const collectors = readList(reading, 'a list such as ["Udp/192.0.2.1:4739"]', (entry) => {
    const collector = readCollector(entry);
    if (collector === undefined) return undefined;
    if (known.some((other) => sameCollector(other, collector))) {
      report(entry.node.offset, `IpFixCollectors: "${collector.text}" is listed twice, allowed: once`);
      return undefined;
    }
    known.push(collector);
    return collector;
  });
  if (known.length > COLLECTORS_MAX) {
    report(node.offset, `IpFixCollectors: found ${known.length}, allowed: at most ${COLLECTORS_MAX}`);
  }
  return collectors;
}

/** The files of a TLS session: `FlowMetadata`'s `Tls`, or a collector's. */
export function readTls(reading: Reading): TlsFiles | undefined {
  const found = readObject(reading, TLS_PROPERTIES, TLS_FORM);
  if (found === undefined) return undefined;
  const [ca, certificate, key] = ['Ca', 'Certificate', 'Key'].map((name) => {
    const property = found.get(name);
    return property === undefined ? undefined : readPath(property);
  });
  const named = found.get('ServerName');
  const serverName = named === undefined ? undefined : readText(named, 'the name in a certificate');
  if (found.has('Certificate') !== found.has('Key')) {
    refuse(reading, '"Certificate" and "Key" together, or neither');
  }
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined ? {} : { certificate }),
    ...(key === undefined ? {} : { key }),
    ...(serverName === undefined ? {} : { serverName }),
  };
}

function readCollector(entry: Reading): Collector | undefined {
  if (entry.node.type === 'string') return readAddress(entry);
  const found = readObject(entry, ENTRY_PROPERTIES, ENTRY_FORM);
  if (found === undefined) return undefined;
  const address = found.get('Address');
  if (address === undefined) return refuse(entry, ENTRY_FORM);
  const where = readAddress(address);
  const [sampled, anonymised, secured] = ['Sampling', 'Anonymisation', 'Tls'].map((name) => found.get(name));
  const sampling = sampled === undefined ? undefined : readSampling(sampled);
  const anonymisation = anonymised === undefined ? undefined : readAnonymisation(anonymised);
  const tls = secured === undefined ? undefined : readTls(secured);
  const timed = found.get('Times');
  const times = timed === undefined ? undefined : readOneOf(timed, FLOW_TIMES);
  if (where === undefined) return undefined;
  if (secured !== undefined && where.transport !== 'Tls') {
    entry.report(secured.nameOffset, `${secured.name}: "${where.text}" is without TLS, allowed: with Tls/`);
  }
  return {
    ...where,
    ...(sampling === undefined ? {} : { sampling }),
    ...(anonymisation === undefined ? {} : { anonymisation }),
    ...(times === undefined ? {} : { times }),
    ...(tls === undefined ? {} : { tls }),
  };
}

function readAddress(reading: Reading): CollectorAddress | undefined {
  const { node, text, report, name } = reading;
  const value: unknown = getNodeValue(node);
  if (typeof value !== 'string') return refuse(reading, 'a string "Udp/IP:Port"');
  const parsed = parseCollectorAddress(value);
  if (!('message' in parsed)) return parsed;
  // An entry without escapes has its characters where the file has them, one after the quote.
  const plain = node.length === value.length + 2;
  const offset = plain ? node.offset + 1 + Math.min(parsed.index, value.length) : node.offset;
  report(offset, `${name}: found ${quoteNode(text, node)}: ${parsed.message}`);
  return undefined;
}

function sameCollector(a: CollectorAddress, b: CollectorAddress): boolean {
  return a.transport === b.transport && a.host.toLowerCase() === b.host.toLowerCase() && a.port === b.port;
}

function readSampling(reading: Reading): Sampling | undefined {
  const form = '{"Deterministic":N} or {"Random":N}';
  const found = readObject(reading, ['Deterministic', 'Random'], form);
  if (found === undefined) return undefined;
  const [property, other] = [...found.values()];
  if (property === undefined || other !== undefined) return refuse(reading, form);
  const interval = readWholeNumber(property, 1, SAMPLING_INTERVAL_MAX);
  if (interval === undefined) return undefined;
  return { kind: found.has('Random') ? 'random' : 'deterministic', interval };
}

function readAnonymisation(reading: Reading): Anonymisation | undefined {
  const form = '{"CryptoPan":"/path/to/key"} or {"TruncateIPv4":24,"TruncateIPv6":48}';
  const found = readObject(reading, ['CryptoPan', 'TruncateIPv4', 'TruncateIPv6'], form);
  if (found === undefined) return undefined;
  const [cryptoPan, ipv4, ipv6] = ['CryptoPan', 'TruncateIPv4', 'TruncateIPv6'].map((name) =>
    found.get(name),
  );
  if (cryptoPan !== undefined && found.size === 1) {
    const keyFile = readPath(cryptoPan);
    return keyFile === undefined ? undefined : { kind: 'cryptoPan', keyFile };
  }
  // One of the two alone would leave the other family's addresses as they are.
  if (cryptoPan !== undefined || ipv4 === undefined || ipv6 === undefined) return refuse(reading, form);
  const ipv4Bits = readWholeNumber(ipv4, 0, 32, ' bits');
  const ipv6Bits = readWholeNumber(ipv6, 0, 128, ' bits');
  if (ipv4Bits === undefined || ipv6Bits === undefined) return undefined;
  return { kind: 'truncation', ipv4Bits, ipv6Bits };
}
