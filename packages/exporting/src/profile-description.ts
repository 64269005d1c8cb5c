/** What a profile amounts to, for people: `--check` and `--print-config`. */
import type { Profile } from './profile.ts';
import type { Anonymisation, Collector, Sampling, TlsFiles } from './profile-collector.ts';
import { type DropSource, type PeerSource, peerSourceText } from './profile-sources.ts';

/**
 * The profile as a file that says everything; parsing it again gives the same values. Only of FlowIdKey, a
 * secret, it says no more than that there is one, in a form that no profile may have.
 */
export function printableProfile(profile: Profile): { FlowMetadata: Record<string, unknown> } {
  return {
    FlowMetadata: {
      IpFixCollectors: profile.collectors.map(printableCollector),
      Direction: profile.direction,
      Interval: profile.intervalMs,
      Enabled: profile.enabled,
      IdleTimeout: profile.idleTimeoutMs,
      ...(profile.intervalMs === 0 && profile.activeTimeoutMs > 0
        ? { ActiveTimeout: profile.activeTimeoutMs }
        : {}),
      TemplateRefreshInterval: profile.templateRefreshIntervalMs,
      ObservationDomainId: profile.observationDomainId,
      Interfaces: [...profile.interfaces],
      ...(profile.messageOctetsMax === undefined ? {} : { MaxMessageSize: profile.messageOctetsMax }),
      MaxMessagesPerSecond: profile.messagesPerSecondMax,
      Tls: printableTls(profile.tls),
      ...(profile.spoolDirectory === undefined
        ? {}
        : { SpoolDirectory: profile.spoolDirectory, SpoolMaxBytes: profile.spoolOctetsMax }),
      ...(profile.flowIdKey === undefined ? {} : { FlowIdKey: { NotShown: true } }),
      DropSources: profile.dropSources.map(printableDropSource),
      Peers: profile.peers.map(peerSourceText),
      Names: { Dns: profile.names.dns, Tls: profile.names.tls },
      TcpPerformance: profile.tcpPerformance,
    },
  };
}

function printableCollector({ text, sampling, anonymisation, times, tls }: Collector): unknown {
  const printed = {
    Address: text,
    ...(sampling === undefined ? {} : { Sampling: printableSampling(sampling) }),
    ...(anonymisation === undefined ? {} : { Anonymisation: printableAnonymisation(anonymisation) }),
    ...(times === undefined ? {} : { Times: times }),
    ...(tls === undefined ? {} : { Tls: printableTls(tls) }),
  };
  return Object.keys(printed).length === 1 ? text : printed;
}

function printableSampling({ kind, interval }: Sampling): Record<string, unknown> {
  return kind === 'random' ? { Random: interval } : { Deterministic: interval };
}

function printableAnonymisation(anonymisation: Anonymisation): Record<string, unknown> {
  return anonymisation.kind === 'cryptoPan'
    ? { CryptoPan: anonymisation.keyFile }
    : { TruncateIPv4: anonymisation.ipv4Bits, TruncateIPv6: anonymisation.ipv6Bits };
}

function printableTls({ ca, certificate, key, serverName }: TlsFiles): Record<string, unknown> {
  return {
    ...(ca === undefined ? {} : { Ca: ca }),
    ...(certificate === undefined ? {} : { Certificate: certificate }),
    ...(key === undefined ? {} : { Key: key }),
    ...(serverName === undefined ? {} : { ServerName: serverName }),
  };
}

function printableDropSource(source: DropSource): Record<string, unknown> {
  if (source.kind === 'pcapng') return { Pcapng: source.path };
  const { group, reason, prefixReasons } = source;
  return { Nflog: group, Reason: reason, PrefixReasons: prefixReasons };
}

/** Why nothing would be exported, or undefined when something would. */
export function reasonDisabled(profile: Profile): string | undefined {
  if (!profile.enabled) return 'disabled: Enabled is false';
  if (profile.collectors.length === 0) return 'effectively disabled: no collector';
  return undefined;
}

/** The effective values, one sentence a line. */
export function describeProfile(profile: Profile): string {
  const lines = [
    `${profile.fileName}: valid`,
    reasonDisabled(profile) ?? 'enabled',
    ...profile.collectors.map((collector) => describeCollector(collector, profile)),
    ...describeSpool(profile),
    DIRECTION_SENTENCES[profile.direction],
    describeInterim(profile),
    `a flow without a packet for ${seconds(profile.idleTimeoutMs)} has ended`,
    `templates are sent again every ${seconds(profile.templateRefreshIntervalMs)} over UDP`,
    `observation domain ${profile.observationDomainId}`,
    `interfaces: ${profile.interfaces.length === 0 ? 'all that are up' : profile.interfaces.join(', ')}`,
    ...profile.dropSources.map(describeDropSource),
    ...profile.peers.map(
      (source) => `peers: ${PEER_SENTENCES[source.kind]}${source.kind === 'file' ? ` ${source.path}` : ''}`,
    ),
    describeNames(profile),
    profile.tcpPerformance
      ? 'TCP performance: round-trip times, retransmitted and out-of-order packets, closed windows'
      : 'TCP performance: not in records',
    profile.flowIdKey === undefined
      ? 'flowId by a key of this run: FlowIdKey is not set, so that records of both ends cannot be joined'
      : 'flowId by FlowIdKey: records of both ends can be joined',
    profile.messageOctetsMax === undefined
      ? 'a message is as large as the path carries without fragments'
      : `a message has at most ${profile.messageOctetsMax} octets, or what the path carries`,
    `each collector over UDP gets at most ${profile.messagesPerSecondMax} messages a second`,
  ];
  return lines.join('\n');
}

const PEER_SENTENCES: Readonly<Record<PeerSource['kind'], string>> = {
  wireGuard: 'asked of WireGuard (wg show all dump)',
  tailscale: 'asked of Tailscale (tailscale status --json)',
  netBird: 'asked of NetBird (netbird status --json)',
  file: 'read from',
};

function describeNames({ names: { dns, tls } }: Profile): string {
  const sources = [...(dns ? ['DNS answers'] : []), ...(tls ? ['TLS and QUIC handshakes'] : [])];
  return `names: ${sources.length === 0 ? 'not in records' : `from ${sources.join(' and ')}`}`;
}

function describeDropSource(source: DropSource): string {
  if (source.kind === 'pcapng') return `dropped frames: pcapng from ${source.path}`;
  const prefixes = Object.entries(source.prefixReasons).map(
    ([prefix, reason]) => `, ${reason} with the prefix "${prefix}"`,
  );
  return `dropped frames: NFLOG group ${source.group}, reason ${source.reason}${prefixes.join('')}`;
}

function describeCollector(
  { text, transport, sampling, anonymisation, times, tls }: Collector,
  { tls: shared }: Profile,
): string {
  const records =
    sampling === undefined
      ? 'every record'
      : `one record in ${sampling.interval} (${sampling.kind}), and every dropped frame`;
  const addresses =
    anonymisation === undefined
      ? ''
      : anonymisation.kind === 'cryptoPan'
        ? `, addresses anonymised with the key ${anonymisation.keyFile}`
        : `, addresses cut to ${anonymisation.ipv4Bits} (IPv4) and ${anonymisation.ipv6Bits} (IPv6) bits`;
  const uptimes = times === 'Absolute' ? ', without system uptimes' : '';
  const files = transport === 'Tls' ? describeTls({ ...shared, ...tls }) : '';
  return `collector ${text} gets ${records}${addresses}${uptimes}${files}`;
}

function describeTls({ ca, certificate, serverName }: TlsFiles): string {
  const trusted = ca === undefined ? 'the authorities of this system' : `the authority ${ca}`;
  const own = certificate === undefined ? 'without a certificate of our own' : `shows ${certificate}`;
  const name = serverName === undefined ? '' : ` of the name ${serverName}`;
  return `; over TLS, trusts a certificate${name} by ${trusted}, ${own}`;
}

function describeSpool({ collectors, spoolDirectory, spoolOctetsMax }: Profile): string[] {
  if (collectors.every(({ transport }) => transport === 'Udp')) return [];
  const place =
    spoolDirectory === undefined
      ? 'in memory: SpoolDirectory is not set'
      : `in ${spoolDirectory}, at most ${spoolOctetsMax} octets for each`;
  return [`while a collector over TCP or TLS is away, messages wait ${place}`];
}

const DIRECTION_SENTENCES: Readonly<Record<Profile['direction'], string>> = {
  Both: 'direction Both: ingress and egress records',
  SendingToPeer: 'direction SendingToPeer: egress records only, and every dropped frame',
  ReceivedFromPeer: 'direction ReceivedFromPeer: ingress records only, and every dropped frame',
};

function describeInterim({ intervalMs, activeTimeoutMs }: Profile): string {
  if (intervalMs > 0) return `an interim record of a flow that goes on every ${seconds(intervalMs)}`;
  if (activeTimeoutMs > 0) return `a record of a flow that goes on every ${seconds(activeTimeoutMs)}`;
  return 'a record only at the end of a flow';
}

function seconds(durationMs: number): string {
  return `${durationMs / 1000} s`;
}
