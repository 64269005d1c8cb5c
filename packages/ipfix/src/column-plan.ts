/**
 * A template compiled to a list of column copies: data, not generated code. Each copy is one loop over all
 * records of a Set (column-kernels.ts), so the cost of choosing what to do is paid once for a Set, not for
 * each value.
 *
 * A record is seen as segments: a variable-length field ends a segment, so a field is at a fixed distance
 * from the start of its segment. A template of fixed length has one segment. Fields without a column are
 * joined to runs that are copied to `extra` as they are on the wire.
 */
import { assert } from '@weir/base';
import {
  ADDRESS_SOURCES,
  DURATION_SOURCES,
  ELEMENT_PADDING_OCTETS,
  ELEMENT_SYSTEM_INIT_TIME_MILLISECONDS,
  elementKey,
  FALLBACK_TIME_SOURCES,
  FLOW_END_SOURCES,
  FLOW_START_SOURCES,
  ICMP_PAIR_SOURCES,
  ICMP_TYPE_CODE_SOURCES,
  MAC_SOURCES,
  NUMBER_SOURCES,
  SAMPLER_ID_SOURCES,
  SAMPLING_INTERVAL_SOURCES,
  SAMPLING_PAIR_SOURCES,
  type TimeSource,
  type TimeUnit,
} from './column-sources.ts';
import type { ExtraField, ExtraLayout } from './flow-batch.ts';
import { COLUMN_TYPE_OCTETS, FLOW_COLUMN_INDEX, FLOW_COLUMNS, type FlowColumnName } from './flow-column.ts';
import { type FieldSpecifier, type Template, VARIABLE_LENGTH } from './template.ts';

/**
 * Which kernel a copy runs. The kinds run in the order of their numbers, so that what is made of another
 * column (duration, icmpFromPorts) comes behind it, and the boot time overrides a fallback.
 */
export const COPY = {
  u8: 0,
  u8ToU16: 1,
  u16: 2,
  u16ToU32: 3,
  u32: 4,
  u32ToU64: 5,
  u64: 6,
  address4: 7,
  address6: 8,
  number: 9,
  variableNumber: 10,
  addressEither: 11,
  addressEitherIpv6First: 12,
  mac: 13,
  seconds: 14,
  ntp: 15,
  timeval: 16,
  deltaMicroseconds: 17,
  headerUptime: 18,
  recordUptime: 19,
  domainUptime: 20,
  intervalAndSpace: 21,
  pair: 22,
  duration: 23,
  icmpFromPorts: 24,
  sizeAndPopulation: 25,
} as const;

/** Where a field of each record is: so many octets behind the start of a segment. */
export interface Place {
  readonly segment: number;
  readonly relative: number;
  /** Octets, or VARIABLE_LENGTH. */
  readonly length: number;
}

/** One loop. All copies have the same properties, so that the code that runs them sees one shape. */
export interface ColumnCopy {
  readonly kind: number;
  /** Index in FLOW_COLUMNS. */
  readonly column: number;
  readonly columnOctets: number;
  readonly segment: number;
  readonly relative: number;
  readonly width: number;
  /** A second column (the low half of an address, flowStart for a duration), or `column`. */
  readonly otherColumn: number;
  /** A second field, or the first. */
  readonly otherSegment: number;
  readonly otherRelative: number;
  readonly otherWidth: number;
  readonly divisor: number;
}

/** All copies of one kind. */
export interface CopyGroup {
  readonly kind: number;
  readonly copies: readonly ColumnCopy[];
}

/** Octets of a record that go to `extra` together: from one place to another. */
export interface ExtraRun {
  readonly fromSegment: number;
  readonly fromRelative: number;
  readonly toSegment: number;
  readonly toRelative: number;
}

export interface ColumnPlan {
  readonly template: Template;
  /** Octets of the fixed part of each segment. */
  readonly segmentOctets: readonly number[];
  /** Octets of a record; 0 when it has variable-length fields. */
  readonly recordOctets: number;
  readonly recordOctetsMin: number;
  /** In the order in which they run. */
  readonly groups: readonly CopyGroup[];
  /** Columns that have a value in every row, by index. */
  readonly presentColumns: readonly number[];
  readonly extraRuns: readonly ExtraRun[];
  /** Octets of a record that have a column or are padding; the others go to `extra`. */
  readonly mappedOctets: number;
  /** Null when every field has a column. */
  readonly extraLayout: ExtraLayout | null;
  /** Columns for which the decoder must look elsewhere. */
  readonly samplerId: Place | undefined;
  readonly hasSamplingRate: boolean;
  readonly hasInIf: boolean;
  readonly hasOutIf: boolean;
}

/** Options for compiling: v1 … v9 count sysUptime from the header, IPFIX from an element or an option. */
export interface PlanContext {
  readonly version: number;
}

/** Compiles `template`. */
export function compileColumnPlan(template: Template, context: PlanContext): ColumnPlan {
  return new PlanCompiler(template, context).compile();
}

const TIME_KINDS: Readonly<Record<Exclude<TimeUnit, 'milliseconds' | 'sysUptime'>, number>> = {
  seconds: COPY.seconds,
  ntp: COPY.ntp,
  timeval: COPY.timeval,
  deltaMicroseconds: COPY.deltaMicroseconds,
};
/** Octets that a time must have; dateTime types have no reduced-size encoding (RFC 7011 section 6.2). */
const TIME_OCTETS: Readonly<Record<TimeUnit, number>> = {
  milliseconds: 8,
  seconds: 4,
  ntp: 8,
  timeval: 16,
  deltaMicroseconds: 4,
  sysUptime: 4,
};
/** A number wider than this is none that any element has. */
const NUMBER_OCTETS_MAX = 16;

class PlanCompiler {
  readonly #template: Template;
  readonly #version: number;
  readonly #places: Place[] = [];
  readonly #segmentOctets: number[] = [];
  /** First field of each element, by key. */
  readonly #firstOf = new Map<number, number>();
  /** Fields that live in a column and need not be kept beside it. */
  readonly #mapped = new Set<number>();
  readonly #copies: ColumnCopy[] = [];
  readonly #present = new Set<number>();

  constructor(template: Template, context: PlanContext) {
    this.#template = template;
    this.#version = context.version;
    this.#locate();
  }

  compile(): ColumnPlan {
    for (const [column, ...elements] of NUMBER_SOURCES) this.#mapNumber(column, elements);
    for (const source of ADDRESS_SOURCES) this.#mapAddress(source);
    for (const [column, element] of MAC_SOURCES) this.#mapMac(column, element);
    this.#mapTimes();
    this.#mapIcmp();
    const hasSamplingRate = this.#mapSampling();
    return this.#plan(hasSamplingRate);
  }

  /** Finds where each field is and which is the first of its element. */
  #locate(): void {
    let relative = 0;
    for (const [index, field] of this.#template.fields.entries()) {
      this.#places.push({ segment: this.#segmentOctets.length, relative, length: field.length });
      const key = elementKey(field.enterpriseNumber, field.elementId);
      if (field.length > 0 && !this.#firstOf.has(key)) this.#firstOf.set(key, index);
      if (field.length === VARIABLE_LENGTH) {
        this.#segmentOctets.push(relative);
        relative = 0;
      } else {
        relative += field.length;
      }
    }
    this.#segmentOctets.push(relative);
  }

  /** The index of the first field of an element when it is `octets` long. */
  #fixedField(key: number, octets: number): number | undefined {
    const index = this.#firstOf.get(key);
    return index !== undefined && this.#place(index).length === octets ? index : undefined;
  }

  /** The same for a number of any fixed width. */
  #numberField(key: number, octetsMax = NUMBER_OCTETS_MAX): number | undefined {
    const index = this.#firstOf.get(key);
    return index !== undefined && this.#place(index).length <= octetsMax ? index : undefined;
  }

  #mapNumber(column: FlowColumnName, elements: readonly number[]): void {
    for (const element of elements) {
      const index = this.#firstOf.get(element);
      if (index === undefined) continue;
      const { length } = this.#place(index);
      if (length === VARIABLE_LENGTH) {
        // Stays in `extra` as well: what it holds may be no number.
        this.#copy(COPY.variableNumber, column, index);
        return;
      }
      if (length > NUMBER_OCTETS_MAX) continue;
      this.#copy(numberKind(length, columnOctets(column)), column, index);
      this.#mapped.add(index);
      return;
    }
  }

  #mapAddress(source: (typeof ADDRESS_SOURCES)[number]): void {
    const ipv4 = this.#fixedField(source.ipv4, 4);
    const ipv6 = this.#fixedField(source.ipv6, 16);
    const low = FLOW_COLUMN_INDEX[source.low];
    const isIpv6First = ipv6 !== undefined && (ipv4 === undefined || ipv6 < ipv4);
    const first = isIpv6First ? ipv6 : ipv4;
    if (first === undefined) return;
    this.#present.add(low);
    this.#mapped.add(first);
    if (ipv4 !== undefined && ipv6 !== undefined) {
      // The other stays in `extra`: when neither is zero, only one has room in the column.
      const kind = isIpv6First ? COPY.addressEitherIpv6First : COPY.addressEither;
      this.#copy(kind, source.high, ipv4, { otherColumn: low, other: ipv6 });
    } else {
      const kind = ipv4 === undefined ? COPY.address6 : COPY.address4;
      this.#copy(kind, source.high, first, { otherColumn: low });
    }
  }

  #mapMac(column: FlowColumnName, element: number): void {
    const index = this.#fixedField(element, 6);
    if (index === undefined) return;
    this.#copy(COPY.mac, column, index);
    this.#mapped.add(index);
  }

  #mapTimes(): void {
    const started =
      this.#mapTime('flowStart', FLOW_START_SOURCES) || this.#mapTime('flowStart', FALLBACK_TIME_SOURCES);
    if (this.#mapTime('flowEnd', FLOW_END_SOURCES)) return;
    if (started && this.#mapDuration()) return;
    this.#mapTime('flowEnd', FALLBACK_TIME_SOURCES);
  }

  /** Whether one of `sources` fills `column`. */
  #mapTime(column: FlowColumnName, sources: readonly TimeSource[]): boolean {
    for (const [element, unit] of sources) {
      const index = this.#fixedField(element, TIME_OCTETS[unit]);
      if (index === undefined) continue;
      if (unit === 'sysUptime') return this.#mapUptime(column, index);
      this.#copy(unit === 'milliseconds' ? COPY.u64 : TIME_KINDS[unit], column, index);
      this.#mapped.add(index);
      return true;
    }
    return false;
  }

  #mapUptime(column: FlowColumnName, index: number): boolean {
    if (this.#version !== 10) {
      this.#copy(COPY.headerUptime, column, index);
      this.#mapped.add(index);
      return true;
    }
    const init = this.#fixedField(ELEMENT_SYSTEM_INIT_TIME_MILLISECONDS, 8);
    if (init !== undefined) {
      this.#copy(COPY.recordUptime, column, index, { other: init });
      this.#mapped.add(index);
      return true;
    }
    // The boot time may come in an options record, or never: the field stays in `extra` as well.
    this.#copy(COPY.domainUptime, column, index);
    this.#present.delete(FLOW_COLUMN_INDEX[column]);
    return false;
  }

  #mapDuration(): boolean {
    for (const [element, divisor] of DURATION_SOURCES) {
      const index = this.#numberField(element, 4);
      if (index === undefined) continue;
      this.#copy(COPY.duration, 'flowEnd', index, { otherColumn: FLOW_COLUMN_INDEX.flowStart, divisor });
      this.#mapped.add(index);
      return true;
    }
    return false;
  }

  #mapIcmp(): void {
    for (const element of ICMP_TYPE_CODE_SOURCES) {
      const index = this.#numberField(element);
      if (index === undefined) continue;
      this.#copy(numberKind(this.#place(index).length, 2), 'icmpTypeCode', index);
      this.#mapped.add(index);
      return;
    }
    for (const [type, code] of ICMP_PAIR_SOURCES) {
      const typeIndex = this.#fixedField(type, 1);
      const codeIndex = this.#fixedField(code, 1);
      if (typeIndex === undefined || codeIndex === undefined) continue;
      this.#copy(COPY.pair, 'icmpTypeCode', typeIndex, { other: codeIndex });
      this.#mapped.add(typeIndex).add(codeIndex);
      return;
    }
    const fromPorts: readonly FlowColumnName[] = ['protocol', 'srcPort', 'dstPort'];
    if (!fromPorts.every((column) => this.#present.has(FLOW_COLUMN_INDEX[column]))) return;
    this.#copy(COPY.icmpFromPorts, 'icmpTypeCode', 0);
    this.#present.delete(FLOW_COLUMN_INDEX.icmpTypeCode);
  }

  /** Whether the records say their own sampling rate. */
  #mapSampling(): boolean {
    for (const [kind, first, second] of SAMPLING_PAIR_SOURCES) {
      const index = this.#numberField(first, 4);
      const other = this.#numberField(second, 4);
      if (index === undefined || other === undefined) continue;
      // Both stay in `extra`: the rate is rounded.
      this.#copy(COPY[kind], 'samplingRate', index, { other });
      return true;
    }
    for (const element of SAMPLING_INTERVAL_SOURCES) {
      const interval = this.#numberField(element, 8);
      if (interval === undefined) continue;
      this.#copy(numberKind(this.#place(interval).length, 4), 'samplingRate', interval);
      this.#mapped.add(interval);
      return true;
    }
    return false;
  }

  #copy(
    kind: number,
    column: FlowColumnName,
    index: number,
    second: { otherColumn?: number; other?: number; divisor?: number } = {},
  ): void {
    const place = this.#place(index);
    const other = second.other === undefined ? place : this.#place(second.other);
    const columnIndex = FLOW_COLUMN_INDEX[column];
    this.#present.add(columnIndex);
    this.#copies.push({
      kind,
      column: columnIndex,
      columnOctets: columnOctets(column),
      segment: place.segment,
      relative: place.relative,
      width: place.length,
      otherColumn: second.otherColumn ?? columnIndex,
      otherSegment: other.segment,
      otherRelative: other.relative,
      otherWidth: other.length,
      divisor: second.divisor ?? 1,
    });
  }

  #place(index: number): Place {
    const place = this.#places[index];
    assert(place !== undefined, 'a template field has a place');
    return place;
  }

  #plan(hasSamplingRate: boolean): ColumnPlan {
    const variable = this.#segmentOctets.length > 1;
    const fixedOctets = this.#segmentOctets.reduce((sum, octets) => sum + octets, 0);
    const extra = this.#extra();
    const sampler = SAMPLER_ID_SOURCES.map((element) => this.#numberField(element, 8)).find(
      (index) => index !== undefined,
    );
    const always = [FLOW_COLUMN_INDEX.receivedAt, FLOW_COLUMN_INDEX.exporter];
    if (extra.layout !== null) always.push(FLOW_COLUMN_INDEX.extraLayout);
    return {
      template: this.#template,
      segmentOctets: this.#segmentOctets,
      recordOctets: variable ? 0 : fixedOctets,
      recordOctetsMin: fixedOctets + this.#segmentOctets.length - 1,
      groups: groupByKind(this.#copies),
      presentColumns: [...always, ...this.#present],
      extraRuns: extra.runs,
      mappedOctets: fixedOctets - extra.fixedOctets,
      extraLayout: extra.layout,
      samplerId: sampler === undefined ? undefined : this.#place(sampler),
      hasSamplingRate,
      hasInIf: this.#present.has(FLOW_COLUMN_INDEX.inIf),
      hasOutIf: this.#present.has(FLOW_COLUMN_INDEX.outIf),
    };
  }

  /** Joins neighbouring fields without a column to runs. */
  #extra(): { runs: ExtraRun[]; layout: ExtraField[] | null; fixedOctets: number } {
    const runs: ExtraRun[] = [];
    const layout: ExtraField[] = [];
    let fixedOctets = 0;
    for (const [index, field] of this.#template.fields.entries()) {
      if (this.#mapped.has(index) || isPadding(field)) continue;
      layout.push({ ...field });
      if (field.length !== VARIABLE_LENGTH) fixedOctets += field.length;
      const next = runOf(this.#place(index));
      const last = runs.at(-1);
      if (last?.toSegment === next.fromSegment && last.toRelative === next.fromRelative) {
        runs[runs.length - 1] = { ...last, toSegment: next.toSegment, toRelative: next.toRelative };
      } else {
        runs.push(next);
      }
    }
    return { runs, layout: layout.length === 0 ? null : layout, fixedOctets };
  }
}

function groupByKind(copies: readonly ColumnCopy[]): CopyGroup[] {
  const kinds = [...new Set(copies.map((copy) => copy.kind))].sort((one, other) => one - other);
  return kinds.map((kind) => ({ kind, copies: copies.filter((copy) => copy.kind === kind) }));
}

function isPadding({ enterpriseNumber, elementId, length }: FieldSpecifier): boolean {
  return enterpriseNumber === 0 && elementId === ELEMENT_PADDING_OCTETS && length !== VARIABLE_LENGTH;
}

function runOf(place: Place): ExtraRun {
  const variable = place.length === VARIABLE_LENGTH;
  return {
    fromSegment: place.segment,
    fromRelative: place.relative,
    toSegment: variable ? place.segment + 1 : place.segment,
    toRelative: variable ? 0 : place.relative + place.length,
  };
}

function columnOctets(column: FlowColumnName): number {
  const definition = FLOW_COLUMNS[FLOW_COLUMN_INDEX[column]];
  assert(definition !== undefined, 'a column has a definition');
  return COLUMN_TYPE_OCTETS[definition.type];
}

/** The fast loop for a width and a column, or the one for any. */
function numberKind(width: number, octets: number): number {
  if (width === 1 && octets === 1) return COPY.u8;
  if (width === 1 && octets === 2) return COPY.u8ToU16;
  if (width === 2 && octets === 2) return COPY.u16;
  if (width === 2 && octets === 4) return COPY.u16ToU32;
  if (width === 4 && octets === 4) return COPY.u32;
  if (width === 4 && octets === 8) return COPY.u32ToU64;
  if (width === 8 && octets === 8) return COPY.u64;
  return COPY.number;
}
