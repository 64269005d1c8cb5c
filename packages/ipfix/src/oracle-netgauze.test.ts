/** Against the golden files of NetGauze's own decoder: every field of every record, by IANA's names. */
import { expect, test } from 'vitest';
import type { FieldValue } from './field-value.ts';
import { elementByName, valueName } from './information-model.ts';
import {
  compareRecords,
  decodeCapture,
  fixturesBelow,
  hasFixtures,
  type OracleRecord,
  printTable,
  readFixtureText,
} from './oracle.test-support.ts';

interface GoldenRecord {
  readonly scope_fields?: readonly Record<string, unknown>[];
  readonly fields: readonly Record<string, unknown>[];
}
interface GoldenMessage {
  readonly sets: readonly {
    readonly Data?: { readonly id: number; readonly records: readonly GoldenRecord[] };
  }[];
}

/** RFC 7125: bit 0 is FIN. */
const TCP_FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'];

const goldens = fixturesBelow('exporters/netgauze', '-flow.json');

test.skipIf(!hasFixtures)('every field of every record of NetGauze, or: no shared fixtures', () => {
  const comparisons = goldens.map((golden) => {
    const capture = golden.replace('-flow.json', '.pcap');
    const { records, problems } = decodeCapture(capture);
    expect(problems).toEqual([]);
    return compareRecords(capture, goldenRecords(golden), records, sameAsGolden);
  });
  printTable('NetGauze', comparisons);
  expect(comparisons.flatMap((row) => row.disagreements)).toEqual([]);
  expect(comparisons.reduce((sum, row) => sum + row.recordsEqual, 0)).toBe(642);
  for (const row of comparisons) expect(row.fieldsEqual).toBe(row.fieldsExpected);
});

function goldenRecords(name: string): OracleRecord[] {
  const lines = readFixtureText(name).trim().split('\n');
  const messages = lines.flatMap((line) => Object.values(JSON.parse(line) as Record<string, GoldenMessage>));
  return messages
    .flatMap((message) => message.sets.flatMap((set) => set.Data ?? []))
    .flatMap(({ id, records }) =>
      records.map((record) => ({
        templateId: id,
        fields: [...(record.scope_fields ?? []), ...record.fields]
          .flatMap((field) => Object.entries(field))
          .map(([field, value]) => ({ name: field, value })),
      })),
    );
}

/** NetGauze writes octets as lists of numbers, and values of sub-registries by their names without spaces. */
function sameAsGolden(name: string, theirs: unknown, ours: FieldValue): boolean {
  if (theirs === ours) return true;
  if (Array.isArray(theirs))
    return Buffer.from(theirs as number[]).toString('hex') === String(ours).replaceAll(':', '');
  if (name === 'tcpControlBits') return flagsOf(theirs as Record<string, boolean>) === ours;
  const element = elementByName(name);
  if (element === undefined || typeof ours !== 'number') return false;
  if (typeof theirs === 'string') return plain(theirs) === plain(valueName(element, ours) ?? '');
  const [key, value] = Object.entries(theirs as Record<string, unknown>)[0] ?? [];
  if (key === 'Unassigned') return value === ours && valueName(element, ours) === undefined;
  return plain(`${key}${value}`) === plain(valueName(element, ours) ?? '');
}

function flagsOf(flags: Readonly<Record<string, boolean>>): number {
  return TCP_FLAGS.reduce((bits, flag, index) => bits + (flags[flag] === true ? 1 << index : 0), 0);
}

function plain(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9]/g, '').toLowerCase();
}
