import { fieldNamed, formatFieldValue } from '@weir/analysis';
import type { DimensionValue } from '../api/contract.ts';
import { serviceName } from './service-name.ts';

/** What the chart and the top talkers can be grouped by: names for people, dimensions for the API. */
export const GROUPINGS = {
  protocol: { title: 'Protocol', plural: 'Protocols', dimensions: ['protocol'] },
  srcAddr: { title: 'Source', plural: 'Sources', dimensions: ['srcAddr'] },
  dstAddr: { title: 'Destination', plural: 'Destinations', dimensions: ['dstAddr'] },
  conversation: { title: 'Conversation', plural: 'Conversations', dimensions: ['srcAddr', 'dstAddr'] },
  srcPort: { title: 'Source port', plural: 'Source ports', dimensions: ['srcPort'] },
  dstPort: { title: 'Destination port', plural: 'Destination ports', dimensions: ['dstPort'] },
  direction: { title: 'Direction', plural: 'Directions', dimensions: ['direction'] },
  application: { title: 'Application', plural: 'Applications', dimensions: ['application'] },
  srcPeer: { title: 'Source peer', plural: 'Source peers', dimensions: ['srcPeer'] },
  srcUser: { title: 'Source user', plural: 'Source users', dimensions: ['srcUser'] },
  srcCountry: { title: 'Source country', plural: 'Source countries', dimensions: ['srcCountry'] },
  dstCountry: {
    title: 'Destination country',
    plural: 'Destination countries',
    dimensions: ['dstCountry'],
  },
  exporter: { title: 'Exporter', plural: 'Exporters', dimensions: ['exporter'] },
} as const satisfies Record<string, { title: string; plural: string; dimensions: readonly string[] }>;

export type GroupBy = keyof typeof GROUPINGS;
export const GROUP_BY = Object.keys(GROUPINGS) as GroupBy[];

/** The grouping that has exactly these dimensions. */
export const groupingOf = (dimensions: readonly string[]): GroupBy | undefined =>
  GROUP_BY.find((name) => GROUPINGS[name].dimensions.join() === dimensions.join());

export const isGroupBy = (name: string): name is GroupBy => Object.hasOwn(GROUPINGS, name);

/** A value for people: what to show, and a hint that says more (a service's name, for instance). */
export interface DisplayedValue {
  text: string;
  hint?: string;
}

/** How a value of a dimension reads. A null is said, never blank. */
export function displayValue(dimension: string, value: DimensionValue): DisplayedValue {
  if (value === null) return { text: 'not exported' };
  const field = fieldNamed(dimension);
  const text = field === undefined ? String(value) : formatFieldValue(field, value);
  if (dimension === 'protocol') return { text: /^\d+$/.test(text) ? `protocol ${text}` : text.toUpperCase() };
  const hint =
    typeof value === 'number' && /port$/i.test(dimension)
      ? serviceName(value)
      : isCountry(dimension)
        ? countryName(text)
        : undefined;
  return hint === undefined ? { text } : { text, hint };
}

const isCountry = (dimension: string): boolean => /country$/i.test(dimension);

const countryNames = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' });

/** `Germany` for `DE`; undefined for what is no country's code. */
export function countryName(letters: string): string | undefined {
  return /^[A-Z]{2}$/.test(letters) ? countryNames.of(letters) : undefined;
}

/** The name of a group of values, in the order of the dimensions. */
export function displayKey(dimensions: readonly string[], key: readonly DimensionValue[]): string {
  return dimensions
    .map((dimension, index) => {
      const { text, hint } = displayValue(dimension, key[index] ?? null);
      return hint === undefined ? text : `${text} ${hint}`;
    })
    .join(' → ');
}

/** The same protocol has the same colour in every chart and table. */
export const FIXED_COLOURS: Readonly<Partial<Record<GroupBy, Record<string, string>>>> = {
  protocol: {
    '[6]': '--series-blue',
    '[17]': '--series-amber',
    '[1]': '--series-green',
    '[58]': '--series-sky',
    '[47]': '--series-pink',
    '[50]': '--series-indigo',
    '[132]': '--series-olive',
    '[89]': '--series-brown',
  },
  direction: { '[0]': '--series-sky', '[1]': '--series-amber' },
};

/** The colour of a protocol wherever it stands alone. */
export const protocolColour = (protocol: DimensionValue): string =>
  FIXED_COLOURS.protocol?.[`[${protocol}]`] ?? '--series-other';

const TITLES: Readonly<Record<string, string>> = {
  srcAddr: 'Source',
  dstAddr: 'Destination',
  srcPort: 'Source port',
  dstPort: 'Destination port',
  srcAs: 'Source AS',
  dstAs: 'Destination AS',
  inIf: 'Input interface',
  outIf: 'Output interface',
  tcpFlags: 'TCP flags',
  tos: 'Class of service',
  vlanId: 'VLAN',
  srcMac: 'Source MAC',
  dstMac: 'Destination MAC',
  observationDomainId: 'Observation domain',
  source: 'Flow source',
  ipVersion: 'IP version',
  icmpType: 'ICMP type',
  icmpCode: 'ICMP code',
  bps: 'Bits per second',
  pps: 'Packets per second',
  bpp: 'Octets per packet',
  minTtl: 'Lowest TTL',
  maxTtl: 'Highest TTL',
  srcVrf: 'Source VRF',
  dstVrf: 'Destination VRF',
  inVrf: 'Input VRF',
  outVrf: 'Output VRF',
  inIfName: 'Input interface name',
  outIfName: 'Output interface name',
};

/** A dimension's or field's name for people: `Source network` for `srcNetwork`, `Source /24` for `srcAddr/24`. */
export function dimensionTitle(name: string): string {
  const [field = '', ...lengths] = name.split('/');
  const known = TITLES[field];
  const words = field
    .replace(/^src(?=[A-Z])/, 'source')
    .replace(/^dst(?=[A-Z])/, 'destination')
    .replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  const title = known ?? words.charAt(0).toUpperCase() + words.slice(1);
  return lengths.length === 0 ? title : `${title} /${lengths.join('/')}`;
}
