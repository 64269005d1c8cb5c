/**
 * The templates of the exporter: IPv4 and IPv6 × TCP, UDP, ICMP and any other protocol.
 *
 * The eight standard templates (256 … 263) carry what strict collectors demand and what the meter always
 * knows. A record that has more (a VLAN, a flowId, a biflow's other direction …) gets the template that has
 * the further fields too. A Template ID is computed from its content, so that it means the same after a
 * restart: collectors remember templates over UDP.
 */
import {
  type ExtraLayout,
  type FieldSpecifier,
  type FlowColumnName,
  REVERSE_ENTERPRISE_NUMBER,
  type Template,
  VARIABLE_LENGTH,
} from '@weir/ipfix';
import {
  type FieldWriter,
  writeIpv4Address,
  writeIpv6Address,
  writeLowOctet,
  writeMacAddress,
  writeUnsigned8,
  writeUnsigned16,
  writeUnsigned32,
  writeUnsigned64,
  writeUptime,
} from './field-writer.ts';
import type { FlowTimes } from './profile-collector.ts';

/** The position in this list is the low three bits of a Template ID. */
export const FLOW_KINDS = [
  'ipv4Tcp',
  'ipv4Udp',
  'ipv4Icmp',
  'ipv4Raw',
  'ipv6Tcp',
  'ipv6Udp',
  'ipv6Icmp',
  'ipv6Raw',
] as const;
export type FlowKind = (typeof FLOW_KINDS)[number];

/** RFC 7011 section 3.4.1: the first Template ID. */
const TEMPLATE_ID_FIRST = 256;
/** Options Templates of this exporter; above every computed Template ID. */
export const OPTIONS_TEMPLATE_ID_FIRST = 32_768;
/** Templates for records with fields that have no column, in order of appearance. */
const EXTRA_TEMPLATE_ID_FIRST = 36_864;
/**
 * Templates of flows without system uptimes have IDs of their own, so that a profile that changes does not
 * change what an ID means over UDP: computed downwards from the last one there is, and for extra fields 512
 * that no computation gives, because a flow has one next hop (GROUP_BITS.ipv4NextHop and ipv6NextHop).
 */
const ABSOLUTE_TEMPLATE_ID_LAST = 65_535;
const ABSOLUTE_EXTRA_TEMPLATE_ID_FIRST = 1792;
const ABSOLUTE_EXTRA_TEMPLATES_MAX = 512;
/** So that a template fits the smallest message: 60 fields of 4 octets and these of 8 stay below 512. */
const EXTRA_FIELDS_MAX = 30;
/** 4 × the kinds of records that one router was seen to send; each takes some 2 KiB. */
const EXTRA_TEMPLATES_MAX = 1024;

/** Fields that are written together: their specifiers in the order of their octets. */
interface TemplateField {
  readonly specifiers: readonly FieldSpecifier[];
  readonly columns: readonly FlowColumnName[];
  readonly write: FieldWriter;
}

/** Further fields, present in a record when one of their columns is. */
export interface OptionalGroup {
  readonly name: string;
  /** What of FLOW_COLUMNS makes the group present. */
  readonly columns: readonly FlowColumnName[];
  /** The bit is set when the group is absent: standard templates have it. */
  readonly standard?: boolean;
  readonly fields: (family: 4 | 6) => readonly TemplateField[];
}

/** A template with the writers of its fields. */
export interface ExportTemplate extends Template {
  /** Dense number: position in the registry's `templates`. */
  readonly index: number;
  readonly writers: readonly { readonly write: FieldWriter; readonly offset: number }[];
  /** Octets of the fields that have columns; extra fields follow. */
  readonly recordOctets: number;
  /** Octets of the extra fields: 0 without any, -1 when they vary. */
  readonly extraOctets: number;
  /** The template to use when the extra octets of a record do not fit. */
  readonly plain: ExportTemplate | undefined;
}

function iana(elementId: number, length: number): FieldSpecifier {
  return { enterpriseNumber: 0, elementId, length };
}

function field(
  elementId: number,
  length: number,
  write: FieldWriter,
  ...columns: FlowColumnName[]
): TemplateField {
  return { specifiers: [iana(elementId, length)], columns, write };
}

function addressFields(family: 4 | 6): TemplateField[] {
  return family === 4
    ? [
        field(8, 4, writeIpv4Address('srcAddrLo'), 'srcAddrHi', 'srcAddrLo'),
        field(12, 4, writeIpv4Address('dstAddrLo'), 'dstAddrHi', 'dstAddrLo'),
      ]
    : [
        field(27, 16, writeIpv6Address('srcAddrHi', 'srcAddrLo'), 'srcAddrHi', 'srcAddrLo'),
        field(28, 16, writeIpv6Address('dstAddrHi', 'dstAddrLo'), 'dstAddrHi', 'dstAddrLo'),
      ];
}

/** flowStartSysUpTime and flowEndSysUpTime: FIRST_SWITCHED and LAST_SWITCHED of NetFlow v9. */
function uptimeFields(times: FlowTimes): TemplateField[] {
  if (times === 'Absolute') return [];
  return [
    field(22, 4, writeUptime('flowStart'), 'flowStart'),
    field(21, 4, writeUptime('flowEnd'), 'flowEnd'),
  ];
}

/** What strict collectors demand comes first and is in every template, ports of 0 included. */
function standardFields(kind: FlowKind, groups: number, times: FlowTimes): TemplateField[] {
  const family = familyOf(kind);
  return [
    ...uptimeFields(times),
    field(4, 1, writeUnsigned8('protocol'), 'protocol'),
    ...addressFields(family),
    field(7, 2, writeUnsigned16('srcPort'), 'srcPort'),
    field(11, 2, writeUnsigned16('dstPort'), 'dstPort'),
    field(1, 8, writeUnsigned64('octets'), 'octets'),
    field(2, 8, writeUnsigned64('packets'), 'packets'),
    ...protocolFields(kind, groups),
    field(152, 8, writeUnsigned64('flowStart'), 'flowStart'),
    field(153, 8, writeUnsigned64('flowEnd'), 'flowEnd'),
    field(136, 1, writeUnsigned8('endReason'), 'endReason'),
    field(89, 1, writeUnsigned8('forwardingStatus'), 'forwardingStatus'),
    field(233, 1, writeUnsigned8('firewallEvent'), 'firewallEvent'),
    field(10, 4, writeUnsigned32('inIf'), 'inIf'),
    field(14, 4, writeUnsigned32('outIf'), 'outIf'),
    field(5, 1, writeUnsigned8('tos'), 'tos'),
    field(52, 1, writeUnsigned8('minTtl'), 'minTtl'),
    field(53, 1, writeUnsigned8('maxTtl'), 'maxTtl'),
  ];
}

function protocolFields(kind: FlowKind, groups: number): TemplateField[] {
  switch (kind) {
    case 'ipv4Tcp':
    case 'ipv6Tcp':
      return [
        (groups & GROUP_BITS.wideTcpControlBits) === 0
          ? field(6, 1, writeLowOctet('tcpFlags'), 'tcpFlags')
          : field(6, 2, writeUnsigned16('tcpFlags'), 'tcpFlags'),
      ];
    case 'ipv4Icmp':
      return [field(32, 2, writeUnsigned16('icmpTypeCode'), 'icmpTypeCode')];
    case 'ipv6Icmp':
      return [field(139, 2, writeUnsigned16('icmpTypeCode'), 'icmpTypeCode')];
    default:
      return [];
  }
}

/** In order of their bits in a Template ID, from bit 3 on. */
export const OPTIONAL_GROUPS: readonly OptionalGroup[] = [
  {
    name: 'flowDirection',
    columns: ['direction'],
    standard: true,
    fields: () => [field(61, 1, writeUnsigned8('direction'))],
  },
  { name: 'vlanId', columns: ['vlanId'], fields: () => [field(58, 2, writeUnsigned16('vlanId'))] },
  { name: 'flowId', columns: ['flowId'], fields: () => [field(148, 8, writeUnsigned64('flowId'))] },
  {
    name: 'macAddresses',
    columns: ['srcMac', 'dstMac'],
    fields: () => [field(56, 6, writeMacAddress('srcMac')), field(80, 6, writeMacAddress('dstMac'))],
  },
  {
    name: 'autonomousSystems',
    columns: ['srcAs', 'dstAs'],
    fields: () => [field(16, 4, writeUnsigned32('srcAs')), field(17, 4, writeUnsigned32('dstAs'))],
  },
  {
    name: 'prefixLengths',
    columns: ['srcMask', 'dstMask'],
    fields: (family) => [
      field(family === 4 ? 9 : 29, 1, writeUnsigned8('srcMask')),
      field(family === 4 ? 13 : 30, 1, writeUnsigned8('dstMask')),
    ],
  },
  {
    name: 'ipNextHopIPv4Address',
    columns: ['nextHopHi', 'nextHopLo'],
    fields: () => [field(15, 4, writeIpv4Address('nextHopLo'))],
  },
  {
    name: 'ipNextHopIPv6Address',
    columns: ['nextHopHi', 'nextHopLo'],
    fields: () => [field(62, 16, writeIpv6Address('nextHopHi', 'nextHopLo'))],
  },
  {
    name: 'samplingInterval',
    columns: ['samplingRate'],
    fields: () => [field(34, 4, writeUnsigned32('samplingRate'))],
  },
  {
    name: 'biflow',
    columns: ['reverseOctets', 'reversePackets'],
    fields: () => [
      {
        specifiers: [{ enterpriseNumber: REVERSE_ENTERPRISE_NUMBER, elementId: 1, length: 8 }],
        columns: [],
        write: writeUnsigned64('reverseOctets'),
      },
      {
        specifiers: [{ enterpriseNumber: REVERSE_ENTERPRISE_NUMBER, elementId: 2, length: 8 }],
        columns: [],
        write: writeUnsigned64('reversePackets'),
      },
    ],
  },
  {
    name: 'ipVersion',
    columns: ['announcedIpVersion'],
    fields: () => [field(60, 1, writeUnsigned8('announcedIpVersion'))],
  },
];

/** The groups that values decide, and not presence alone: their bits in a Template ID's groups. */
export const GROUP_BITS = {
  ipv4NextHop: 1 << OPTIONAL_GROUPS.findIndex(({ name }) => name === 'ipNextHopIPv4Address'),
  ipv6NextHop: 1 << OPTIONAL_GROUPS.findIndex(({ name }) => name === 'ipNextHopIPv6Address'),
  /**
   * RFC 7125: tcpControlBits has 16 bits, and one octet does while the upper ones are clear. That is what
   * nfacctd 1.7.7 and older collectors read; records with an upper bit set get two octets.
   */
  wideTcpControlBits: 1 << OPTIONAL_GROUPS.length,
} as const;
/** Bits of a Template ID above the kind. */
const GROUP_BIT_COUNT = OPTIONAL_GROUPS.length + 1;

/** Columns that every template writes: a value that is absent goes out as 0. */
export const STANDARD_COLUMNS: readonly FlowColumnName[] = [
  ...new Set(FLOW_KINDS.flatMap((kind) => standardFields(kind, 0, 'Both').flatMap(({ columns }) => columns))),
];

function familyOf(kind: FlowKind): 4 | 6 {
  return kind.startsWith('ipv4') ? 4 : 6;
}

/** The templates in use, made when first needed. */
export interface TemplateRegistry {
  /** In order of their `index`. */
  readonly templates: readonly ExportTemplate[];
  /** `groups`: one bit for each of OPTIONAL_GROUPS that departs from the standard templates, and GROUP_BITS. */
  templateFor(kindIndex: number, groups: number): ExportTemplate;
  /** The template with the fields of `layout` after those of `plain`, or `plain` when there are too many. */
  withExtra(plain: ExportTemplate, layout: ExtraLayout): ExportTemplate;
}

export function createTemplateRegistry(times: FlowTimes = 'Both'): TemplateRegistry {
  const isAbsolute = times === 'Absolute';
  const extraIdFirst = isAbsolute ? ABSOLUTE_EXTRA_TEMPLATE_ID_FIRST : EXTRA_TEMPLATE_ID_FIRST;
  const extraTemplatesMax = isAbsolute ? ABSOLUTE_EXTRA_TEMPLATES_MAX : EXTRA_TEMPLATES_MAX;
  const templates: ExportTemplate[] = [];
  const computed: (ExportTemplate | undefined)[] = new Array(FLOW_KINDS.length << GROUP_BIT_COUNT);
  const extra = new Map<string, ExportTemplate>();

  function add(template: Omit<ExportTemplate, 'index'>): ExportTemplate {
    const added = { ...template, index: templates.length };
    templates.push(added);
    return added;
  }

  return {
    templates,
    templateFor(kindIndex, groups) {
      const number = groups * FLOW_KINDS.length + kindIndex;
      const known = computed[number];
      if (known !== undefined) return known;
      const templateId = isAbsolute ? ABSOLUTE_TEMPLATE_ID_LAST - number : TEMPLATE_ID_FIRST + number;
      const made = add(compileTemplate(templateId, kindIndex, groups, times));
      computed[number] = made;
      return made;
    },
    withExtra(plain, layout) {
      const key = `${plain.templateId}:${JSON.stringify(layout)}`;
      const known = extra.get(key);
      if (known !== undefined) return known;
      if (extra.size >= extraTemplatesMax || layout.length > EXTRA_FIELDS_MAX) return plain;
      const made = add({
        ...plain,
        templateId: extraIdFirst + extra.size,
        fields: [...plain.fields, ...layout],
        extraOctets: octetsOfLayout(layout),
        plain,
      });
      extra.set(key, made);
      return made;
    },
  };
}

function compileTemplate(
  templateId: number,
  kindIndex: number,
  groups: number,
  times: FlowTimes,
): Omit<ExportTemplate, 'index'> {
  const kind = FLOW_KINDS[kindIndex]!;
  const optional = OPTIONAL_GROUPS.filter(
    ({ standard = false }, bit) => ((groups >> bit) & 1) !== (standard ? 1 : 0),
  );
  const fields = [
    ...standardFields(kind, groups, times),
    ...optional.flatMap((group) => group.fields(familyOf(kind))),
  ];
  const writers: { write: FieldWriter; offset: number }[] = [];
  let offset = 0;
  for (const { write, specifiers } of fields) {
    writers.push({ write, offset });
    for (const { length } of specifiers) offset += length;
  }
  return {
    templateId,
    scopeFieldCount: 0,
    fields: fields.flatMap(({ specifiers }) => specifiers),
    writers,
    recordOctets: offset,
    extraOctets: 0,
    plain: undefined,
  };
}

/** -1 when a field's length varies. */
function octetsOfLayout(layout: ExtraLayout): number {
  let octets = 0;
  for (const { length } of layout) {
    if (length === VARIABLE_LENGTH) return -1;
    octets += length;
  }
  return octets;
}
