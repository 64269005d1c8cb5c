/** Captures that no exporter sent: any elements, lengths, scopes, domains and paddings that are valid, by seed. */
import { set, u16, u32 } from './datagram-builder.test-support.ts';
import { DATA_TYPE_OCTETS, type InformationElement } from './information-element.ts';
import { builtInElements } from './information-model.ts';
import { VARIABLE_LENGTH } from './template.ts';
import { isStructured } from './value-codec.ts';

export interface GeneratedField {
  readonly element: InformationElement;
  readonly length: number;
}
/** A field's octets and where they are in their record. */
export interface GeneratedCell {
  readonly field: GeneratedField;
  readonly offset: number;
  readonly octets: readonly number[];
}
export interface GeneratedRecord {
  readonly templateId: number;
  readonly cells: readonly GeneratedCell[];
}
export interface GeneratedCapture {
  readonly version: 9 | 10;
  readonly datagrams: readonly Uint8Array[];
  /** In the order in which they were sent. */
  readonly records: readonly GeneratedRecord[];
}
interface GeneratedTemplate {
  readonly templateId: number;
  readonly scopes: number;
  readonly fields: readonly GeneratedField[];
}
type Random = (below: number) => number;

const EXPORT_TIME = 1_700_000_000;
const WORDS = ['eth0', 'Zürich', '日本語', 'x'];
/** Elements that NetFlow v9 and IPFIX number alike, and that have no structure of their own. */
const ELEMENTS = [...builtInElements()].filter(
  ({ enterpriseNumber, elementId, dataType }) =>
    enterpriseNumber === 0 && elementId < 0x8000 && !isStructured(dataType),
);

export function generateCapture(seed: number): GeneratedCapture {
  const random = createRandom(seed);
  const version = random(3) === 0 ? 9 : 10;
  const records: GeneratedRecord[] = [];
  const datagrams: Uint8Array[] = [];
  for (let domain = 0; domain <= random(3); domain++) {
    const count = 1 + random(4);
    const templates = Array.from({ length: count }, (_, index) => templateOf(256 + index, version, random));
    datagrams.push(messageOf(version, domain, datagrams.length, templateSets(version, templates)));
    for (let message = 0; message <= random(3); message++) {
      const sets = Array.from({ length: 1 + random(3) }, () =>
        dataSet(templates[random(count)]!, records, random),
      );
      datagrams.push(messageOf(version, domain, datagrams.length, sets.flat()));
    }
  }
  return { version, datagrams, records };
}

/** Xorshift, warmed up: small seeds differ in few bits. */
function createRandom(seed: number): Random {
  let state = Math.imul(seed, 0x9e3779b1) | 1;
  const next = (below: number) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  for (let round = 0; round < 8; round++) next(2);
  return next;
}

function templateOf(templateId: number, version: 9 | 10, random: Random): GeneratedTemplate {
  const fields = Array.from({ length: 1 + random(14) }, () => fieldOf(version, random));
  const isOptions = version === 10 && random(4) === 0;
  return { templateId, scopes: isOptions ? 1 + random(Math.min(3, fields.length)) : 0, fields };
}

function fieldOf(version: 9 | 10, random: Random): GeneratedField {
  const element = ELEMENTS[random(ELEMENTS.length)]!;
  const octets = DATA_TYPE_OCTETS[element.dataType];
  if (octets === 0)
    return { element, length: version === 10 && random(2) ? VARIABLE_LENGTH : 1 + random(24) };
  const isReducible = /^(un)?signed(16|32|64)$/.test(element.dataType);
  return { element, length: isReducible && random(3) === 0 ? 1 + random(octets) : octets };
}

function templateSets(version: 9 | 10, templates: readonly GeneratedTemplate[]): number[] {
  return templates.flatMap(({ templateId, scopes, fields }) => {
    const specifiers = fields.flatMap(({ element, length }) => [...u16(element.elementId), ...u16(length)]);
    const head = [...u16(templateId), ...u16(fields.length)];
    if (scopes > 0) return set(3, [...head, ...u16(scopes), ...specifiers]);
    return set(version === 9 ? 0 : 2, [...head, ...specifiers]);
  });
}

/**
 * Records and up to 3 octets of padding, fewer than a record has; none behind records of variable length,
 * where tshark takes zeros for records that our reader knows to be padding.
 */
function dataSet(template: GeneratedTemplate, records: GeneratedRecord[], random: Random): number[] {
  const { templateId, fields } = template;
  const isVariable = fields.some(({ length }) => length === VARIABLE_LENGTH);
  const octetsMin = isVariable ? 1 : fields.reduce((sum, { length }) => sum + length, 0);
  const body: number[] = [];
  for (let record = 0; record <= random(3); record++) body.push(...recordOf(template, records, random));
  const padding = new Array<number>(Math.min(random(4), octetsMin - 1)).fill(0);
  return set(templateId, [...body, ...padding]);
}

function recordOf({ templateId, fields }: GeneratedTemplate, records: GeneratedRecord[], random: Random) {
  const body: number[] = [];
  const cells: GeneratedCell[] = [];
  for (const field of fields) {
    const isVariable = field.length === VARIABLE_LENGTH;
    const octets = octetsOf(field.element, isVariable ? random(300) : field.length, random);
    if (isVariable && (octets.length > 254 || random(3) === 0)) body.push(255, ...u16(octets.length));
    else if (isVariable) body.push(octets.length);
    cells.push({ field, offset: body.length, octets });
    body.push(...octets);
  }
  records.push({ templateId, cells });
  return body;
}

function octetsOf({ dataType }: InformationElement, octets: number, random: Random): number[] {
  if (dataType === 'boolean') return [1 + random(2)];
  if (dataType === 'string') {
    const text = [...new TextEncoder().encode(WORDS[random(WORDS.length)])];
    return text.length > octets ? new Array<number>(octets).fill(0x79) : pad(text, octets);
  }
  if (dataType === 'dateTimeSeconds') return u32(EXPORT_TIME + random(100_000_000));
  if (dataType === 'dateTimeMilliseconds') return [0, 0, 1, 0x8b, ...u32(random(2 ** 32))];
  const any = Array.from({ length: octets }, () => random(256));
  if (dataType.startsWith('dateTime')) return [...u32(3_900_000_000 + random(100_000_000)), ...any.slice(4)];
  if (dataType === 'float64' || dataType === 'float32') any[0] = 0x40;
  return any;
}

function pad(text: readonly number[], octets: number): number[] {
  return [...text, ...new Array<number>(octets - text.length).fill(0x20)];
}

function messageOf(version: 9 | 10, domain: number, sequence: number, sets: readonly number[]): Uint8Array {
  const tail = [...u32(EXPORT_TIME), ...u32(sequence), ...u32(domain), ...sets];
  // tshark reads no more FlowSets of v9 than Count says.
  if (version === 9) return Uint8Array.from([...u16(9), ...u16(99), ...u32(5_000_000), ...tail]);
  return Uint8Array.from([...u16(10), ...u16(16 + sets.length), ...tail]);
}
