/** The properties of `FlowMetadata`: their names, defaults and allowed values, one row each. */
import { type CollectorAddress, parseCollectorAddress } from './collector-address.ts';
import {
  type DocumentProblem,
  getNodeValue,
  type JsonDocument,
  type JsonNode,
  quoteNode,
} from './json-document.ts';
import { suggestion } from './suggestion.ts';

/** Which of the two records of a bidirectional flow are exported. */
export const DIRECTIONS = ['Both', 'SendingToPeer', 'ReceivedFromPeer'] as const;
export type Direction = (typeof DIRECTIONS)[number];

/** What the properties say; milliseconds, octets. `interval` and `activeTimeout` exclude each other. */
export interface FlowMetadataValues {
  collectors: readonly CollectorAddress[];
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
  };
}

const PROPERTY = 'FlowMetadata';
const INTERVAL_STEP_MS = 60_000;
/** The longest delay of a timer, 2^31 - 1 ms, in whole minutes. */
const INTERVAL_MAX_MS = 35_791 * INTERVAL_STEP_MS;
const DAY_MS = 86_400_000;
/** Every collector costs a socket and a queue. */
const COLLECTORS_MAX = 64;
/** The smallest path that RFC 7011 section 10.3.3 reckons with. */
const MESSAGE_OCTETS_LEAST = 512;
/** The largest payload of a UDP datagram over IPv4: 65535 - 20 - 8. */
const MESSAGE_OCTETS_MOST = 65_507;

type Report = (offset: number, message: string) => void;
type ReadProperty = (reading: Reading) => void;

/** One property while it is read. */
interface Reading {
  readonly name: string;
  readonly node: JsonNode;
  readonly text: string;
  readonly values: FlowMetadataValues;
  readonly report: Report;
}

const PROPERTIES: Readonly<Record<string, ReadProperty>> = {
  IpFixCollectors: readCollectors,
  Direction: readDirection,
  Interval: readInterval,
  Enabled: readEnabled,
  IdleTimeout: integer('idleTimeoutMs', 1000, DAY_MS, ' milliseconds'),
  ActiveTimeout: integer('activeTimeout', 1000, DAY_MS, ' milliseconds'),
  TemplateRefreshInterval: integer('templateRefreshIntervalMs', 1000, DAY_MS, ' milliseconds'),
  ObservationDomainId: integer('observationDomainId', 0, 4_294_967_295, ''),
  Interfaces: readInterfaces,
  MaxMessageSize: integer('messageOctetsMax', MESSAGE_OCTETS_LEAST, MESSAGE_OCTETS_MOST, ' octets'),
  MaxMessagesPerSecond: integer('messagesPerSecondMax', 1, 1_000_000, ''),
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
  if (node?.type === 'object') readProperties(text, node, values, report);
  else if (node !== undefined) {
    report(node.offset, `${PROPERTY}: found ${quoteNode(text, node)}, allowed: an object`);
  }
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

function readProperties(text: string, object: JsonNode, values: FlowMetadataValues, report: Report): void {
  const seen = new Map<string, JsonNode>();
  for (const { name, nameNode, valueNode } of membersOf(object)) {
    const read = Object.hasOwn(PROPERTIES, name) ? PROPERTIES[name] : undefined;
    if (read === undefined) {
      const hint = suggestion(name, PROFILE_PROPERTIES);
      report(nameNode.offset, `unknown property "${name}" in ${PROPERTY}${hint}${allowedNames()}`);
    } else if (seen.has(name)) {
      report(nameNode.offset, `duplicate property "${name}" in ${PROPERTY}, allowed: once`);
    } else {
      seen.set(name, nameNode);
      if (valueNode !== undefined) read({ name, node: valueNode, text, values, report });
    }
  }
  const active = seen.get('ActiveTimeout');
  if (active !== undefined && values.interval > 0) {
    report(
      active.offset,
      'ActiveTimeout and an Interval other than 0 exclude each other, allowed: one of them',
    );
  }
}

function allowedNames(): string {
  return `, allowed: ${PROFILE_PROPERTIES.join(', ')}`;
}

interface Member {
  readonly name: string;
  readonly nameNode: JsonNode;
  readonly valueNode: JsonNode | undefined;
}

function* membersOf(object: JsonNode): Generator<Member> {
  for (const property of object.children ?? []) {
    const [nameNode, valueNode] = property.children ?? [];
    if (nameNode !== undefined) yield { name: String(getNodeValue(nameNode)), nameNode, valueNode };
  }
}

function refuse({ name, node, text, report }: Reading, allowed: string, hint = ''): void {
  report(node.offset, `${name}: found ${quoteNode(text, node)}${hint}, allowed: ${allowed}`);
}

function readCollectors(reading: Reading): void {
  const { node, values, report } = reading;
  if (node.type !== 'array') {
    refuse(reading, 'a list such as ["Udp/192.0.2.1:4739"]');
    return;
  }
  const collectors: CollectorAddress[] = [];
  for (const entry of node.children ?? []) {
    const collector = readCollector(reading, entry);
    if (collector === undefined) continue;
    if (collectors.some((known) => sameCollector(known, collector))) {
      report(entry.offset, `IpFixCollectors: "${collector.text}" is listed twice, allowed: once`);
    } else {
      collectors.push(collector);
    }
  }
  if (collectors.length > COLLECTORS_MAX) {
    report(node.offset, `IpFixCollectors: found ${collectors.length}, allowed: at most ${COLLECTORS_MAX}`);
  }
  values.collectors = collectors;
}

function readCollector({ text, report }: Reading, entry: JsonNode): CollectorAddress | undefined {
  if (entry.type !== 'string') {
    report(entry.offset, `IpFixCollectors: found ${quoteNode(text, entry)}, allowed: a string "Udp/IP:Port"`);
    return undefined;
  }
  const value = String(getNodeValue(entry));
  const parsed = parseCollectorAddress(value);
  if (!('message' in parsed)) return parsed;
  // An entry without escapes has its characters where the file has them, one after the quote.
  const plain = entry.length === value.length + 2;
  const offset = plain ? entry.offset + 1 + Math.min(parsed.index, value.length) : entry.offset;
  report(offset, `IpFixCollectors: found ${quoteNode(text, entry)}: ${parsed.message}`);
  return undefined;
}

function sameCollector(a: CollectorAddress, b: CollectorAddress): boolean {
  return a.transport === b.transport && a.host.toLowerCase() === b.host.toLowerCase() && a.port === b.port;
}

function readDirection(reading: Reading): void {
  const { node, values } = reading;
  const value: unknown = getNodeValue(node);
  const direction = DIRECTIONS.find((name) => name === value);
  if (direction !== undefined) {
    values.direction = direction;
    return;
  }
  const hint = typeof value === 'string' ? suggestion(value, DIRECTIONS) : '';
  refuse(reading, DIRECTIONS.map((name) => `"${name}"`).join(', '), hint);
}

function readInterval(reading: Reading): void {
  const value: unknown = getNodeValue(reading.node);
  const isAllowed =
    typeof value === 'number' && value >= 0 && value <= INTERVAL_MAX_MS && value % INTERVAL_STEP_MS === 0;
  if (isAllowed) reading.values.interval = value;
  else refuse(reading, `0 or a multiple of ${INTERVAL_STEP_MS} (milliseconds) up to ${INTERVAL_MAX_MS}`);
}

function readEnabled(reading: Reading): void {
  const value: unknown = getNodeValue(reading.node);
  if (typeof value === 'boolean') reading.values.enabled = value;
  else refuse(reading, 'true or false');
}

function readInterfaces(reading: Reading): void {
  const { node, values, text, report } = reading;
  if (node.type !== 'array') {
    refuse(reading, 'a list of interface names such as ["eth0"]');
    return;
  }
  const names: string[] = [];
  for (const entry of node.children ?? []) {
    const value: unknown = getNodeValue(entry);
    if (typeof value !== 'string' || value === '') {
      report(entry.offset, `Interfaces: found ${quoteNode(text, entry)}, allowed: the name of an interface`);
    } else if (names.includes(value)) {
      report(entry.offset, `Interfaces: "${value}" is listed twice, allowed: once`);
    } else {
      names.push(value);
    }
  }
  values.interfaces = names;
}

type NumberProperty = {
  [Name in keyof FlowMetadataValues]: number extends FlowMetadataValues[Name] ? Name : never;
}[keyof FlowMetadataValues];

function integer(target: NumberProperty, least: number, most: number, unit: string): ReadProperty {
  return (reading) => {
    const value: unknown = getNodeValue(reading.node);
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) {
      reading.values[target] = value;
    } else {
      refuse(reading, `a whole number from ${least} to ${most}${unit}`);
    }
  };
}
