/**
 * What the tests against other decoders share: reading captures, decoding them with this package, and
 * comparing records with a table at the end.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { formatIPv6, parseIPv6 } from './address-text.ts';
import type { DecodeProblem } from './decode-error.ts';
import type { FieldMap, FieldValue } from './field-value.ts';
import { createMessageSplitter } from './message-splitter.ts';
import { createRecordDecoder, type DecodedRecord } from './record-decoder.ts';
import type { TransportSession } from './transport-session.ts';

export const FIXTURES = fileURLToPath(new URL('../../../../shared/fixtures/', import.meta.url));
export const hasFixtures = existsSync(FIXTURES);

export interface Decoded {
  readonly records: readonly DecodedRecord[];
  readonly problems: readonly DecodeProblem[];
}

function readFixture(name: string): Uint8Array {
  const bytes = readFileSync(path.join(FIXTURES, name));
  return new Uint8Array(name.endsWith('.gz') ? gunzipSync(bytes) : bytes);
}

export function readFixtureText(name: string): string {
  return Buffer.from(readFixture(name)).toString('utf8');
}

/** Files below a folder of the fixtures whose name ends so, with that folder in front. */
export function fixturesBelow(folder: string, ending: string): string[] {
  const root = path.join(FIXTURES, folder);
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => path.join(folder, name))
    .toSorted();
}

/** Decodes the export packets of a pcap file; each source address is an exporter of its own. */
export function decodeCapture(name: string): Decoded {
  const sessions = new Map<string, TransportSession>();
  const decoding = startDecoding();
  for (const { source, payload } of udpPayloads(readFixture(name))) {
    if (!isExport(payload)) continue;
    const session = sessions.get(source) ?? sessionOf(source, 'udp');
    sessions.set(source, session);
    decoding.datagram(payload, session);
  }
  return decoding;
}

/** The export packets of a pcap file. */
export function exportPackets(name: string): Uint8Array[] {
  return [...udpPayloads(readFixture(name))].map(({ payload }) => payload).filter(isExport);
}

/** Decodes files that hold one datagram each, of one exporter. */
export function decodeDatagrams(names: readonly string[]): Decoded {
  const decoding = startDecoding();
  const session = sessionOf('192.0.2.1', 'udp');
  for (const name of names) decoding.datagram(readFixture(name), session);
  return decoding;
}

/** Decodes an IPFIX File. */
export function decodeFile(name: string): Decoded {
  const decoding = startDecoding();
  const session = sessionOf('192.0.2.1', 'file');
  const splitter = createMessageSplitter({
    message: (bytes) => decoding.datagram(bytes, session),
    problem: (problem) => decoding.problems.push(problem),
  });
  splitter.push(readFixture(name));
  splitter.end();
  return decoding;
}

function startDecoding() {
  const decoder = createRecordDecoder();
  const records: DecodedRecord[] = [];
  const problems: DecodeProblem[] = [];
  const sink = {
    record: (record: DecodedRecord) => records.push(record),
    problem: (problem: DecodeProblem) => problems.push(problem),
  };
  return {
    records,
    problems,
    datagram: (bytes: Uint8Array, session: TransportSession) =>
      decoder.decodeDatagram(bytes, session, 0, sink),
  };
}

function sessionOf(exporterAddress: string, transport: 'udp' | 'file'): TransportSession {
  return { exporterAddress, localSocket: '', transport, source: 'fixture' };
}

function isExport(payload: Uint8Array): boolean {
  return payload[0] === 0 && [1, 5, 7, 9, 10].includes(payload[1] ?? 0);
}

/** Classic pcap of Ethernet, Linux cooked or raw IP; IPv4 and IPv6 without extension headers. */
function* udpPayloads(file: Uint8Array): Generator<{ source: string; payload: Uint8Array }> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const isLittle = view.getUint32(0, true) === 0xa1b2c3d4 || view.getUint32(0, true) === 0xa1b23c4d;
  const linkOctets = { 0: 4, 1: 14, 101: 0, 113: 16, 276: 20 }[view.getUint32(20, isLittle)] ?? 14;
  for (let at = 24; at + 16 <= file.length; ) {
    const captured = view.getUint32(at + 8, isLittle);
    const frame = file.subarray(at + 16, at + 16 + captured);
    at += 16 + captured;
    const isTagged = linkOctets === 14 && frame[12] === 0x81 && frame[13] === 0;
    const datagram = udpOf(frame.subarray(linkOctets + (isTagged ? 4 : 0)));
    if (datagram !== undefined) yield datagram;
  }
}

function udpOf(packet: Uint8Array): { source: string; payload: Uint8Array } | undefined {
  const isIPv6 = (packet[0] ?? 0) >> 4 === 6;
  const header = isIPv6 ? 40 : ((packet[0] ?? 0) & 15) * 4;
  if (packet[isIPv6 ? 6 : 9] !== 17) return undefined;
  const octets = ((packet[header + 4] ?? 0) << 8) | (packet[header + 5] ?? 0);
  const source = Array.from(isIPv6 ? packet.subarray(8, 24) : packet.subarray(12, 16)).join('.');
  return { source, payload: packet.subarray(header + 8, header + octets) };
}

/** One field as another decoder has it. */
export interface OracleField {
  /** Our name of the element. */
  readonly name: string;
  readonly value: unknown;
}

/** For a field whose element the oracle does not name: any of ours must have its value. */
export const ANY_NAME = '*';

export interface OracleRecord {
  readonly templateId: number | undefined;
  readonly fields: readonly OracleField[];
}

export interface Comparison {
  readonly file: string;
  readonly recordsExpected: number;
  readonly recordsEqual: number;
  readonly fieldsExpected: number;
  readonly fieldsEqual: number;
  /** `name: theirs, ours`, each kind once. */
  readonly disagreements: readonly string[];
}

type Equal = (name: string, theirs: unknown, ours: FieldValue) => boolean;

interface Waiting {
  readonly record: DecodedRecord;
  readonly leaves: ReadonlyMap<string, readonly FieldValue[]>;
  taken: boolean;
}

/**
 * Gives each record of the oracle the first of ours, not taken yet, that has every field equal; then what is
 * left over the one that has most. A field that the oracle has several times takes ours in turn.
 */
export function compareRecords(
  file: string,
  theirs: readonly OracleRecord[],
  ours: readonly DecodedRecord[],
  equal: Equal,
): Comparison {
  const all = ours.map((record): Waiting => ({ record, leaves: leavesOf(record), taken: false }));
  const byTemplate = Map.groupBy(all, ({ record }) => record.templateId);
  const candidatesFor = ({ templateId }: OracleRecord) =>
    (templateId === undefined ? all : (byTemplate.get(templateId) ?? [])).filter(({ taken }) => !taken);
  const unequal = theirs.filter((their) => {
    const match = candidatesFor(their).find(({ leaves }) => wrongFields(their, leaves, equal).length === 0);
    if (match !== undefined) match.taken = true;
    return match === undefined;
  });
  const wrong = unequal.map((their) => {
    const tries = candidatesFor(their).map((entry) => ({
      entry,
      wrong: wrongFields(their, entry.leaves, equal),
    }));
    const best = tries.toSorted((a, b) => a.wrong.length - b.wrong.length)[0];
    if (best !== undefined) best.entry.taken = true;
    return best?.wrong ?? their.fields.map(({ name }) => `${name}: no record`);
  });
  const fieldsExpected = theirs.reduce((sum, record) => sum + record.fields.length, 0);
  return {
    file,
    recordsExpected: theirs.length,
    recordsEqual: theirs.length - unequal.length,
    fieldsExpected,
    fieldsEqual: fieldsExpected - wrong.flat().length,
    disagreements: [...new Set(wrong.flat())],
  };
}

function wrongFields(
  their: OracleRecord,
  leaves: ReadonlyMap<string, readonly FieldValue[]>,
  equal: Equal,
): string[] {
  const wrong: string[] = [];
  const left = new Map(leaves);
  for (const { name, value } of their.fields) {
    const names = name === ANY_NAME ? [...left.keys()] : [name, reverseName(name)];
    const found = names.find((own) => left.get(own)?.some((item) => equal(name, value, item)));
    if (found === undefined)
      wrong.push(`${name}: ${JSON.stringify(value)}, ours ${JSON.stringify(left.get(name))}`);
    if (found === undefined || name === ANY_NAME) continue;
    const values = left.get(found) ?? [];
    const at = values.findIndex((item) => equal(name, value, item));
    left.set(found, values.toSpliced(at, 1));
  }
  return wrong;
}

/** tshark shows the other direction of a biflow (RFC 5103) under the same name. */
function reverseName(name: string): string {
  return `reverse${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

/** Every plain value of a record by the name of its element, those inside lists too. */
function leavesOf(record: DecodedRecord): Map<string, FieldValue[]> {
  const leaves = new Map<string, FieldValue[]>();
  collect(record.scope ?? {}, leaves);
  collect(record.fields, leaves);
  return leaves;
}

function collect(fields: FieldMap, into: Map<string, FieldValue[]>): void {
  for (const [name, value] of Object.entries(fields)) {
    for (const item of Array.isArray(value) ? (value as FieldValue[]) : [value]) {
      if (item !== null && typeof item === 'object' && !Array.isArray(item)) collect(item as FieldMap, into);
      else into.set(name, [...(into.get(name) ?? []), item]);
    }
  }
}

/** Classic pcap of raw IPv4 (link type 101) with UDP to the port of IPFIX. */
export function pcapOf(payloads: readonly Uint8Array[]): Uint8Array {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(262144, 16);
  header.writeUInt32LE(101, 20);
  const packets = payloads.flatMap((payload) => {
    const packet = Buffer.alloc(16 + 28);
    packet.writeUInt32LE(28 + payload.length, 8);
    packet.writeUInt32LE(28 + payload.length, 12);
    packet.writeUInt8(0x45, 16);
    packet.writeUInt16BE(28 + payload.length, 18);
    packet.writeUInt8(64, 24);
    packet.writeUInt8(17, 25);
    packet.set([192, 0, 2, 1, 192, 0, 2, 2], 28);
    packet.writeUInt16BE(50000, 36);
    packet.writeUInt16BE(4739, 38);
    packet.writeUInt16BE(8 + payload.length, 40);
    return [packet, payload];
  });
  return new Uint8Array(Buffer.concat([header, ...packets]));
}

/** Whether a value, however the oracle writes it, is ours: numbers, octets, text, times to our precision. */
export function sameText(theirs: string, ours: FieldValue): boolean {
  const text = String(ours);
  if (theirs === text) return true;
  const octets = /^([0-9a-f]{2}:)*[0-9a-f]{2}$/i.test(theirs)
    ? theirs.replaceAll(':', '').toLowerCase()
    : undefined;
  if (octets === text) return true;
  if (/^[0-9a-f]*:[0-9a-f:]*:[0-9a-f:.]*$/.test(theirs) && parseIPv6(text) !== undefined)
    return formatted(theirs) === text;
  if (ours === null) return theirs === '';
  if (typeof ours === 'number' || /^\d+$/.test(text)) return sameNumber(theirs, octets, text);
  if (octets !== undefined && Buffer.from(octets, 'hex').toString('utf8').replace(/\0+$/, '') === text)
    return true;
  const time = Date.parse(theirs.replace(/\.\d+/, (digits) => digits.slice(0, 4)));
  return /Z$/.test(text) && !Number.isNaN(time) && sameTime(theirs, time, text);
}

/** The same address in the form of RFC 5952. */
function formatted(address: string): string | undefined {
  const bytes = parseIPv6(address);
  return bytes === undefined ? undefined : formatIPv6(bytes, 0);
}

function sameNumber(theirs: string, octets: string | undefined, ours: string): boolean {
  if (
    /^(0x[0-9a-f]+|\d+)$/i.test(theirs) &&
    BigInt(theirs) === BigInt(Math.trunc(Number(ours)) === Number(ours) ? ours : 0)
  )
    return true;
  if (octets !== undefined && /^\d+$/.test(ours) && BigInt(`0x${octets}`) === BigInt(ours)) return true;
  return (
    theirs !== '' && Math.fround(Number(theirs)).toPrecision(6) === Math.fround(Number(ours)).toPrecision(6)
  );
}

/** Equal to the digits that both have; the last of ours may have been rounded where theirs was cut off. */
function sameTime(theirs: string, timeMs: number, ours: string): boolean {
  const digitsOf = (text: string) => /\.(\d+)/.exec(text)?.[1] ?? '';
  if (Math.abs(Date.parse(ours.replace(/\.\d+/, '')) - Math.floor(timeMs / 1000) * 1000) > 0) return false;
  const digits = Math.min(digitsOf(ours).length, digitsOf(theirs).length);
  const cut = (text: string) => Number(digitsOf(text).slice(0, digits) || '0');
  return Math.abs(cut(ours) - cut(theirs)) <= (digits > 3 ? 1 : 0);
}

export function printTable(title: string, comparisons: readonly Comparison[]): void {
  const lines = comparisons.map((row) =>
    [
      row.file.padEnd(86),
      `${row.recordsEqual}/${row.recordsExpected}`.padStart(12),
      `${row.fieldsEqual}/${row.fieldsExpected}`.padStart(14),
    ].join(' '),
  );
  const header = ['file'.padEnd(86), 'records'.padStart(12), 'fields'.padStart(14)].join(' ');
  process.stdout.write(`\n${title}\n${header}\n${lines.join('\n')}\n`);
}
