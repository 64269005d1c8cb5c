/** Against libfixbuf's ipfixDump: IPFIX Files of YAF, ipfixcol1 and ipfixcol2, lists inside records included. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { FieldValue } from './field-value.ts';
import { elementById, elementNumberText } from './information-model.ts';
import {
  compareRecords,
  decodeFile,
  FIXTURES,
  fixturesBelow,
  hasFixtures,
  type OracleField,
  type OracleRecord,
  printTable,
  readFixtureText,
  sameText,
} from './oracle.test-support.ts';
import { isStructured } from './value-codec.ts';

const dumps = [
  ...fixturesBelow('oracle-output/ipfixDump', '.ipfix.txt.gz'),
  ...fixturesBelow('generated/yaf', '.ipfixDump.txt.gz'),
];

test.skipIf(!hasFixtures)('every field that ipfixDump shows, or: no shared fixtures', () => {
  const comparisons = dumps.map((dump) => {
    const file = fileOf(dump);
    return compareRecords(file, recordsOf(readFixtureText(dump)), decodeFile(file).records, sameAsDump);
  });
  printTable('ipfixDump', comparisons);
  expect(comparisons.flatMap((row) => row.disagreements)).toEqual([]);
  expect(comparisons.reduce((sum, row) => sum + row.recordsExpected, 0)).toBeGreaterThan(5000);
});

function fileOf(dump: string): string {
  if (dump.startsWith('generated/')) return dump.replace('Dump.txt.gz', '');
  const name = path.basename(dump, '.txt.gz').replace('ipfixcol1_ipfix_data_', 'ipfixcol1/ipfix_data/');
  const file = path.join('exporters', name.replace('ipfixcol2_', 'ipfixcol2/'));
  expect(existsSync(path.join(FIXTURES, file)), file).toBe(true);
  return file;
}

function recordsOf(text: string): OracleRecord[] {
  const records: { templateId: number | undefined; fields: OracleField[] }[] = [];
  let listed: string | undefined;
  let inRecord = false;
  for (const line of text.split('\n')) {
    if (/^(---|\*\*\*)/.test(line)) inRecord = /^--- (options )?data record/.test(line);
    if (/^--- (options )?data record/.test(line)) records.push({ templateId: undefined, fields: [] });
    const record = records.at(-1);
    if (record === undefined || !inRecord) continue;
    const header = /^\tcount: +\d+ +tid: *(\d+)/.exec(line);
    if (header !== null) record.templateId = Number(header[1]);
    const item = /^\t+\d+ +: (.*)$/.exec(line);
    const list = /ie: \((?:(\d+)\/)?(\d+)\)/.exec(line);
    const field = /^\t+\((?:(\d+)\/)?(\d+)\)(\*?) +\S+ : ?(.*)$/.exec(line);
    if (list !== null) listed = nameOf(list[1], list[2]);
    else if (item !== null && listed !== undefined)
      record.fields.push({ name: listed, value: plain(item[1]) });
    else if (field !== null) addField(record.fields, field);
  }
  return records;
}

function addField(fields: OracleField[], [, pen, id, , value]: RegExpExecArray): void {
  const element = elementById(Number(pen ?? 0), Number(id));
  if (element !== undefined && isStructured(element.dataType)) return;
  fields.push({ name: nameOf(pen, id), value: plain(value) });
}

function nameOf(pen: string | undefined, id: string | undefined): string {
  const [enterpriseNumber, elementId] = [Number(pen ?? 0), Number(id)];
  return elementById(enterpriseNumber, elementId)?.name ?? elementNumberText(enterpriseNumber, elementId);
}

function plain(value: string | undefined): string {
  return (value ?? '')
    .replace(/^\(len: *\d+\) ?/, '')
    .replace(/^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d[.\d]*)$/, '$1T$2Z');
}

/**
 * ipfixDump shows times in microseconds without their fraction, of octets in part only how many there are, and
 * what it does not know as a little-endian number.
 */
function sameAsDump(name: string, theirs: unknown, ours: FieldValue): boolean {
  const text = String(theirs);
  const octets = /^len: *(\d+)$/.exec(text)?.[1];
  if (octets !== undefined) return octetsOf(ours).includes(Number(octets));
  if (/Microseconds$/.test(name)) return text.slice(0, 19) === String(ours).slice(0, 19);
  return sameText(text, ours) || (/^\d+$/.test(text) && littleEndian(text).includes(hexOf(ours)));
}

/** How many octets the value has, taken as hexadecimal digits or as text. */
function octetsOf(value: FieldValue): number[] {
  return [String(value).length / 2, Buffer.byteLength(String(value))];
}

function littleEndian(text: string): string[] {
  return [1, 2, 4, 8].map((octets) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(text));
    return bytes.subarray(0, octets).toString('hex').replace(/^0+/, '');
  });
}

function hexOf(value: FieldValue): string {
  const hex = typeof value === 'number' ? value.toString(16) : String(value);
  return hex.replace(/^0+/, '');
}
