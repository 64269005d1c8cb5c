/**
 * A month of plausible traffic as FlowBatches, for tests, benchmarks and demonstrations: a working day's
 * curve, quiet weekends, heavy tails, both directions of each conversation, drops with their rules, records
 * that a second exporter tells again, planted attacks. The same options give the same records.
 *
 * Hot file: it fills typed arrays by index and asserts their reads (`!`), for it has to outrun the store.
 */
import { assert } from '@weir/base';
import {
  type ExporterIdentity,
  FLOW_COLUMN_INDEX,
  type FlowBatch,
  type FlowColumnName,
  setPresent,
} from '@weir/ipfix';
import { planAttacks, type SyntheticAttack, shapeAttack } from './synthetic-attack.ts';
import {
  countryCode,
  createRandom,
  createSyntheticNetwork,
  type Random,
  SYNTHETIC_HOSTS,
  SYNTHETIC_RULES,
  SYNTHETIC_SERVICES,
  SYNTHETIC_SITES,
  type SyntheticNetwork,
} from './synthetic-network.ts';

export interface SyntheticMonthOptions {
  /** Whole hours. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Records in all, about: whole conversations are written. */
  readonly flows: number;
  readonly seed?: number;
  readonly exporters?: number;
  /** What is planted, by beginnings; attacks of every kind when not given. */
  readonly attacks?: (network: SyntheticNetwork) => readonly SyntheticAttack[];
}

export interface SyntheticTotals {
  records: number;
  octets: number;
  packets: number;
  dropped: number;
  duplicates: number;
}

export interface SyntheticMonth {
  readonly attacks: readonly SyntheticAttack[];
  readonly totals: Readonly<SyntheticTotals>;
  /** Fills an empty batch with the next records, in the order in which they arrived; false when none are left. */
  fill(batch: FlowBatch): boolean;
}

const HOUR_MS = 3_600_000;
/** A conversation is two records, and one of each again when a second exporter tells of it. */
const RECORDS_PER_TURN_MAX = 4;
const EXPORTERS_DEFAULT = 50;
/** The last tenth of the exporters samples one packet in so many. */
const SAMPLING_RATE = 1000;
/** How busy each hour of a working day is. */
const HOUR_WEIGHTS = [
  0.25, 0.2, 0.18, 0.17, 0.18, 0.25, 0.45, 0.8, 1.2, 1.5, 1.6, 1.55, 1.35, 1.45, 1.55, 1.5, 1.4, 1.2, 0.95,
  0.8, 0.7, 0.6, 0.45, 0.35,
];
const WEEKEND_WEIGHT = 0.4;
/** Of 256 conversations so many are dropped, and so many told of twice. */
const DROPPED_OF_256 = 4;
const DUPLICATE_OF_256 = 10;
/** By port, the first of four servers that everybody uses. */
const FIXED_SERVERS = new Map([
  [53, 40],
  [123, 44],
]);
const INTERFACES = 24;
const HOME_COUNTRY = countryCode('AT');
const HOME_AS = 64_512;
const IPV4_MAPPED = 0xffff;
const DROPPED_STATUS = 0x81;
const DENIED = 3;
const SINGLE_COMMON_PORT = 5;

/** Columns that every record has. */
const ALWAYS: readonly FlowColumnName[] = [
  'receivedAt',
  'flowStart',
  'flowEnd',
  'exporter',
  'srcAddrHi',
  'srcAddrLo',
  'dstAddrHi',
  'dstAddrLo',
  'srcPort',
  'dstPort',
  'protocol',
  'tcpFlags',
  'tos',
  'octets',
  'packets',
  'inIf',
  'outIf',
  'direction',
  'endReason',
  'srcAs',
  'dstAs',
  'srcCountry',
  'dstCountry',
  'application',
  'sessionId',
  'sessionSide',
  'directionRule',
  'duplicate',
  'forwardingStatus',
];

/** Texts of a batch: users first, so that a user's number is the label's. */
interface Labels {
  readonly texts: readonly string[];
  readonly sites: number;
  readonly rules: number;
  readonly applications: number;
}

/** What both records of a conversation share. */
interface Conversation {
  host: number;
  server: number;
  hostIp: number;
  serverIp: number;
  isIPv6: boolean;
  hostPort: number;
  service: number;
  port: number;
  protocol: 6 | 17;
  startMs: number;
  endMs: number;
  packetsUp: number;
  packetsDown: number;
  octetsUp: number;
  octetsDown: number;
  flags: number;
  fromServer: boolean;
  dropped: boolean;
  exporter: number;
}

export function createSyntheticMonth(options: SyntheticMonthOptions): SyntheticMonth {
  return new Month(options);
}

class Month implements SyntheticMonth {
  readonly attacks: readonly SyntheticAttack[];
  readonly totals: SyntheticTotals = { records: 0, octets: 0, packets: 0, dropped: 0, duplicates: 0 };
  readonly #random: Random;
  readonly #network: SyntheticNetwork;
  readonly #labels: Labels;
  readonly #exporters: readonly ExporterIdentity[];
  /** For each hour when it begins, and how many conversations it has. */
  readonly #hours: readonly { readonly startMs: number; readonly conversations: number }[];
  readonly #pendingAttacks: { readonly attack: SyntheticAttack; done: number }[];
  readonly #conversation: Conversation = emptyConversation();
  #hour = 0;
  #inHour = 0;
  #session = 0;

  constructor(options: SyntheticMonthOptions) {
    const { fromMs, toMs, flows, seed = 1, exporters = EXPORTERS_DEFAULT } = options;
    assert(fromMs % HOUR_MS === 0 && toMs % HOUR_MS === 0 && toMs > fromMs, 'a month is whole hours');
    this.#random = createRandom(seed);
    this.#network = createSyntheticNetwork(seed);
    this.#labels = labelsOf(this.#network);
    this.#exporters = exporterIdentities(exporters);
    this.attacks =
      options.attacks?.(this.#network) ?? planAttacks(this.#network, { fromMs, toMs, flows, seed });
    this.#pendingAttacks = this.attacks.map((attack) => ({ attack, done: 0 }));
    const attackRecords = this.attacks.reduce((sum, attack) => sum + attack.flows * 2, 0);
    this.#hours = planHours(fromMs, toMs, Math.max(0, flows - attackRecords));
  }

  fill(batch: FlowBatch): boolean {
    batch.exporters.push(...this.#exporters);
    for (const text of this.#labels.texts) batch.labels.push(text);
    const room = batch.capacity - RECORDS_PER_TURN_MAX;
    // A batch lies in one hour, as those of a collector nearly always do.
    const hour = this.#hours[this.#hour];
    while (hour !== undefined && batch.rowCount < room && this.#turn(batch, hour)) {}
    const count = batch.rowCount;
    for (const name of ALWAYS) setPresent(batch, FLOW_COLUMN_INDEX[name], 0, count);
    batch.extraEnd.fill(0, 0, count);
    return count > 0 || this.#hour < this.#hours.length;
  }

  /** Writes the next conversation of an hour; false when the hour is over, and the next one is up. */
  #turn(batch: FlowBatch, hour: { readonly startMs: number; readonly conversations: number }): boolean {
    if (this.#inHour >= hour.conversations) {
      const isWritten = this.#attackUntil(batch, hour.startMs + HOUR_MS);
      if (isWritten) return true;
      this.#hour += 1;
      this.#inHour = 0;
      return false;
    }
    const endMs = hour.startMs + Math.floor((this.#inHour * HOUR_MS) / hour.conversations);
    if (this.#attackUntil(batch, endMs)) return true;
    this.#inHour += 1;
    this.#everyday(endMs);
    this.#write(batch);
    return true;
  }

  /** Writes one conversation of an attack that is due before `untilMs`. */
  #attackUntil(batch: FlowBatch, untilMs: number): boolean {
    for (const pending of this.#pendingAttacks) {
      const { attack, done } = pending;
      if (attack.startMs >= untilMs) return false;
      if (done >= attack.flows) continue;
      const dueMs =
        attack.startMs + Math.floor(((attack.endMs - attack.startMs) * (done + 0.5)) / attack.flows);
      if (dueMs >= untilMs) continue;
      pending.done += 1;
      this.#attacking(attack, done, dueMs);
      this.#write(batch);
      return true;
    }
    return false;
  }

  #everyday(endMs: number): void {
    const random = this.#random;
    const network = this.#network;
    const conversation = this.#conversation;
    const bits = random.next();
    const serviceIndex = network.serviceTable[bits & 255]!;
    const chosen = SYNTHETIC_SERVICES[serviceIndex]!;
    // Squared: some hosts talk much more than others.
    const host = Math.floor((random.next() / 4294967296) ** 2 * SYNTHETIC_HOSTS);
    const popular = network.serverTable[random.next() & 0xffff]!;
    // Hosts ask the same few servers for names and for the time.
    const fixed = FIXED_SERVERS.get(chosen.port);
    const server = fixed === undefined ? popular : fixed + (host & 3);
    const tail = chosen.packetsScale === 0 ? 0 : Math.floor(chosen.packetsScale * heavyTail(random));
    const packets = chosen.packetsMin + Math.min(tail, 1_000_000);
    conversation.host = host;
    conversation.server = server;
    conversation.hostIp = network.hostIp[host]!;
    conversation.serverIp = network.serverIp[server]!;
    conversation.isIPv6 =
      network.hostIsIPv6[host]! + network.serverIsIPv6[server]! > 0 && (bits & 0x100) === 0;
    conversation.hostPort = 32_768 + ((bits >>> 9) & 0x6fff);
    conversation.service = serviceIndex;
    conversation.port = chosen.port;
    conversation.protocol = chosen.protocol;
    conversation.endMs = endMs;
    conversation.startMs = endMs - Math.min(1_800_000, Math.floor(packets * (5 + (bits & 63))));
    conversation.packetsUp = packets;
    conversation.packetsDown = packets + (packets >> 2);
    conversation.octetsUp = packets * chosen.octetsUp;
    conversation.octetsDown = conversation.packetsDown * chosen.octetsDown;
    conversation.flags = chosen.protocol === 6 ? 0x1b : 0;
    conversation.fromServer = false;
    conversation.dropped = bits >>> 24 < DROPPED_OF_256;
    conversation.exporter = network.hostSite[host]! + SYNTHETIC_SITES.length * ((bits >>> 16) & 3);
    if (conversation.dropped) this.#beDropped();
  }

  /** A frame or a few that were never answered. */
  #beDropped(): void {
    const conversation = this.#conversation;
    conversation.packetsUp = 1 + (conversation.hostPort & 3);
    conversation.packetsDown = 0;
    conversation.octetsUp = conversation.packetsUp * 60;
    conversation.octetsDown = 0;
    conversation.startMs = conversation.endMs - 3000;
    conversation.flags = conversation.protocol === 6 ? 0x02 : 0;
  }

  #attacking(attack: SyntheticAttack, index: number, dueMs: number): void {
    this.#everyday(dueMs);
    const conversation = this.#conversation;
    const random = this.#random;
    const fromInside = attack.attacker >>> 24 === 10;
    conversation.isIPv6 = false;
    conversation.hostIp = fromInside ? attack.attacker : attack.victim;
    conversation.serverIp = fromInside ? attack.victim : attack.attacker;
    conversation.fromServer = !fromInside;
    conversation.protocol = attack.protocol;
    conversation.port = attack.port;
    conversation.dropped = false;
    conversation.endMs = dueMs;
    conversation.startMs = dueMs - 200;
    // Country and system are those of the address, whenever it appears.
    if (attack.kind !== 'flood') conversation.server = conversation.serverIp % this.#network.servers;
    shapeAttack(conversation, attack, index, random, this.#network);
  }

  #write(batch: FlowBatch): void {
    const conversation = this.#conversation;
    this.#session += 1;
    const { exporter } = conversation;
    const count = this.#exporters.length;
    this.#direction(batch, exporter % count, 0, 0);
    if (conversation.packetsDown > 0) this.#direction(batch, exporter % count, 1, 0);
    if ((this.#session * 2654435761) >>> 24 >= DUPLICATE_OF_256) return;
    this.#direction(batch, (exporter + 32) % count, 0, 1);
    if (conversation.packetsDown > 0) this.#direction(batch, (exporter + 32) % count, 1, 1);
  }

  /** Side 0 is that of who began. */
  #direction(batch: FlowBatch, exporter: number, side: 0 | 1, duplicate: 0 | 1): void {
    const row = batch.rowCount;
    const { columns } = batch;
    const { totals } = this;
    const conversation = this.#conversation;
    const fromHost = (side === 0) !== conversation.fromServer;
    const up = side === 0;
    const sampled = exporter >= this.#exporters.length * 0.9;
    let packets = up ? conversation.packetsUp : conversation.packetsDown;
    let octets = up ? conversation.octetsUp : conversation.octetsDown;
    if (sampled) {
      const seen = Math.max(1, Math.round(packets / SAMPLING_RATE));
      octets = Math.round((octets / packets) * seen);
      packets = seen;
      columns.samplingRate[row] = SAMPLING_RATE;
      setPresent(batch, FLOW_COLUMN_INDEX.samplingRate, row, row + 1);
    }
    setTime(columns.flowStart, row, conversation.startMs);
    setTime(columns.flowEnd, row, conversation.endMs);
    // Within the hour: records are reported soon after the end of their flow.
    setTime(
      columns.receivedAt,
      row,
      conversation.endMs + Math.min(900, HOUR_MS - 1 - (conversation.endMs % HOUR_MS)),
    );
    columns.exporter[row] = exporter;
    this.#addresses(batch, row, fromHost);
    const clientPort = conversation.hostPort;
    columns.srcPort[row] = up ? clientPort : conversation.port;
    columns.dstPort[row] = up ? conversation.port : clientPort;
    columns.protocol[row] = conversation.protocol;
    columns.tcpFlags[row] = conversation.flags;
    columns.tos[row] = conversation.service === 11 ? 184 : 0;
    setTime(columns.octets, row, octets);
    setTime(columns.packets, row, packets);
    columns.inIf[row] = fromHost ? 1 + (conversation.host % (INTERFACES - 2)) : INTERFACES;
    columns.outIf[row] = fromHost ? INTERFACES : 1 + (conversation.host % (INTERFACES - 2));
    columns.direction[row] = fromHost ? 0 : 1;
    columns.endReason[row] = conversation.protocol === 6 ? 3 : 1;
    columns.application[row] = this.#labels.applications + conversation.service;
    columns.sessionId[row * 2] = this.#session >>> 0;
    columns.sessionId[row * 2 + 1] = 1;
    columns.sessionSide[row] = side;
    columns.directionRule[row] = SINGLE_COMMON_PORT;
    columns.duplicate[row] = duplicate;
    columns.forwardingStatus[row] = conversation.dropped ? DROPPED_STATUS : 0x40;
    if (conversation.dropped) this.#drop(batch, row);
    batch.rowCount = row + 1;
    totals.records += 1;
    totals.octets += octets;
    totals.packets += packets;
    totals.duplicates += duplicate;
    totals.dropped += conversation.dropped ? 1 : 0;
  }

  #drop(batch: FlowBatch, row: number): void {
    const { columns } = batch;
    const conversation = this.#conversation;
    columns.firewallEvent[row] = DENIED;
    columns.dropReason[row] = 1 + (conversation.hostPort & 1);
    const rule = conversation.fromServer
      ? 1 + (conversation.port % 7)
      : (conversation.host * 31) % SYNTHETIC_RULES.length;
    columns.rule[row] = this.#labels.rules + rule;
    for (const name of ['firewallEvent', 'dropReason', 'rule'] as const) {
      setPresent(batch, FLOW_COLUMN_INDEX[name], row, row + 1);
    }
  }

  #addresses(batch: FlowBatch, row: number, fromHost: boolean): void {
    const { columns } = batch;
    const conversation = this.#conversation;
    const network = this.#network;
    const [hi, lo] = fromHost ? SOURCE : DESTINATION;
    const [otherHi, otherLo] = fromHost ? DESTINATION : SOURCE;
    setAddress(columns[hi], columns[lo], row, conversation.hostIp, conversation.isIPv6, 0xfd00_0001);
    setAddress(
      columns[otherHi],
      columns[otherLo],
      row,
      conversation.serverIp,
      conversation.isIPv6,
      0x2a00_0000,
    );
    const { server, host } = conversation;
    columns.srcAs[row] = fromHost ? HOME_AS : network.serverAs[server]!;
    columns.dstAs[row] = fromHost ? network.serverAs[server]! : HOME_AS;
    columns.srcCountry[row] = fromHost ? HOME_COUNTRY : network.serverCountry[server]!;
    columns.dstCountry[row] = fromHost ? network.serverCountry[server]! : HOME_COUNTRY;
    const site = this.#labels.sites + network.hostSite[host]!;
    const user = network.hostUser[host]!;
    if (fromHost) columns.srcSite[row] = site;
    else columns.dstSite[row] = site;
    setPresent(batch, fromHost ? FLOW_COLUMN_INDEX.srcSite : FLOW_COLUMN_INDEX.dstSite, row, row + 1);
    if (user === 0xffff) return;
    if (fromHost) columns.srcUser[row] = user;
    else columns.dstUser[row] = user;
    setPresent(batch, fromHost ? FLOW_COLUMN_INDEX.srcUser : FLOW_COLUMN_INDEX.dstUser, row, row + 1);
  }
}

const SOURCE = ['srcAddrHi', 'srcAddrLo'] as const;
const DESTINATION = ['dstAddrHi', 'dstAddrLo'] as const;

/** Pareto with an exponent of 1.2, between 0 and some 10,000. */
function heavyTail(random: Random): number {
  return (random.unit() + 1e-5) ** (-1 / 1.2) - 1;
}

function setTime(column: Uint32Array, row: number, value: number): void {
  column[row * 2] = value >>> 0;
  column[row * 2 + 1] = (value / 4294967296) >>> 0;
}

function setAddress(
  hi: Uint32Array,
  lo: Uint32Array,
  row: number,
  ip: number,
  isIPv6: boolean,
  prefix: number,
): void {
  hi[row * 2] = 0;
  hi[row * 2 + 1] = isIPv6 ? prefix : 0;
  lo[row * 2] = ip;
  lo[row * 2 + 1] = isIPv6 ? 0 : IPV4_MAPPED;
}

function labelsOf({ userNames }: SyntheticNetwork): Labels {
  const applications = SYNTHETIC_SERVICES.map(({ application }) => application);
  const texts = [...userNames, ...SYNTHETIC_SITES, ...SYNTHETIC_RULES, ...applications];
  const sites = userNames.length;
  const rules = sites + SYNTHETIC_SITES.length;
  return { texts, sites, rules, applications: rules + SYNTHETIC_RULES.length };
}

function exporterIdentities(count: number): ExporterIdentity[] {
  return Array.from({ length: count }, (_, index) => ({
    address: `192.0.2.${index + 1}`,
    observationDomainId: index % 3,
    source: 'synthetic',
    version: index % 2 === 0 ? 10 : 9,
  }));
}

/** Shares of all conversations for the hours; a conversation is a little more than two records. */
function planHours(fromMs: number, toMs: number, records: number) {
  const starts = Array.from({ length: (toMs - fromMs) / HOUR_MS }, (_, index) => fromMs + index * HOUR_MS);
  const weights = starts.map((startMs) => {
    const moment = new Date(startMs);
    const isWeekend = moment.getUTCDay() % 6 === 0;
    return HOUR_WEIGHTS[moment.getUTCHours()]! * (isWeekend ? WEEKEND_WEIGHT : 1);
  });
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const perConversation = (2 - DROPPED_OF_256 / 256) * (1 + DUPLICATE_OF_256 / 256);
  return starts.map((startMs, index) => ({
    startMs,
    conversations: Math.round((records * weights[index]!) / total / perConversation),
  }));
}

function emptyConversation(): Conversation {
  return {
    host: 0,
    server: 0,
    hostIp: 0,
    serverIp: 0,
    isIPv6: false,
    hostPort: 0,
    service: 0,
    port: 0,
    protocol: 6,
    startMs: 0,
    endMs: 0,
    packetsUp: 0,
    packetsDown: 0,
    octetsUp: 0,
    octetsDown: 0,
    flags: 0,
    fromServer: false,
    dropped: false,
    exporter: 0,
  };
}
