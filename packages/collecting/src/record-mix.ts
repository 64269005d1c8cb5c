/**
 * A generator of plausible traffic as IPFIX messages (RFC 7011): TCP, UDP and ICMP over IPv4 and IPv6, both
 * directions of each conversation, a few popular servers and many rare ones, and heavy-tailed sizes. The
 * same seed and times give the same octets. Writes octets directly, without an object a record, because it
 * must outrun the collector that it feeds (bench/collect.ts).
 */
import { assert } from '@weir/base';

/** What was written so far: a test compares these with what a store holds. */
export interface RecordMixTotals {
  messages: number;
  records: number;
  octets: number;
  packets: number;
}

export interface RecordMix {
  readonly totals: Readonly<RecordMixTotals>;
  /**
   * Writes one message at the start of `bytes`, with at most `recordsMax` records whose flows end about
   * `nowMs`, and returns its octets. `withTemplates` puts every template before the records.
   */
  writeMessage(bytes: Uint8Array, nowMs: number, recordsMax: number, withTemplates: boolean): number;
}

export interface RecordMixOptions {
  /** 32 bits; 0 is taken as 1. */
  seed?: number;
  observationDomainId?: number;
}

/** Octets of a message: fits a 1,500-octet path MTU with IPv6 and UDP headers. */
export const MIX_MESSAGE_OCTETS_MAX = 1440;

interface MixTemplate {
  readonly templateId: number;
  readonly addressOctets: 4 | 16;
  readonly icmp: boolean;
  /** [IANA element, octets] in wire order. */
  readonly fields: readonly (readonly [number, number])[];
  readonly recordOctets: number;
}

const COMMON_FIELDS = [
  [1, 8], // octetDeltaCount
  [2, 8], // packetDeltaCount
  [152, 8], // flowStartMilliseconds
  [153, 8], // flowEndMilliseconds
  [10, 4], // ingressInterface
  [14, 4], // egressInterface
  [4, 1], // protocolIdentifier
  [5, 1], // ipClassOfService
  [61, 1], // flowDirection
  [136, 1], // flowEndReason
  [16, 4], // bgpSourceAsNumber
  [17, 4], // bgpDestinationAsNumber
] as const;
const PORT_FIELDS = [
  [7, 2], // sourceTransportPort
  [11, 2], // destinationTransportPort
  [6, 2], // tcpControlBits
] as const;

const TEMPLATES: readonly MixTemplate[] = [
  mixTemplate(256, 4, false),
  mixTemplate(257, 16, false),
  mixTemplate(258, 4, true),
  mixTemplate(259, 16, true),
];
/** Of 100 messages so many carry each template. */
const TEMPLATE_WEIGHTS = [78, 17, 3, 2] as const;
const TEMPLATE_SET_OCTETS = 4 + TEMPLATES.reduce((sum, { fields }) => sum + 4 + fields.length * 4, 0);

interface Service {
  readonly port: number;
  readonly protocol: 6 | 17;
  readonly weight: number;
  /** Packets of the smallest and of a typical large answer. */
  readonly packetsMin: number;
  readonly packetsScale: number;
}

const SERVICES: readonly Service[] = [
  { port: 443, protocol: 6, weight: 42, packetsMin: 6, packetsScale: 24 },
  { port: 443, protocol: 17, weight: 16, packetsMin: 5, packetsScale: 40 },
  { port: 53, protocol: 17, weight: 22, packetsMin: 1, packetsScale: 0 },
  { port: 80, protocol: 6, weight: 6, packetsMin: 5, packetsScale: 12 },
  { port: 22, protocol: 6, weight: 3, packetsMin: 10, packetsScale: 80 },
  { port: 123, protocol: 17, weight: 3, packetsMin: 1, packetsScale: 0 },
  { port: 993, protocol: 6, weight: 2, packetsMin: 8, packetsScale: 30 },
  { port: 445, protocol: 6, weight: 2, packetsMin: 12, packetsScale: 200 },
  { port: 5432, protocol: 6, weight: 2, packetsMin: 4, packetsScale: 60 },
  { port: 8080, protocol: 6, weight: 2, packetsMin: 4, packetsScale: 20 },
];
const SERVICE_BY_PERCENT = SERVICES.flatMap((service) => Array<Service>(service.weight).fill(service));

const HOSTS = 4000; // addresses inside
const SERVERS = 60_000; // addresses outside
/** A tenth of the flows last; the rest end within a few seconds. */
const FLOW_DURATION_MS_MAX = 58_000;
const PACKETS_MAX = 2_000_000; // times 1,400 octets stays far below 2^53

const AUTONOMOUS_SYSTEM_INSIDE = 64_512;
const INTERFACE_INSIDE = 1;
const INTERFACES_OUTSIDE = 2;

/** The conversation whose two records are being written. */
interface Conversation {
  host: number;
  server: number;
  hostPort: number;
  service: Service;
  startMs: number;
  endMs: number;
  packetsUp: number;
  packetsDown: number;
  octetsUp: number;
  octetsDown: number;
  outside: number;
}

export function createRecordMix({ seed = 1, observationDomainId = 1 }: RecordMixOptions = {}): RecordMix {
  const totals: RecordMixTotals = { messages: 0, records: 0, octets: 0, packets: 0 };
  let state = seed >>> 0 || 1;
  let pending = -1; // the direction of the current conversation that is written next, or -1
  const talk: Conversation = {
    host: 0,
    server: 0,
    hostPort: 0,
    service: SERVICES[0]!,
    startMs: 0,
    endMs: 0,
    packetsUp: 0,
    packetsDown: 0,
    octetsUp: 0,
    octetsDown: 0,
    outside: 0,
  };

  /** Uniform in [0, 1): xorshift32 (Marsaglia 2003). */
  function random(): number {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 4294967296;
  }

  /** 0 … count - 1, small numbers far more often: half of the draws fall in the first eighth. */
  function popular(count: number): number {
    const u = random();
    return Math.floor(count * u * u * u);
  }

  /** Pareto with exponent 1.2: most are 1, few are huge. */
  function heavyTail(): number {
    return Math.min(PACKETS_MAX, (1 - random()) ** (-1 / 1.2));
  }

  function converse(nowMs: number, icmp: boolean): void {
    const service = SERVICE_BY_PERCENT[Math.floor(random() * 100)]!;
    talk.service = service;
    talk.host = popular(HOSTS);
    talk.server = popular(SERVERS);
    talk.hostPort = 32_768 + Math.floor(random() * 28_000);
    talk.outside = INTERFACES_OUTSIDE + (talk.server & 1);
    const scale = icmp ? 3 : service.packetsScale;
    talk.packetsDown = Math.min(
      PACKETS_MAX,
      (icmp ? 1 : service.packetsMin) + (scale === 0 ? 0 : Math.floor((heavyTail() - 1) * scale)),
    );
    talk.packetsUp = icmp
      ? talk.packetsDown
      : Math.max(1, Math.ceil(talk.packetsDown * (0.4 + random() * 0.3)));
    const perPacketDown = icmp ? 84 : talk.packetsDown < 3 ? 90 + Math.floor(random() * 200) : 1200;
    talk.octetsDown = talk.packetsDown * perPacketDown;
    talk.octetsUp = talk.packetsUp * (icmp ? 84 : 60 + Math.floor(random() * 90));
    const durationMs = talk.packetsDown === 1 ? random() * 40 : heavyTail() * 120 * random();
    talk.endMs = Math.floor(nowMs - random() * 500);
    talk.startMs = Math.floor(talk.endMs - Math.min(FLOW_DURATION_MS_MAX, durationMs));
    pending = 0;
  }

  /** Writes the next record of the conversation and returns the offset after it. */
  function writeRecord(bytes: Uint8Array, start: number, template: MixTemplate, nowMs: number): number {
    if (pending < 0) converse(nowMs, template.icmp);
    const down = pending === 1;
    pending = down ? -1 : 1;
    let at = start;
    at = writeAddress(bytes, at, template, down ? talk.server : talk.host, !down);
    at = writeAddress(bytes, at, template, down ? talk.host : talk.server, down);
    const octets = down ? talk.octetsDown : talk.octetsUp;
    const packets = down ? talk.packetsDown : talk.packetsUp;
    at = put64(bytes, at, octets);
    at = put64(bytes, at, packets);
    at = put64(bytes, at, talk.startMs);
    at = put64(bytes, at, talk.endMs);
    at = put32(bytes, at, down ? talk.outside : INTERFACE_INSIDE);
    at = put32(bytes, at, down ? INTERFACE_INSIDE : talk.outside);
    const { service } = talk;
    const ipv6 = template.addressOctets === 16;
    const protocol = template.icmp ? (ipv6 ? 58 : 1) : service.protocol;
    bytes[at] = protocol;
    bytes[at + 1] = service.port === 22 ? 0x10 : 0;
    bytes[at + 2] = down ? 0 : 1;
    bytes[at + 3] = protocol === 6 ? 3 : 1; // end of flow detected, or idle timeout
    at += 4;
    const outsideAs = 1_000 + (talk.server % 5_000);
    at = put32(bytes, at, down ? outsideAs : AUTONOMOUS_SYSTEM_INSIDE);
    at = put32(bytes, at, down ? AUTONOMOUS_SYSTEM_INSIDE : outsideAs);
    if (template.icmp) {
      at = put16(bytes, at, icmpTypeCode(ipv6, down));
    } else {
      at = put16(bytes, at, down ? service.port : talk.hostPort);
      at = put16(bytes, at, down ? talk.hostPort : service.port);
      at = put16(bytes, at, protocol === 6 ? 0x1b : 0); // SYN, ACK, PSH, FIN
    }
    totals.octets += octets;
    totals.packets += packets;
    return at;
  }

  function pickTemplate(): MixTemplate {
    let draw = random() * 100;
    for (let index = 0; index < TEMPLATES.length; index += 1) {
      draw -= TEMPLATE_WEIGHTS[index]!;
      if (draw < 0) return TEMPLATES[index]!;
    }
    return TEMPLATES[0]!;
  }

  return {
    totals,
    writeMessage(bytes, nowMs, recordsMax, withTemplates) {
      assert(recordsMax > 0, 'a message of the mix has at least one record');
      const template = pickTemplate();
      pending = -1;
      let at = 16;
      if (withTemplates) at = writeTemplates(bytes, at);
      const setStart = at;
      const room = Math.floor((MIX_MESSAGE_OCTETS_MAX - at - 4) / template.recordOctets);
      const count = Math.min(recordsMax, room);
      at += 4;
      for (let n = 0; n < count; n += 1) at = writeRecord(bytes, at, template, nowMs);
      put16(bytes, setStart, template.templateId);
      put16(bytes, setStart + 2, at - setStart);
      writeMessageHeader(bytes, at, nowMs, totals.records, observationDomainId);
      totals.messages += 1;
      totals.records += count;
      return at;
    },
  };
}

function mixTemplate(templateId: number, addressOctets: 4 | 16, icmp: boolean): MixTemplate {
  const ipv6 = addressOctets === 16;
  const addresses = [
    [ipv6 ? 27 : 8, addressOctets], // sourceIPv6Address, sourceIPv4Address
    [ipv6 ? 28 : 12, addressOctets], // destinationIPv6Address, destinationIPv4Address
  ] as const;
  const icmpFields = [[ipv6 ? 139 : 32, 2]] as const; // icmpTypeCodeIPv6, icmpTypeCodeIPv4
  const fields = [...addresses, ...COMMON_FIELDS, ...(icmp ? icmpFields : PORT_FIELDS)];
  const recordOctets = fields.reduce((sum, [, octets]) => sum + octets, 0);
  return { templateId, addressOctets, icmp, fields, recordOctets };
}

/** RFC 7011 section 3.1. */
function writeMessageHeader(
  bytes: Uint8Array,
  length: number,
  nowMs: number,
  sequenceNumber: number,
  observationDomainId: number,
): void {
  put16(bytes, 0, 10);
  put16(bytes, 2, length);
  put32(bytes, 4, Math.floor(nowMs / 1000));
  put32(bytes, 8, sequenceNumber);
  put32(bytes, 12, observationDomainId);
}

/** RFC 7011 section 3.4.1: one Template Set with every template. */
function writeTemplates(bytes: Uint8Array, start: number): number {
  put16(bytes, start, 2);
  put16(bytes, start + 2, TEMPLATE_SET_OCTETS);
  let at = start + 4;
  for (const { templateId, fields } of TEMPLATES) {
    at = put16(bytes, at, templateId);
    at = put16(bytes, at, fields.length);
    for (const [elementId, octets] of fields) {
      at = put16(bytes, at, elementId);
      at = put16(bytes, at, octets);
    }
  }
  return at;
}

/** Inside 10.20.0.0/16 and 2001:db8:a::/48, outside spread over 198.18.0.0/15 and 2001:db8:b::/48 (RFC 2544, 3849). */
function writeAddress(
  bytes: Uint8Array,
  start: number,
  template: MixTemplate,
  index: number,
  inside: boolean,
): number {
  if (template.addressOctets === 4) {
    const spread = (Math.imul(index, 2654435761) >>> 0) & 0x1ffff;
    return put32(bytes, start, inside ? 0x0a140000 + index + 1 : 0xc6120000 + (spread || 1));
  }
  put32(bytes, start, 0x20010db8);
  put32(bytes, start + 4, inside ? 0x000a0000 : 0x000b0000);
  put32(bytes, start + 8, 0);
  return put32(bytes, start + 12, index + 1);
}

/** Echo and echo reply. */
function icmpTypeCode(ipv6: boolean, reply: boolean): number {
  if (ipv6) return (reply ? 129 : 128) << 8;
  return (reply ? 0 : 8) << 8;
}

function put16(bytes: Uint8Array, at: number, value: number): number {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
  return at + 2;
}

function put32(bytes: Uint8Array, at: number, value: number): number {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
  return at + 4;
}

/** A non-negative integer up to 2^53 - 1. */
function put64(bytes: Uint8Array, at: number, value: number): number {
  put32(bytes, at, Math.floor(value / 4294967296));
  return put32(bytes, at + 4, value >>> 0);
}
