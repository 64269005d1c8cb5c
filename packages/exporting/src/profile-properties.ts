/** The properties of `FlowMetadata`: their names, defaults and allowed values, one row each. */
import {
  type DocumentProblem,
  getNodeValue,
  type JsonDocument,
  type JsonNode,
  quoteNode,
} from './json-document.ts';
import { type Collector, readCollectors, readTls, type TlsFiles } from './profile-collector.ts';
import {
  type DropSource,
  type NameSources,
  type PeerSource,
  readDropSources,
  readNames,
  readPeers,
} from './profile-sources.ts';
import {
  type FoundProperty,
  membersOf,
  type Reading,
  type Report,
  readBoolean,
  readList,
  readOneOf,
  readPath,
  readProperties,
  readText,
  readWholeNumber,
  refuse,
} from './profile-value.ts';

/** Which of the two records of a bidirectional flow are exported. */
export const DIRECTIONS = ['Both', 'SendingToPeer', 'ReceivedFromPeer'] as const;
export type Direction = (typeof DIRECTIONS)[number];

/** What the properties say; milliseconds, octets. `interval` and `activeTimeout` exclude each other. */
export interface FlowMetadataValues {
  collectors: readonly Collector[];
  direction: Direction;
  interval: number;
  enabled: boolean;
  idleTimeoutMs: number;
  activeTimeout: number;
  templateRefreshIntervalMs: number;
  observationDomainId: number;
  interfaces: readonly string[];
  messageOctetsMax: number | undefined;
  messagesPerSecondMax: number;
  tls: TlsFiles;
  spoolDirectory: string | undefined;
  spoolOctetsMax: number;
  flowIdKey: string | undefined;
  dropSources: readonly DropSource[];
  peers: readonly PeerSource[];
  names: NameSources;
  tcpPerformance: boolean;
}

function defaultValues(): FlowMetadataValues {
  return {
    collectors: [],
    direction: 'Both',
    interval: 0,
    enabled: true,
    idleTimeoutMs: 30_000,
    activeTimeout: 0,
    templateRefreshIntervalMs: 600_000,
    // Not 0, which is the domain of the exporter's own statistics (RFC 7011 section 3.1).
    observationDomainId: 1,
    interfaces: [],
    messageOctetsMax: undefined,
    messagesPerSecondMax: 20_000,
    tls: {},
    spoolDirectory: undefined,
    spoolOctetsMax: 1_073_741_824,
    flowIdKey: undefined,
    dropSources: [],
    peers: [],
    names: { dns: true, tls: true },
    tcpPerformance: true,
  };
}

const PROPERTY = 'FlowMetadata';
const INTERVAL_STEP_MS = 60_000;
/** The longest delay of a timer, 2^31 - 1 ms, in whole minutes. */
const INTERVAL_MAX_MS = 35_791 * INTERVAL_STEP_MS;
const DAY_MS = 86_400_000;
/** The smallest path that RFC 7011 section 10.3.3 reckons with. */
const MESSAGE_OCTETS_LEAST = 512;
/** The largest payload of a UDP datagram over IPv4: 65535 - 20 - 8. */
const MESSAGE_OCTETS_MOST = 65_507;
/** Room for the segments of which the oldest goes first. */
const SPOOL_OCTETS_LEAST = 1_048_576;
const SPOOL_OCTETS_MOST = 64 * 1024 ** 3;

/** Sets what the property says; leaves the default where it was refused. */
type ReadProperty = (reading: Reading, values: FlowMetadataValues) => void;

const PROPERTIES: Readonly<Record<string, ReadProperty>> = {
  IpFixCollectors: value('collectors', readCollectors),
  Direction: value('direction', (reading) => readOneOf(reading, DIRECTIONS)),
  Interval: value('interval', readInterval),
  Enabled: value('enabled', readBoolean),
  IdleTimeout: integer('idleTimeoutMs', 1000, DAY_MS, ' milliseconds'),
  ActiveTimeout: integer('activeTimeout', 1000, DAY_MS, ' milliseconds'),
  TemplateRefreshInterval: integer('templateRefreshIntervalMs', 1000, DAY_MS, ' milliseconds'),
  ObservationDomainId: integer('observationDomainId', 0, 4_294_967_295, ''),
  Interfaces: value('interfaces', readInterfaces),
  MaxMessageSize: integer('messageOctetsMax', MESSAGE_OCTETS_LEAST, MESSAGE_OCTETS_MOST, ' octets'),
  MaxMessagesPerSecond: integer('messagesPerSecondMax', 1, 1_000_000, ''),
  Tls: value('tls', readTls),
  SpoolDirectory: value('spoolDirectory', readPath),
  SpoolMaxBytes: integer('spoolOctetsMax', SPOOL_OCTETS_LEAST, SPOOL_OCTETS_MOST, ' octets'),
  FlowIdKey: value('flowIdKey', (reading) => readText(reading, 'a secret that both ends have')),
  DropSources: value('dropSources', readDropSources),
  Peers: value('peers', readPeers),
  Names: (reading, values) => {
    values.names = readNames(reading, values.names) ?? values.names;
  },
  TcpPerformance: value('tcpPerformance', readBoolean),
};

/** The names that `FlowMetadata` may have, the vendor's four first. */
export const PROFILE_PROPERTIES: readonly string[] = Object.keys(PROPERTIES);

/** Reads `FlowMetadata` out of a document; a document without it has the defaults. */
export function readFlowMetadata(document: JsonDocument): {
  values: FlowMetadataValues;
  problems: DocumentProblem[];
} {
  const values = defaultValues();
  const problems: DocumentProblem[] = [];
  if (!document.treeIsWhole || document.root === undefined) return { values, problems };
  const report: Report = (offset, message) => void problems.push({ offset, message });
  const { text, root } = document;
  if (root.type !== 'object') {
    report(root.offset, `found ${quoteNode(text, root)}, allowed: an object with the property "${PROPERTY}"`);
    return { values, problems };
  }
  const node = findFlowMetadata(root, report);
  if (node === undefined) return { values, problems };
  const reading = { name: PROPERTY, node, text, report };
  if (node.type === 'object') readMetadata(reading, values);
  else refuse(reading, 'an object');
  return { values, problems };
}

/** Only `FlowMetadata` concerns us, but a name that was surely meant to be it is not passed over. */
function findFlowMetadata(root: JsonNode, report: Report): JsonNode | undefined {
  let found: JsonNode | undefined;
  for (const { name, nameNode, valueNode } of membersOf(root)) {
    if (name === PROPERTY) {
      if (found !== undefined) report(nameNode.offset, `duplicate property "${PROPERTY}", allowed: once`);
      found ??= valueNode;
    } else if (name.toLowerCase().replace(/[^a-z]/g, '') === PROPERTY.toLowerCase()) {
      report(nameNode.offset, `unknown property "${name}" (did you mean "${PROPERTY}"?)`);
    }
  }
  return found;
}

function readMetadata(reading: Reading, values: FlowMetadataValues): void {
  const found = readProperties(reading, PROFILE_PROPERTIES, '');
  for (const [name, property] of found) PROPERTIES[name]?.(property, values);
  checkTogether(found, values, reading.report);
}

/** What is allowed of each property alone and not of both. */
function checkTogether(
  found: ReadonlyMap<string, FoundProperty>,
  values: FlowMetadataValues,
  report: Report,
): void {
  const active = found.get('ActiveTimeout');
  if (active !== undefined && values.interval > 0) {
    report(
      active.nameOffset,
      'ActiveTimeout and an Interval other than 0 exclude each other, allowed: one of them',
    );
  }
  const spoolMax = found.get('SpoolMaxBytes');
  if (spoolMax !== undefined && !found.has('SpoolDirectory')) {
    report(spoolMax.nameOffset, 'SpoolMaxBytes without a spool, allowed: with SpoolDirectory');
  }
}

function readInterval(reading: Reading): number | undefined {
  const found: unknown = getNodeValue(reading.node);
  const isAllowed =
    typeof found === 'number' && found >= 0 && found <= INTERVAL_MAX_MS && found % INTERVAL_STEP_MS === 0;
  if (isAllowed) return found;
  return refuse(reading, `0 or a multiple of ${INTERVAL_STEP_MS} (milliseconds) up to ${INTERVAL_MAX_MS}`);
}

function readInterfaces(reading: Reading): readonly string[] | undefined {
  const names = new Set<string>();
  const read = readList(reading, 'a list of interface names such as ["eth0"]', (entry) => {
    const name = readText(entry, 'the name of an interface');
    if (name === undefined) return undefined;
    if (names.has(name)) {
      entry.report(entry.node.offset, `Interfaces: "${name}" is listed twice, allowed: once`);
    }
    names.add(name);
    return name;
  });
  return read && [...names];
}

function value<Name extends keyof FlowMetadataValues>(
  target: Name,
  read: (reading: Reading) => FlowMetadataValues[Name] | undefined,
): ReadProperty {
  return (reading, values) => {
    const found = read(reading);
    if (found !== undefined) values[target] = found;
  };
}

type NumberProperty = {
  [Name in keyof FlowMetadataValues]: number extends FlowMetadataValues[Name] ? Name : never;
}[keyof FlowMetadataValues];

function integer(target: NumberProperty, least: number, most: number, unit: string): ReadProperty {
  return (reading, values) => {
    const found = readWholeNumber(reading, least, most, unit);
    if (found !== undefined) values[target] = found;
  };
}
