/** Names of numeric values, as IANA and the RFCs give them; what a filter may say instead of the number. */

/** Keywords of the IANA registry "Assigned Internet Protocol Numbers", those that are met in the wild. */
const PROTOCOL_NAMES: Readonly<Record<number, string>> = {
  0: 'hopopt',
  1: 'icmp',
  2: 'igmp',
  4: 'ipip',
  6: 'tcp',
  8: 'egp',
  9: 'igp',
  17: 'udp',
  27: 'rdp',
  33: 'dccp',
  41: 'ipv6',
  43: 'ipv6-route',
  44: 'ipv6-frag',
  46: 'rsvp',
  47: 'gre',
  50: 'esp',
  51: 'ah',
  58: 'icmp6',
  59: 'ipv6-nonxt',
  60: 'ipv6-opts',
  88: 'eigrp',
  89: 'ospf',
  94: 'ipip-mbp',
  97: 'etherip',
  103: 'pim',
  108: 'ipcomp',
  112: 'vrrp',
  115: 'l2tp',
  124: 'isis',
  132: 'sctp',
  136: 'udplite',
  137: 'mpls-in-ip',
};

const PROTOCOL_ALIASES: Readonly<Record<string, number>> = {
  icmpv6: 58,
  'ipv6-icmp': 58,
  'icmp-v6': 58,
  ipencap: 4,
  '6in4': 41,
};

const protocolNumbers = new Map<string, number>([
  ...Object.entries(PROTOCOL_NAMES).map(([number, name]): [string, number] => [name, Number(number)]),
  ...Object.entries(PROTOCOL_ALIASES),
]);

/** Every name of a protocol that a filter may say. */
export const PROTOCOL_WORDS: readonly string[] = [...protocolNumbers.keys()];

export function protocolNumber(name: string): number | undefined {
  return protocolNumbers.get(name.toLowerCase());
}

/** The protocol's keyword, or its number as text. */
export function protocolName(number: number): string {
  return PROTOCOL_NAMES[number] ?? String(number);
}

/** flowDirection. */
export const DIRECTION_NAMES: Readonly<Record<number, string>> = { 0: 'ingress', 1: 'egress' };

/** flowEndReason. */
export const END_REASON_NAMES: Readonly<Record<number, string>> = {
  1: 'idleTimeout',
  2: 'activeTimeout',
  3: 'endOfFlow',
  4: 'forcedEnd',
  5: 'lackOfResources',
};

/** The top two bits of forwardingStatus, RFC 7270 section 4.12. */
export const FORWARDING_STATE_NAMES: Readonly<Record<number, string>> = {
  0: 'unknown',
  1: 'forwarded',
  2: 'dropped',
  3: 'consumed',
};

/** firewallEvent. */
export const FIREWALL_EVENT_NAMES: Readonly<Record<number, string>> = {
  0: 'ignore',
  1: 'created',
  2: 'deleted',
  3: 'denied',
  4: 'alert',
  5: 'update',
};

export const IP_VERSION_NAMES: Readonly<Record<number, string>> = { 4: 'IPv4', 6: 'IPv6' };

/** dropReason, our own element. */
export const DROP_REASON_NAMES: Readonly<Record<number, string>> = {
  1: 'accessControl',
  2: 'trust',
  3: 'other',
};

export const SESSION_SIDE_NAMES: Readonly<Record<number, string>> = { 0: 'initiator', 1: 'responder' };

/** How it was decided who began a session; 1 to 6 are those of IBM QRadar. */
export const DIRECTION_RULE_NAMES: Readonly<Record<number, string>> = {
  1: 'singleCommonPortReversed',
  2: 'bothCommonPortsReversed',
  3: 'arrivalTime',
  4: 'flowExporter',
  5: 'singleCommonPort',
  6: 'bothCommonPorts',
  7: 'tcpSyn',
  8: 'icmpRequest',
};

export const DUPLICATE_NAMES: Readonly<Record<number, string>> = { 0: 'no', 1: 'yes' };

/** The letters of tcpControlBits, lowest bit first: FIN SYN RST PSH ACK URG ECE CWR, and NS (`N`). */
const FLAG_LETTERS = 'FSRPAUECN';

/** The bits that `letters` names (`SA`, `.AP.SF`; X is all of the first six), or undefined. */
export function parseTcpFlags(letters: string): number | undefined {
  let bits = 0;
  for (const letter of letters.toUpperCase()) {
    if (letter === '.') continue;
    const bit = FLAG_LETTERS.indexOf(letter);
    if (letter === 'X') bits |= 0x3f;
    else if (letter === 'W') bits |= 0x80;
    else if (bit < 0) return undefined;
    else bits |= 1 << bit;
  }
  return bits;
}

/** Flags as letters, highest bit first: `CEUAPRSF`, a dot for each that is not set. */
export function formatTcpFlags(bits: number): string {
  let text = bits & 0x100 ? 'N' : '';
  for (let bit = 7; bit >= 0; bit--) text += bits & (1 << bit) ? FLAG_LETTERS[bit] : '.';
  return text;
}

/** `aa:bb:cc:dd:ee:ff` (or with `-`) as 48 bits, or undefined. */
export function parseMac(text: string): bigint | undefined {
  if (!/^[0-9a-f]{1,2}([:-][0-9a-f]{1,2}){5}$/i.test(text)) return undefined;
  return text.split(/[:-]/).reduce((value, octet) => (value << 8n) | BigInt(Number.parseInt(octet, 16)), 0n);
}

export function formatMac(value: bigint): string {
  const digits = value.toString(16).padStart(12, '0');
  return digits.replace(/(..)(?!$)/g, '$1:');
}

/** The number of a name in a table of names, without regard to case. */
export function numberNamed(names: Readonly<Record<number, string>>, name: string): number | undefined {
  const wanted = name.toLowerCase();
  for (const [number, known] of Object.entries(names)) {
    if (known.toLowerCase() === wanted) return Number(number);
  }
  return undefined;
}
