import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseHex } from './address-text.ts';
import { BoundedReader } from './bounded-reader.ts';
import { DecodeError, type DecodeProblem } from './decode-error.ts';
import { createElementRegistry } from './element-registry.ts';
import type { EncodableField, EncodableRecord, FieldValue } from './field-value.ts';
import { DATA_TYPE_OCTETS, type InformationElement } from './information-element.ts';
import { builtInElements, elementByName } from './information-model.ts';
import { OctetWriter } from './octet-writer.ts';
import { encodeRecord } from './record-encoder.ts';
import { createRecordReader } from './record-reader.ts';
import { LIST_NESTING_MAX } from './structured-data-reader.ts';
import { type FieldSpecifier, type Template, VARIABLE_LENGTH } from './template.ts';
import { recordOctetsMin, skipRecord } from './template-layout.ts';
import { decodeValue, isStructured } from './value-codec.ts';

function specifier(name: string, length?: number): FieldSpecifier {
  const element = elementByName(name) ?? expect.fail(name);
  const { enterpriseNumber, elementId, dataType } = element;
  return {
    enterpriseNumber,
    elementId,
    length: length ?? (DATA_TYPE_OCTETS[dataType] || VARIABLE_LENGTH),
  };
}

function template(fields: FieldSpecifier[], scopeFieldCount = 0, templateId = 256): Template {
  return { templateId, scopeFieldCount, fields };
}

function read(from: Template, hex: string, templates: readonly Template[] = []) {
  const bytes = parseHex(hex.replaceAll(' ', '')) ?? expect.fail(hex);
  const problems: DecodeProblem[] = [];
  const reader = new BoundedReader(bytes, 'record_truncated', 0, bytes.length, 1000);
  const record = createRecordReader(createElementRegistry()).read(reader, from, {
    templateById: (id) => templates.find((known) => known.templateId === id),
    problem: (problem) => problems.push(problem),
  });
  return { record, problems, left: reader.remaining };
}

describe('RecordReader', () => {
  test('names the fields, and repeats them as arrays in the order of the template', () => {
    const repeated = template([
      specifier('sourceIPv4Address'),
      specifier('mplsLabelStackSection2', 3),
      specifier('octetDeltaCount', 4),
      specifier('mplsLabelStackSection2', 3),
    ]);
    expect(read(repeated, 'c0000201 0000a1 00000005 0000b2 ff')).toEqual({
      record: {
        fields: {
          sourceIPv4Address: '192.0.2.1',
          mplsLabelStackSection2: ['0000a1', '0000b2'],
          octetDeltaCount: 5,
        },
      },
      problems: [],
      left: 1,
    });
  });

  test('keeps what nobody named as PEN/ID and hexadecimal digits', () => {
    const unknown = template([
      { enterpriseNumber: 4294967295, elementId: 7, length: 3 },
      { enterpriseNumber: 0, elementId: 32000, length: VARIABLE_LENGTH },
    ]);
    expect(read(unknown, '0a0b0c 02 beef').record.fields).toEqual({
      '4294967295/7': '0a0b0c',
      '0/32000': 'beef',
    });
  });

  test('an options record has its scopes apart, an element in both too', () => {
    const options = template(
      [specifier('ingressInterface', 4), specifier('interfaceName'), specifier('ingressInterface', 2)],
      1,
    );
    expect(read(options, '00000001 03 656e30 0002').record).toEqual({
      scope: { ingressInterface: 1 },
      fields: { interfaceName: 'en0', ingressInterface: 2 },
    });
  });

  test('both forms of a length, also the long one for a short value', () => {
    const variable = template([specifier('interfaceName'), specifier('interfaceName')]);
    expect(read(variable, '02 6869 ff 0002 6f6b').record.fields['interfaceName']).toEqual(['hi', 'ok']);
    const long = 'a'.repeat(255);
    const hex = Buffer.from(long).toString('hex');
    expect(read(variable, `ff00ff${hex} 00`).record.fields['interfaceName']).toEqual([long, '']);
  });

  test('a cut record fails with the offset where octets are missing', () => {
    const whole = template([specifier('sourceIPv4Address'), specifier('interfaceName')]);
    expect(() => read(whole, 'c00002')).toThrow(
      new DecodeError('record_truncated', 1000, '(4 octets needed, 3 left)'),
    );
    expect(() => read(whole, 'c0000201 05 61')).toThrow(
      new DecodeError('record_truncated', 1005, '(5 octets needed, 1 left)'),
    );
  });

  test('fields of no octets are shown, but not without end', () => {
    const scopes = template(
      [{ ...specifier('ingressInterface'), length: 0 }, specifier('samplingInterval')],
      1,
    );
    expect(read(scopes, '0000000a').record).toEqual({
      scope: { ingressInterface: null },
      fields: { samplingInterval: 10 },
    });
    const bomb = template([
      ...new Array(2000).fill({ ...specifier('ingressInterface'), length: 0 }),
      specifier('ipTTL'),
    ]);
    expect(read(bomb, '01').record.fields).toEqual({ ingressInterface: new Array(16).fill(null), ipTTL: 1 });
  });

  test('an element that the exporter describes is typed from then on', () => {
    const elements = createElementRegistry();
    const records = createRecordReader(elements);
    const own = template([{ enterpriseNumber: 64000, elementId: 5, length: 4 }]);
    const bytes = Uint8Array.of(0, 0, 1, 0);
    const context = { templateById: () => undefined };
    const readOnce = () => records.read(new BoundedReader(bytes, 'record_truncated'), own, context).fields;
    expect(readOnce()).toEqual({ '64000/5': '00000100' });
    elements.define({ enterpriseNumber: 64000, elementId: 5, name: 'lost', dataType: 'unsigned32' });
    expect(readOnce()).toEqual({ lost: 256 });
  });
});

describe('structured data, RFC 6313', () => {
  const inner = template([specifier('sourceTransportPort'), specifier('interfaceName')], 0, 300);

  test('basicList: the egress interfaces of section 8.1', () => {
    const outer = template([specifier('protocolIdentifier'), specifier('basicList')]);
    expect(read(outer, '06 ff 000d 03 000e 0004 00000001 00000009').record.fields).toEqual({
      protocolIdentifier: 6,
      basicList: { semantic: 'allOf', egressInterface: [1, 9] },
    });
    expect(read(outer, '06 09 ff 8028 ffff 00001ad7').record.fields['basicList']).toEqual({
      semantic: 'undefined',
      flowAttributes: [],
    });
  });

  test('subTemplateList and subTemplateMultiList', () => {
    const outer = template([specifier('subTemplateList'), specifier('subTemplateMultiList')]);
    const record = read(
      outer,
      `0b 03 012c ${'0050 02 6869'} ${'01bb 00'} ff 000e 04 012c 000d 0001 00 0002 00 0003 00`,
      [inner],
    );
    expect(record.problems).toEqual([]);
    expect(record.record.fields).toEqual({
      subTemplateList: {
        semantic: 'allOf',
        templateId: 300,
        records: [
          { sourceTransportPort: 80, interfaceName: 'hi' },
          { sourceTransportPort: 443, interfaceName: '' },
        ],
      },
      subTemplateMultiList: {
        semantic: 'ordered',
        entries: [
          {
            templateId: 300,
            records: [1, 2, 3].map((port) => ({ sourceTransportPort: port, interfaceName: '' })),
          },
        ],
      },
    });
  });

  test.each([
    ['list_truncated', 'a basicList shorter than its header', 'basicList', '04 03 000e 00'],
    ['list_truncated', 'an item cut off', 'basicList', '08 03 000e 0004 000001'],
    ['list_item_empty', 'items of no octets', 'basicList', '06 03 000e 0000 00'],
    ['list_truncated', 'Data Records Length below its own header', 'subTemplateMultiList', '05 03 012c 0003'],
    ['list_truncated', 'an entry beyond the list', 'subTemplateMultiList', '05 03 012c 0009'],
    ['list_truncated', 'a record cut off', 'subTemplateList', '04 03 012c 00'],
    ['list_item_empty', 'a template without octets', 'subTemplateList', '04 03 012d 00'],
  ])('%s: %s is shown as octets, and the record goes on', (code, _, name, hex) => {
    const empty = template([{ ...specifier('ipTTL'), length: 0 }], 0, 301);
    const outer = template([specifier(name), specifier('ipTTL')]);
    const { record, problems } = read(outer, `${hex}07`, [inner, empty]);
    expect(problems.map((problem) => problem.code)).toEqual([code]);
    expect(record.fields).toEqual({ [name]: hex.slice(2).replaceAll(' ', ''), ipTTL: 7 });
  });

  test('records of an unknown template are kept as octets, beside those of known ones', () => {
    const outer = template([specifier('subTemplateMultiList')]);
    const { record, problems } = read(outer, '0f ff 0999 0006 beef 012c 0008 0050 01 61', [inner]);
    expect(problems.map((problem) => [problem.code, problem.offset])).toEqual([
      ['list_template_unknown', 1006],
    ]);
    expect(record.fields['subTemplateMultiList']).toEqual({
      semantic: 'undefined',
      entries: [
        { templateId: 0x999, octets: 'beef' },
        { templateId: 300, records: [{ sourceTransportPort: 80, interfaceName: 'a' }] },
      ],
    });
  });

  test('a list bomb ends at the nesting limit', () => {
    const outer = template([specifier('subTemplateList')], 0, 256);
    const depth = 1000;
    let content = new Uint8Array(0);
    for (let level = 0; level < depth; level++) {
      const header = [255, (content.length + 3) >> 8, (content.length + 3) & 255, 3, 1, 0];
      content = Uint8Array.from([...header, ...content]);
    }
    const { record, problems } = read(outer, Buffer.from(content).toString('hex'), [outer]);
    expect(problems.map((problem) => problem.code)).toEqual(['list_nesting_excessive']);
    expect(problems[0]?.offset).toBe(1000 + 3 + 6 * LIST_NESTING_MAX);
    expect(record.fields['subTemplateList']).toHaveLength(2 * (content.length - 3));
  });
});

const ELEMENTS = [...builtInElements()].filter((element) => element.elementId < 0x8000);
const PLAIN_ELEMENTS = ELEMENTS.filter((element) => !isStructured(element.dataType));
const LIST_ELEMENTS = ['basicList', 'subTemplateList', 'subTemplateMultiList'].map(
  (name) => elementByName(name) as InformationElement,
);

interface Generated {
  readonly fields: readonly FieldSpecifier[];
  readonly values: readonly (readonly [string, FieldValue])[];
}

/** One field with a value in the form that decoding gives: whatever octets of a legal length decode to. */
const plainField: fc.Arbitrary<Generated> = fc.constantFrom(...PLAIN_ELEMENTS).chain((element) => {
  const { enterpriseNumber, elementId, name, dataType } = element;
  const octets = DATA_TYPE_OCTETS[dataType];
  const isVariable = octets === 0;
  const sizes = isVariable ? { maxLength: 300 } : { minLength: octets, maxLength: octets };
  return fc.uint8Array(sizes).map((bytes) => {
    if (isStructured(dataType)) return expect.fail('plain elements only');
    const text = dataType === 'string' ? Buffer.from(bytes).toString('latin1').replaceAll('\0', '') : '';
    const value = dataType === 'string' ? text : decodeValue(bytes, 0, bytes.length, dataType);
    const length = isVariable ? VARIABLE_LENGTH : octets;
    return { fields: [{ enterpriseNumber, elementId, length }], values: [[name, value] as const] };
  });
});

function together(parts: readonly Generated[]): Generated {
  return { fields: parts.flatMap((part) => part.fields), values: parts.flatMap((part) => part.values) };
}

function mapOf(values: Generated['values']): Record<string, FieldValue> {
  const names = values.map(([name]) => name);
  return Object.fromEntries(
    values.map(([name]) => {
      const all = values.filter(([other]) => other === name).map(([, value]) => value);
      return [name, names.indexOf(name) === names.lastIndexOf(name) ? (all[0] as FieldValue) : all];
    }),
  );
}

const LIST_TEMPLATE: Template = template(
  [specifier('sourceIPv6Address'), specifier('interfaceName'), specifier('flowStartNanoseconds')],
  0,
  400,
);
const listRecord = fc
  .tuple(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.string({ unit: 'grapheme-ascii' }), fc.nat(4e9))
  .map(([address, name, seconds]) => ({
    sourceIPv6Address: decodeValue(address, 0, 16, 'ipv6Address'),
    interfaceName: name,
    flowStartNanoseconds: `${new Date(seconds * 1000).toISOString().slice(0, -5)}.000000001Z`,
  }));
const semantic = fc.constantFrom(
  'noneOf',
  'exactlyOneOf',
  'oneOrMoreOf',
  'allOf',
  'ordered',
  'undefined',
  77,
);
const recordsOfTemplate = fc
  .array(listRecord, { maxLength: 3 })
  .map((records) => ({ templateId: 400, records }));
const basicList = fc.oneof(
  fc.record({ semantic, egressInterface: fc.array(fc.nat()) }),
  fc.record({ semantic, interfaceDescription: fc.array(fc.string({ unit: 'grapheme-ascii' })) }),
  fc.record({ semantic, '64000/9': fc.array(fc.constantFrom('', '00', 'beef')) }),
);
const subTemplateList = fc
  .tuple(semantic, recordsOfTemplate)
  .map(([name, list]) => ({ semantic: name, ...list }));
const listValues: Record<string, fc.Arbitrary<FieldValue>> = {
  basicList: fc.oneof(
    basicList,
    fc.record({ semantic, basicList: fc.array(basicList, { maxLength: 3 }) }),
    fc.record({ semantic, subTemplateList: fc.array(subTemplateList, { maxLength: 3 }) }),
  ),
  subTemplateList,
  subTemplateMultiList: fc.record({ semantic, entries: fc.array(recordsOfTemplate, { maxLength: 3 }) }),
};
const listField: fc.Arbitrary<Generated> = fc.constantFrom(...LIST_ELEMENTS).chain((element) =>
  (listValues[element.name] as fc.Arbitrary<FieldValue>).map((value) => ({
    fields: [specifier(element.name)],
    values: [[element.name, value] as const],
  })),
);
const anyFields = fc.array(fc.oneof({ weight: 4, arbitrary: plainField }, listField), {
  minLength: 1,
  maxLength: 12,
});

describe('round trips', () => {
  test('encode, decode, encode of records of every element is the identity', () => {
    fc.assert(
      fc.property(fc.tuple(anyFields, anyFields, fc.boolean()), ([scopes, others, isOptions]) => {
        const scope = together(isOptions ? scopes : []);
        const fields = together(others);
        const generated = template([...scope.fields, ...fields.fields], scope.fields.length);
        const record: EncodableRecord = {
          ...(isOptions ? { scope: mapOf(scope.values) } : {}),
          fields: mapOf(fields.values),
        };
        const first = encodeToHex(generated, record);
        const { record: decoded, problems, left } = read(generated, first, [LIST_TEMPLATE]);
        expect({ problems, left }).toEqual({ problems: [], left: 0 });
        expect(decoded).toEqual(record);
        expect(encodeToHex(generated, decoded)).toBe(first);
      }),
      { numRuns: 400 },
    );
  });

  test('any octets give a record or a DecodeError, and skipping agrees with reading', () => {
    fc.assert(
      fc.property(anyFields, fc.uint8Array({ maxLength: 600 }), (parts, bytes) => {
        const { fields } = together(parts);
        const any = template([...fields]);
        const reader = new BoundedReader(bytes, 'record_truncated');
        const octets = attempt(() => skipRecord(reader, any));
        const hex = Buffer.from(bytes).toString('hex');
        const result = attempt(() => read(any, hex, [LIST_TEMPLATE, { ...any, templateId: 300 }]));
        expect(result === undefined).toBe(octets === undefined);
        if (octets === undefined || result === undefined) return;
        expect(bytes.length - result.left).toBe(octets);
        expect(octets).toBeGreaterThanOrEqual(recordOctetsMin(any));
      }),
      { numRuns: 500 },
    );
  });
});

describe('encodeRecord', () => {
  const simple = template([specifier('ipTTL'), specifier('ipTTL')]);

  test.each<[string, Record<string, EncodableField>]>([
    ['a missing value', {}],
    ['one value for a repeated element', { ipTTL: 1 }],
    ['too few values', { ipTTL: [1] }],
    ['an object', { ipTTL: [{ a: 1 }, 2] }],
    ['a value out of range', { ipTTL: [1, 256] }],
  ])('refuses %s', (_, fields) => {
    expect(() => encodeToHex(simple, { fields })).toThrow(RangeError);
  });

  test('takes a value by the number of its element too', () => {
    expect(encodeToHex(template([specifier('ipTTL')]), { fields: { '0/192': 9 } })).toBe('09');
  });

  test('the 255 octet edge of variable lengths', () => {
    const one = template([specifier('interfaceName')]);
    const lengthOctets = (length: number) =>
      encodeToHex(one, { fields: { interfaceName: 'x'.repeat(length) } }).slice(0, 6);
    expect(lengthOctets(254).slice(0, 2)).toBe('fe');
    expect(lengthOctets(255)).toBe('ff00ff');
    expect(lengthOctets(256)).toBe('ff0100');
  });
});

function encodeToHex(into: Template, record: EncodableRecord): string {
  const writer = new OctetWriter(65535);
  encodeRecord(writer, into, record, {
    templateById: (id) => (id === 400 ? LIST_TEMPLATE : undefined),
  });
  return Buffer.from(writer.written()).toString('hex');
}

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
