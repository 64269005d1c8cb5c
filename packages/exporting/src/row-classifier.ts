/**
 * Which rows of a batch are exported, and with which template each.
 *
 * Hot file: one pass over the rows with typed-array reads at indexes below `rowCount` (`!` stands for that
 * check), then a counting sort, so that rows of one template are neighbours and the packer opens few Sets.
 */
import { FLOW_COLUMN_INDEX, type FlowBatch, type FlowColumnArrays, type FlowColumnName } from '@weir/ipfix';
import {
  type ExportTemplate,
  FLOW_KINDS,
  GROUP_BITS,
  OPTIONAL_GROUPS,
  STANDARD_COLUMNS,
  type TemplateRegistry,
} from './export-template.ts';
import type { FlowSampler } from './flow-sampler.ts';
import type { Direction } from './profile-properties.ts';

/** IANA protocol numbers that have templates of their own. */
const ICMP = 1;
const TCP = 6;
const UDP = 17;
const ICMPV6 = 58;

/** High word of the low half of an IPv4-mapped address. */
const IPV4_MAPPED = 0x0000ffff;
/** forwardingStatus, RFC 7270 section 4.12: the status `dropped` in the top two bits. */
const STATUS_DROPPED = 2;

export interface ClassifierCounters {
  /** Rows that the profile's Direction leaves out. */
  recordsOfOtherDirection: number;
  /** Rows that do not say their direction, while the profile limits it. */
  recordsWithoutDirection: number;
  /** Rows that the collector's sampling leaves out; never one of a dropped frame. */
  recordsNotSampled: number;
  /** Rows whose template would have been one too many, or that name a layout that is not there. */
  recordsWithoutExtra: number;
}

/** Rows of one template: `rows[from … to - 1]` of the classifier. */
interface TemplateRows {
  template: ExportTemplate;
  from: number;
  to: number;
}

export interface RowClassifier {
  readonly counters: ClassifierCounters;
  /** Row numbers, sorted by template and then as they came. Valid until the next `classify`. */
  readonly rows: Uint32Array;
  /**
   * Sorts the rows of `batch` that are to be exported. Values that are absent become 0 in the batch's
   * columns, where its validity says that they do not count.
   */
  classify(batch: FlowBatch): readonly TemplateRows[];
}

/** FLOW_KINDS position by family (0: IPv4, 256: IPv6) and protocol. */
const KIND_BY_PROTOCOL = kindByProtocol();

export function createRowClassifier(
  registry: TemplateRegistry,
  direction: Direction,
  sampler?: FlowSampler,
): RowClassifier {
  const counters = emptyClassifierCounters();
  const wantedDirection = direction === 'Both' ? -1 : direction === 'SendingToPeer' ? 1 : 0;
  let rows = new Uint32Array(0);
  let selectedRows = new Uint32Array(0);
  let selectedTemplates = new Uint32Array(0);
  let nextByTemplate = new Uint32Array(64);
  const used: TemplateRows[] = [];

  function makeRoom(rowCount: number): void {
    if (rows.length >= rowCount) return;
    rows = new Uint32Array(rowCount);
    selectedRows = new Uint32Array(rowCount);
    selectedTemplates = new Uint32Array(rowCount);
  }

  /** Fills `selectedRows` with the rows to export and returns how many they are. */
  function select(batch: FlowBatch): number {
    const { rowCount, columns } = batch;
    if (wantedDirection < 0) {
      for (let row = 0; row < rowCount; row += 1) selectedRows[row] = row;
      return rowCount;
    }
    const present = batch.validity[FLOW_COLUMN_INDEX.direction]!;
    let count = 0;
    for (let row = 0; row < rowCount; row += 1) {
      const isKnown = (present[row >> 3]! & (1 << (row & 7))) !== 0;
      const isWanted = isKnown && columns.direction[row] === wantedDirection;
      if (isWanted || columns.forwardingStatus[row]! >> 6 === STATUS_DROPPED) {
        selectedRows[count++] = row;
      } else if (isKnown) {
        counters.recordsOfOtherDirection += 1;
      } else {
        counters.recordsWithoutDirection += 1;
      }
    }
    return count;
  }

  /** Keeps of the selected rows those that are sampled, and returns how many they are. */
  function sample({ columns }: FlowBatch, selectedCount: number, { select: isSampled }: FlowSampler): number {
    let count = 0;
    for (let i = 0; i < selectedCount; i += 1) {
      const row = selectedRows[i]!;
      if (columns.forwardingStatus[row]! >> 6 === STATUS_DROPPED || isSampled()) selectedRows[count++] = row;
    }
    counters.recordsNotSampled += selectedCount - count;
    return count;
  }

  function withExtra(batch: FlowBatch, row: number, plain: ExportTemplate): ExportTemplate {
    const layout = batch.layouts[batch.columns.extraLayout[row]!];
    const octets = batch.extraEnd[row]! - (row === 0 ? 0 : batch.extraEnd[row - 1]!);
    const template = layout === undefined ? plain : registry.withExtra(plain, layout);
    if (template !== plain && (template.extraOctets < 0 || template.extraOctets === octets)) return template;
    counters.recordsWithoutExtra += 1;
    return plain;
  }

  function assignTemplates(batch: FlowBatch, count: number): void {
    const { bits, mixed, dependsOnValues } = presenceOf(batch);
    const hasExtra = presenceOfColumn(batch, 'extraLayout') !== 'none';
    if (mixed.length === 0 && !dependsOnValues && !hasExtra) assignUniform(batch, count, bits);
    else assignEach(batch, count, bits, mixed);
  }

  /** Every row has the same optional groups, so that the kind alone decides. */
  function assignUniform(batch: FlowBatch, count: number, bits: number): void {
    const { columns } = batch;
    const { protocol } = columns;
    const indexes = Uint32Array.from(FLOW_KINDS, (_, kind) => registry.templateFor(kind, bits).index);
    for (let i = 0; i < count; i += 1) {
      const row = selectedRows[i]!;
      const family = isIpv4(columns, row) ? 0 : 256;
      selectedTemplates[i] = indexes[KIND_BY_PROTOCOL[family + protocol[row]!]!]!;
    }
  }

  function assignEach(batch: FlowBatch, count: number, bits: number, mixed: readonly MixedGroup[]): void {
    const { columns } = batch;
    const extraPresent = batch.validity[FLOW_COLUMN_INDEX.extraLayout]!;
    for (let i = 0; i < count; i += 1) {
      const row = selectedRows[i]!;
      const family = isIpv4(columns, row) ? 0 : 256;
      const kind = KIND_BY_PROTOCOL[family + columns.protocol[row]!]!;
      const plain = registry.templateFor(kind, valueBits(columns, row, bits | mixedBits(row, mixed)));
      const hasExtra = (extraPresent[row >> 3]! & (1 << (row & 7))) !== 0;
      selectedTemplates[i] = (hasExtra ? withExtra(batch, row, plain) : plain).index;
    }
  }

  /** Counting sort by template, stable. */
  function sortByTemplate(count: number): void {
    const templateCount = registry.templates.length;
    if (nextByTemplate.length < templateCount) nextByTemplate = new Uint32Array(templateCount * 2);
    nextByTemplate.fill(0, 0, templateCount);
    for (let i = 0; i < count; i += 1) nextByTemplate[selectedTemplates[i]!]! += 1;
    used.length = 0;
    let from = 0;
    for (let index = 0; index < templateCount; index += 1) {
      const size = nextByTemplate[index]!;
      nextByTemplate[index] = from;
      if (size > 0) used.push({ template: registry.templates[index]!, from, to: from + size });
      from += size;
    }
    for (let i = 0; i < count; i += 1) rows[nextByTemplate[selectedTemplates[i]!]!++] = selectedRows[i]!;
  }

  return {
    counters,
    get rows() {
      return rows;
    },
    classify(batch) {
      makeRoom(batch.rowCount);
      zeroAbsent(batch);
      const selectedCount = select(batch);
      const count = sampler === undefined ? selectedCount : sample(batch, selectedCount, sampler);
      assignTemplates(batch, count);
      sortByTemplate(count);
      return used;
    },
  };
}

/** Both addresses IPv4-mapped; an absent address takes the family of the other. */
function isIpv4(columns: FlowColumnArrays, row: number): boolean {
  const { srcAddrHi, srcAddrLo, dstAddrHi, dstAddrLo } = columns;
  const word = row * 2;
  const high = srcAddrHi[word]! | srcAddrHi[word + 1]! | dstAddrHi[word]! | dstAddrHi[word + 1]!;
  if (high !== 0) return false;
  const sourceMiddle = srcAddrLo[word + 1]!;
  const destinationMiddle = dstAddrLo[word + 1]!;
  if (sourceMiddle === IPV4_MAPPED && destinationMiddle === IPV4_MAPPED) return true;
  if (sourceMiddle === IPV4_MAPPED) return destinationMiddle === 0 && dstAddrLo[word] === 0;
  return destinationMiddle === IPV4_MAPPED && sourceMiddle === 0 && srcAddrLo[word] === 0;
}

function kindByProtocol(): Uint8Array {
  const kinds = new Uint8Array(512);
  kinds.fill(FLOW_KINDS.indexOf('ipv4Raw'), 0, 256);
  kinds.fill(FLOW_KINDS.indexOf('ipv6Raw'), 256);
  kinds[TCP] = FLOW_KINDS.indexOf('ipv4Tcp');
  kinds[UDP] = FLOW_KINDS.indexOf('ipv4Udp');
  kinds[ICMP] = FLOW_KINDS.indexOf('ipv4Icmp');
  kinds[256 + TCP] = FLOW_KINDS.indexOf('ipv6Tcp');
  kinds[256 + UDP] = FLOW_KINDS.indexOf('ipv6Udp');
  kinds[256 + ICMPV6] = FLOW_KINDS.indexOf('ipv6Icmp');
  return kinds;
}

type Presence = 'none' | 'all' | 'some';

function presenceOfColumn(batch: FlowBatch, name: FlowColumnName): Presence {
  const bitmap = batch.validity[FLOW_COLUMN_INDEX[name]]!;
  const wholeOctets = batch.rowCount >> 3;
  let or = 0;
  let and = 0xff;
  for (let i = 0; i < wholeOctets; i += 1) {
    or |= bitmap[i]!;
    and &= bitmap[i]!;
  }
  const rest = batch.rowCount & 7;
  if (rest > 0) {
    const restMask = (1 << rest) - 1;
    or |= bitmap[wholeOctets]! & restMask;
    and &= bitmap[wholeOctets]! | (~restMask & 0xff);
  }
  return or === 0 ? 'none' : and === 0xff ? 'all' : 'some';
}

function zeroAbsent(batch: FlowBatch): void {
  for (const name of STANDARD_COLUMNS) zeroAbsentIn(batch, name);
  for (const { columns } of OPTIONAL_GROUPS) {
    for (const name of columns) {
      if (presenceOfColumn(batch, name) !== 'none' || columns.length > 1) zeroAbsentIn(batch, name);
    }
  }
}

function zeroAbsentIn(batch: FlowBatch, name: FlowColumnName): void {
  const presence = presenceOfColumn(batch, name);
  if (presence === 'all') return;
  const values = batch.columns[name];
  const wordsPerRow = values.length / batch.capacity;
  if (presence === 'none') {
    values.fill(0, 0, batch.rowCount * wordsPerRow);
    return;
  }
  const bitmap = batch.validity[FLOW_COLUMN_INDEX[name]]!;
  for (let row = 0; row < batch.rowCount; row += 1) {
    if ((bitmap[row >> 3]! & (1 << (row & 7))) !== 0) continue;
    values.fill(0, row * wordsPerRow, (row + 1) * wordsPerRow);
  }
}

/** Optional groups that some rows have and others have not, with what tells them apart. */
interface MixedGroup {
  readonly bit: number;
  readonly standard: boolean;
  readonly bitmaps: readonly Uint8Array[];
}

interface GroupPresence {
  /** Bits that hold for every row of the batch. */
  readonly bits: number;
  readonly mixed: readonly MixedGroup[];
  /** Whether rows must be asked for their values: a next hop's family, an upper bit of tcpControlBits. */
  readonly dependsOnValues: boolean;
}

const NEXT_HOP_BITS = GROUP_BITS.ipv4NextHop | GROUP_BITS.ipv6NextHop;

function presenceOf(batch: FlowBatch): GroupPresence {
  let bits = 0;
  let dependsOnValues = hasWideControlBits(batch);
  const mixed: MixedGroup[] = [];
  OPTIONAL_GROUPS.forEach(({ columns, standard = false }, position) => {
    const bit = 1 << position;
    const presences = columns.map((column) => presenceOfColumn(batch, column));
    const isAbsent = presences.every((presence) => presence === 'none');
    if (isAbsent === standard) bits |= bit;
    if (isAbsent) return;
    dependsOnValues ||= (bit & NEXT_HOP_BITS) !== 0;
    if (presences.includes('all')) return;
    bits &= ~bit;
    const bitmaps = columns.map((column) => batch.validity[FLOW_COLUMN_INDEX[column]]!);
    mixed.push({ bit, standard, bitmaps });
  });
  return { bits, mixed, dependsOnValues };
}

function mixedBits(row: number, mixed: readonly MixedGroup[]): number {
  let bits = 0;
  for (const { bit, standard, bitmaps } of mixed) {
    let isPresent = false;
    for (const bitmap of bitmaps) isPresent ||= (bitmap[row >> 3]! & (1 << (row & 7))) !== 0;
    if (isPresent !== standard) bits |= bit;
  }
  return bits;
}

function hasWideControlBits({ rowCount, columns: { tcpFlags } }: FlowBatch): boolean {
  let or = 0;
  for (let row = 0; row < rowCount; row += 1) or |= tcpFlags[row]!;
  return or > 0xff;
}

/** The bits that the values of a row decide. A flow's next hop may be of the other family (RFC 8950). */
function valueBits(columns: FlowColumnArrays, row: number, bits: number): number {
  const { nextHopHi, nextHopLo, tcpFlags, protocol } = columns;
  const wide = protocol[row] === TCP && tcpFlags[row]! > 0xff ? GROUP_BITS.wideTcpControlBits : 0;
  if ((bits & NEXT_HOP_BITS) === 0) return bits | wide;
  const word = row * 2;
  const isMapped = (nextHopHi[word]! | nextHopHi[word + 1]!) === 0 && nextHopLo[word + 1]! === IPV4_MAPPED;
  return (bits & ~(isMapped ? GROUP_BITS.ipv6NextHop : GROUP_BITS.ipv4NextHop)) | wide;
}

export function emptyClassifierCounters(): ClassifierCounters {
  return {
    recordsOfOtherDirection: 0,
    recordsWithoutDirection: 0,
    recordsNotSampled: 0,
    recordsWithoutExtra: 0,
  };
}
