/**
 * Generated captures, read by tshark and by us: the same records of the same templates, the same octets in
 * the same fields, and where tshark has a value of its own for them, that value. WEIR_DIFFERENTIAL_FILES=500
 * makes a long run of it; a failure names its seed.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { FieldValue } from './field-value.ts';
import {
  type GeneratedCell,
  type GeneratedRecord,
  generateCapture,
} from './generated-capture.test-support.ts';
import { pcapOf, sameText } from './oracle.test-support.ts';
import { createRecordDecoder, type DecodedRecord } from './record-decoder.ts';
import { decodeValue, isStructured } from './value-codec.ts';

const FILES = Number(process.env['WEIR_DIFFERENTIAL_FILES'] ?? 12);
const hasTshark = spawnSync('tshark', ['--version']).status === 0;

interface TsharkField {
  readonly name: string;
  readonly show: string;
  /** Octets in hexadecimal digits. */
  readonly value: string;
  readonly pos: number;
}
interface TsharkRecord {
  readonly templateId: number;
  readonly pos: number;
  readonly fields: readonly TsharkField[];
}

/**
 * What tshark shows in another way: uptimes and durations in seconds, booleans as 0 and 1, 64-bit milliseconds
 * as 32-bit seconds, application ids and lengths in parts, and what it has no field for as text or octets.
 */
const SHOWN_OTHERWISE =
  /^$|^cflow\.(time(start|end|delta)|abstime(start|end)|.*_(entry|field_type)|m(in|ax)_flow_.*_milliseconds|.*len.*)$/;

/** Undefined when tshark gave up on a datagram: lengths that its fields do not expect are too much for it. */
function tsharkRecords(datagrams: readonly Uint8Array[]): TsharkRecord[] | undefined {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-differential-'));
  try {
    const file = path.join(folder, 'generated.pcap');
    writeFileSync(file, pcapOf(datagrams));
    const args = ['-r', file, '-d', 'udp.port==4739,cflow', '-T', 'pdml'];
    const { stdout } = spawnSync('tshark', args, { encoding: 'utf8', maxBuffer: 1 << 28 });
    return stdout.includes('_ws.malformed') ? undefined : recordsOfPdml(stdout);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A record is the element `Flow N` below the Set `[id=N]`; every element has a line of its own. */
function recordsOfPdml(pdml: string): TsharkRecord[] {
  const records: (TsharkRecord & { fields: TsharkField[] })[] = [];
  let templateId = 0;
  for (const [, text = ''] of pdml.matchAll(/<field ([^>]*)>/g)) {
    const attributes = new Map(
      Array.from(text.matchAll(/(\w+)="([^"]*)"/g), ([, key, value]) => [key, value]),
    );
    const show = attributes.get('show') ?? '';
    const pos = Number(attributes.get('pos'));
    const inSet = /\[id=(\d+)\]/.exec(show);
    if (inSet !== null) templateId = Number(inSet[1]);
    else if (/^Flow \d+( |$)/.test(show)) records.push({ templateId, pos, fields: [] });
    else {
      const [name = '', value = ''] = [attributes.get('name'), attributes.get('value')];
      records.at(-1)?.fields.push({ name, show, value, pos });
    }
  }
  return records;
}

function ourRecords(datagrams: readonly Uint8Array[]): DecodedRecord[] {
  const records: DecodedRecord[] = [];
  const session = {
    exporterAddress: '192.0.2.1',
    localSocket: '',
    transport: 'udp',
    source: 'test',
  } as const;
  const decoder = createRecordDecoder();
  const sink = {
    record: (record: DecodedRecord) => records.push(record),
    problem: (problem: object) => expect(problem).toBeUndefined(),
  };
  for (const bytes of datagrams) decoder.decodeDatagram(bytes, session, 0, sink);
  return records;
}

/** Our values of a record in the order of its template's fields. */
function valuesInOrder(record: DecodedRecord, cells: readonly GeneratedCell[]): FieldValue[] {
  const scopeNames = Object.values(record.scope ?? {}).flat().length;
  const taken = [new Map<string, number>(), new Map<string, number>()];
  return cells.map(({ field: { element } }, index) => {
    const isScope = index < scopeNames;
    const nth = taken[isScope ? 0 : 1]!;
    const at = nth.get(element.name) ?? 0;
    nth.set(element.name, at + 1);
    const value = (isScope ? record.scope : record.fields)?.[element.name] ?? null;
    return Array.isArray(value) ? (value as FieldValue[])[at]! : value;
  });
}

/** Disagreements about one record; `compared` counts the fields of which tshark has a value. */
function disagreements(
  generated: GeneratedRecord,
  theirs: TsharkRecord,
  ours: DecodedRecord,
  compared: { count: number },
): string[] {
  const values = valuesInOrder(ours, generated.cells);
  return generated.cells.flatMap(({ field: { element }, offset, octets }, index) => {
    const value = values[index]!;
    const { dataType, name } = element;
    if (isStructured(dataType)) return [];
    const ownReading = decodeValue(Uint8Array.from(octets), 0, octets.length, dataType);
    if (String(ownReading) !== String(value)) return [`${name}: ${value}, not ${ownReading}`];
    const digits = Buffer.from(octets).toString('hex');
    const shown = theirs.fields.find((field) => field.pos === theirs.pos + offset && field.value === digits);
    if (shown === undefined || dataType === 'boolean' || SHOWN_OTHERWISE.test(shown.name)) return [];
    compared.count += 1;
    return sameText(shown.show, value) ? [] : [`${name}: ${value}, tshark's ${shown.name} ${shown.show}`];
  });
}

test.skipIf(!hasTshark)(
  'tshark and we agree on generated captures, or: tshark is not installed',
  () => {
    const compared = { count: 0 };
    let fields = 0;
    let givenUp = 0;
    for (let seed = 1; seed <= FILES; seed++) {
      const { version, datagrams, records } = generateCapture(seed);
      const theirs = tsharkRecords(datagrams);
      const ours = ourRecords(datagrams);
      const ids = records.map(({ templateId }) => templateId);
      const where = `seed ${seed}, version ${version}`;
      expect(
        ours.map(({ templateId }) => templateId),
        where,
      ).toEqual(ids);
      if (theirs === undefined) {
        givenUp += 1;
        continue;
      }
      expect(
        theirs.map((record) => record.templateId),
        where,
      ).toEqual(ids);
      records.forEach((record, index) => {
        fields += record.cells.length;
        expect(disagreements(record, theirs[index]!, ours[index]!, compared), where).toEqual([]);
      });
    }
    expect(compared.count).toBeGreaterThan(fields / 3);
    expect(givenUp).toBeLessThan(FILES / 4);
  },
  600_000,
);
