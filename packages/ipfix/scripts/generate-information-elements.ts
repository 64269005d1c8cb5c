/**
 * Generates `src/information-elements.generated.ts` and `src/value-names.generated.ts` from copies of the
 * public registries. Usage, from the repository's root:
 *
 *   node packages/ipfix/scripts/generate-information-elements.ts REGISTRY_FOLDER
 *
 * REGISTRY_FOLDER/derived holds IANA's registry, the enterprise registries and the NetFlow v9 fields as CSV;
 * REGISTRY_FOLDER/netgauze/subregistry holds IANA's XML of the registries outside IPFIX. Only facts are taken:
 * numbers, names, data types, semantics, units.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ABSTRACT_DATA_TYPES, DATA_TYPE_SEMANTICS, ELEMENT_UNITS } from '../src/information-element.ts';

type Row = Readonly<Record<string, string>>;

interface Element {
  enterpriseNumber: number;
  elementId: number;
  name: string;
  type: number;
  semantics: number;
  units: number;
}

/** Enterprise registries of the same number disagree; the first listed here names the element. */
const SOURCES_BY_TRUST = ['NetGauze/', 'go-ipfix/', 'libfds/', 'telegraf/', 'logstash/'];
/** Computed from IANA's table (29305), or internal to another program. */
const ENTERPRISES_LEFT_OUT = new Set([29305, 4294967294, 4294967295]);
/** What other projects call the abstract data types. `uint` has the length of its field: RFC 7011 section 6.2. */
const TYPE_ALIASES: Readonly<Record<string, string>> = {
  uint8: 'unsigned8',
  uint15: 'unsigned16',
  uint16: 'unsigned16',
  uint24: 'unsigned32',
  uint32: 'unsigned32',
  uint64: 'unsigned64',
  uint: 'unsigned64',
  proto: 'unsigned8',
  int8: 'signed8',
  int16: 'signed16',
  int32: 'signed32',
  int64: 'signed64',
  float: 'float32',
  double: 'float64',
  hex: 'octetArray',
  octetarray: 'octetArray',
  acl_id_asa: 'octetArray',
  mac_addr: 'macAddress',
  ip4_addr: 'ipv4Address',
  ip6_addr: 'ipv6Address',
  ipv6address: 'ipv6Address',
  '4': 'unsigned32',
  '8': 'unsigned64',
};
/** Registries whose title does not say which element they belong to. */
const ELEMENT_OF_REGISTRY: Readonly<Record<string, number>> = {
  'forwarding-status-01b': 89,
  'forwarding-status-10b': 89,
  'forwarding-status-11b': 89,
};
/** RFC 7270: the plain names of a status are unknown or taken, so they are told apart by what became of the packet. */
const FORWARDING_STATUS: Readonly<Record<string, string>> = {
  'forwarding-status-01b': 'Forwarded',
  'forwarding-status-10b': 'Dropped',
  'forwarding-status-11b': 'Consumed',
};
const XML_REGISTRIES: readonly (readonly [number, string, string])[] = [
  [4, 'iana_protocol_numbers.xml', 'protocol-numbers-1'],
  [61, 'iana_flow_direction.xml', ''],
  [304, 'iana_psamp_parameters.xml', ''],
];

/** RFC 4180: quoted fields may hold commas, line ends and doubled quotes. */
function parseCsv(text: string): Row[] {
  const lines: string[][] = [[]];
  const pattern = /("(?:[^"]|"")*"|[^,\r\n]*)(,|\r?\n|$)/gy;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const [whole, field = '', separator = ''] = match;
    lines.at(-1)?.push(field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field);
    if (whole === '' || pattern.lastIndex >= text.length) break;
    if (separator !== ',') lines.push([]);
  }
  const [header = [], ...rows] = lines.filter((line) => line.length > 1);
  return rows.map((row) => Object.fromEntries(header.map((name, index) => [name, row[index] ?? ''])));
}

function typeOf(name: string, type: string): number {
  const plain = type === 'ip' ? (name.includes('ipv6') ? 'ip6_addr' : 'ip4_addr') : type;
  return ABSTRACT_DATA_TYPES.findIndex((known) => known === (TYPE_ALIASES[plain] ?? plain));
}

function indexOrNone(names: readonly string[], name: string | undefined): number {
  return Math.max(0, names.indexOf((name ?? '').trim()));
}

function element(pen: number, row: Row, name: string, type: string): Element | undefined {
  const elementId = Number(row['elementId'] ?? row['fieldId']);
  const typeNumber = typeOf(name, type);
  const named = name !== '' && !/Unknown\d+$/.test(name);
  if (!Number.isInteger(elementId) || typeNumber < 0 || !named) return undefined;
  return {
    enterpriseNumber: pen,
    elementId,
    name: name.replaceAll(/[^A-Za-z0-9_]/g, ''),
    type: typeNumber,
    semantics: indexOrNone(DATA_TYPE_SEMANTICS, row['semantics'] ?? row['dataTypeSemantics']),
    units: indexOrNone(ELEMENT_UNITS, row['units']),
  };
}

function camelCase(name: string): string {
  return name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

const defined = (found: Element | undefined): found is Element => found !== undefined;

function ianaElements(rows: Row[]): Element[] {
  return rows.map((row) => element(0, row, row['name'] ?? '', row['abstractDataType'] ?? '')).filter(defined);
}

/** NetFlow v9 has no enterprise numbers; a field that IANA does not describe is kept beside IANA's own. */
function netflow9Elements(rows: Row[], iana: readonly Element[]): Element[] {
  const taken = new Set(iana.map((known) => known.elementId));
  return rows
    .map((row) => element(0, row, camelCase(row['name'] ?? ''), row['logstashType'] ?? ''))
    .filter(defined)
    .filter((found) => !taken.has(found.elementId) && !/^nprobe/.test(found.name));
}

function enterpriseElements(rows: Row[]): Element[] {
  const trust = (row: Row) => SOURCES_BY_TRUST.findIndex((source) => row['source']?.startsWith(source));
  const found = new Map<string, Element>();
  for (const row of rows.toSorted((a, b) => trust(a) - trust(b))) {
    const pen = Number(row['pen']);
    const read = element(pen, row, row['name'] ?? '', row['type'] ?? '');
    const key = `${pen}/${row['elementId']}`;
    if (read !== undefined && !ENTERPRISES_LEFT_OUT.has(pen) && !found.has(key)) found.set(key, read);
  }
  return [...found.values()];
}

/** A name that an earlier element has gets its vendor in front, or its number behind. */
function makeNamesUnique(elements: Element[], vendors: ReadonlyMap<number, string>): void {
  const taken = new Set<string>();
  for (const named of elements) {
    const vendor = vendors.get(named.enterpriseNumber) ?? 'netflow9';
    if (taken.has(named.name)) named.name = vendor + named.name[0]?.toUpperCase() + named.name.slice(1);
    if (taken.has(named.name)) named.name += `_${named.elementId}`;
    taken.add(named.name);
  }
}

/** `[ID ]NAME TSU`: type, semantics and units as base-36 digits, trailing zeros left out; no ID: one more than before. */
function elementLines(elements: readonly Element[]): string {
  let expected = 1;
  const lines = elements.map((known) => {
    const digits = [known.type, known.semantics, known.units].map((digit) => digit.toString(36)).join('');
    const id = known.elementId === expected ? '' : `${known.elementId} `;
    expected = known.elementId + 1;
    return `${id}${known.name} ${digits.replace(/(?<=.)0+$/, '')}`;
  });
  return lines.join('\n');
}

function elementsModule(elements: readonly Element[]): string {
  const byEnterprise = Map.groupBy(elements, (known) => known.enterpriseNumber);
  const parts = [...byEnterprise]
    .toSorted(([a], [b]) => a - b)
    .map(([pen, members]) => {
      const sorted = members.toSorted((a, b) => a.elementId - b.elementId);
      return `  ${pen}: \`${elementLines(sorted)}\`,\n`;
    });
  return `${GENERATED}
/**
 * By enterprise number: a line an element, \`[ID ]NAME TSU\`. Without an ID it is the line before plus one
 * (the first line: 1). T, S and U are base-36 digits: data type, semantics and units by their RFC 5610 numbers;
 * zeros at the end are left out.
 */
export const INFORMATION_ELEMENTS: Readonly<Record<number, string>> = {
${parts.join('')}};
`;
}

function shortName(row: Row): string {
  const described = (row['description'] ?? '').split(':')[0] ?? '';
  const name = row['name'] !== undefined && row['name'] !== '' ? row['name'] : described;
  return name.replaceAll(/\s+/g, ' ').replace(/\.$/, '').trim();
}

function valueLines(rows: readonly Row[]): string[] {
  return rows.flatMap((row) => {
    const name = shortName(row);
    const status = FORWARDING_STATUS[row['registryId'] ?? ''];
    if (!/^(0x[0-9a-fA-F]+|\d+)$/.test(row['value'] ?? '')) return [];
    if (/^(unassigned|reserved|)$/i.test(name)) return [];
    return [`${Number(row['value'])} ${status === undefined ? name : `${status}: ${name}`}`];
  });
}

function xmlRows(text: string): Row[] {
  const rows: Row[] = [];
  for (const [, record = ''] of text.matchAll(/<record[^>]*>([\s\S]*?)<\/record>/g)) {
    const tag = (name: string) =>
      (new RegExp(`<${name}>([\\s\\S]*?)</${name}>`).exec(record)?.[1] ?? '')
        .replaceAll(/<[^>]*>/g, '')
        .replaceAll('&amp;', '&')
        .trim();
    rows.push({ value: tag('value') || tag('id'), name: tag('name'), description: tag('description') });
  }
  return rows;
}

function valueNamesModule(subregistries: Row[], folder: string): string {
  const lines = new Map<number, string[]>();
  for (const row of subregistries) {
    const inTitle = /\(Value (\d+)\)|\((\d+)\)/.exec(row['title'] ?? '');
    const elementId = ELEMENT_OF_REGISTRY[row['registryId'] ?? ''] ?? Number(inTitle?.[1] ?? inTitle?.[2]);
    if (!Number.isInteger(elementId) || row['registryId'] === 'forwarding-status') continue;
    lines.set(elementId, [...(lines.get(elementId) ?? []), ...valueLines([row])]);
  }
  for (const [elementId, file, registryId] of XML_REGISTRIES) {
    const xml = readFileSync(join(folder, 'netgauze/subregistry', file), 'utf8');
    const start = registryId === '' ? 0 : xml.indexOf(`<registry id="${registryId}">`);
    lines.set(elementId, valueLines(xmlRows(xml.slice(start))));
  }
  const parts = [...lines].toSorted(([a], [b]) => a - b);
  const text = parts.map(([id, values]) => `  ${id}: \`${values.join('\n')}\`,\n`).join('');
  return `${GENERATED}
/** By IANA element: a line a value, \`VALUE NAME\`, from the sub-registry that lists the element's values. */
export const VALUE_NAMES: Readonly<Record<number, string>> = {
${text}};
`;
}

const GENERATED =
  '/* Generated by scripts/generate-information-elements.ts from the public registries; do not edit. */\n';

function main(folder: string | undefined): void {
  if (folder === undefined) throw new Error('usage: generate-information-elements.ts REGISTRY_FOLDER');
  const csv = (name: string) => parseCsv(readFileSync(join(folder, 'derived', name), 'utf8'));
  const enterprise = csv('enterprise-information-elements-permissive.csv');
  const iana = ianaElements(csv('iana-ipfix-information-elements.csv'));
  const elements = [
    ...iana,
    ...netflow9Elements(csv('netflow9-fields-logstash.csv'), iana),
    ...enterpriseElements(enterprise),
  ];
  const vendor = (row: Row) => (/^(?:Citrix )?(\w+)/.exec(row['vendor'] ?? '')?.[1] ?? '').toLowerCase();
  makeNamesUnique(elements, new Map(enterprise.map((row) => [Number(row['pen']), vendor(row)])));
  const target = (name: string) => new URL(`../src/${name}`, import.meta.url);
  writeFileSync(target('information-elements.generated.ts'), elementsModule(elements));
  const subregistries = csv('iana-ipfix-subregistries.csv');
  writeFileSync(target('value-names.generated.ts'), valueNamesModule(subregistries, folder));
  console.log(
    `${elements.length} elements of ${new Set(elements.map((e) => e.enterpriseNumber)).size} registries`,
  );
}

main(process.argv[2]);
