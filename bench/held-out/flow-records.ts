/**
 * Conversations as a router with one exporter tells of them: a record a direction and active timeout, flags of TCP
 * where they belong, and everything in the order in which it is told.
 */
import { type Address, parseAddress } from '@weir/analysis';
import { FLOW_COLUMNS, type FlowBatch, setPresent, setU64FromNumber } from '@weir/ipfix';

export const TCP = 6;
export const UDP = 17;
const ICMP = 1;
const ICMP6 = 58;
const [FIN, SYN, RST, PSH, ACK] = [1, 2, 4, 8, 16];
const ACTIVE_TIMEOUT_MS = 60_000;
const IDLE_TIMEOUT_MS = 15_000;
const END_IDLE = 1;
const END_ACTIVE = 2;
const END_OF_FLOW = 3;
/** forwardingStatus of RFC 7270: forwarded (unknown), and dropped by an access list. */
const FORWARDED = 64;
const DROPPED_BY_LIST = 129;
const ROWS_AT_FIRST = 1 << 20;

/** Packets and octets of one direction. */
export type Amount = readonly [packets: number, octets: number];

export interface Conversation {
  readonly startMs: number;
  readonly seconds: number;
  readonly client: string;
  readonly server: string;
  readonly clientPort?: number;
  readonly serverPort: number;
  readonly protocol?: number;
  readonly out: Amount;
  /** Nothing came back when it is left out. */
  readonly back?: Amount;
  /** What TCP said in all; the first record has the SYN, the last the FIN or RST. */
  readonly outFlags?: number;
  readonly backFlags?: number;
  readonly isDropped?: boolean;
}

const CALL = { outFlags: FIN | SYN | PSH | ACK, backFlags: FIN | SYN | PSH | ACK };
export const SCAN_FLAGS = { null: 0, fin: FIN, xmas: FIN | PSH | 32, ack: ACK };
export const REFUSED = { out: [1, 44], back: [1, 40], outFlags: SYN, backFlags: RST | ACK } as const;
/** Nobody answers; the client tries three times. */
export const SILENT = { out: [3, 180], outFlags: SYN } as const;
/** The half-open scan of an open port. */
export const HALF_OPEN = { out: [2, 84], back: [1, 44], outFlags: SYN | RST, backFlags: SYN | ACK } as const;

type Column = 'start' | 'end' | 'octets' | 'packets';
type SmallColumn = 'from' | 'to' | 'ports' | 'detail';

export class FlowRecords {
  #rows = 0;
  #large: Record<Column, Float64Array> = largeColumns(ROWS_AT_FIRST);
  #small: Record<SmallColumn, Uint32Array> = smallColumns(ROWS_AT_FIRST);
  readonly #addresses: Address[] = [];
  readonly #numberOf = new Map<string, number>();
  #order: Uint32Array | undefined;
  #sent = 0;
  #port = 32_768;

  get count(): number {
    return this.#rows;
  }

  add(talk: Conversation): void {
    const { startMs, client, server, serverPort, protocol = TCP, isDropped = false } = talk;
    const clientPort = talk.clientPort ?? this.#nextPort();
    const isTcp = protocol === TCP;
    const outFlags = isTcp ? (talk.outFlags ?? CALL.outFlags) : 0;
    const ends = { startMs, endMs: startMs + talk.seconds * 1000, protocol, isDropped };
    const [here, there] = [this.#number(client), this.#number(server)];
    this.#addDirection(here, there, clientPort, serverPort, talk.out, outFlags, { ...ends, side: 0 });
    if (talk.back === undefined) return;
    const backFlags = isTcp ? (talk.backFlags ?? CALL.backFlags) : 0;
    this.#addDirection(there, here, serverPort, clientPort, talk.back, backFlags, { ...ends, side: 1 });
  }

  /** Echo requests, of IPv6 when there is a colon; `answers` of them are answered. */
  ping(startMs: number, client: string, server: string, packets: number, answers: number): void {
    const is6 = client.includes(':');
    const protocol = is6 ? ICMP6 : ICMP;
    const [asked, told] = is6 ? [128 << 8, 129 << 8] : [8 << 8, 0];
    const ends = { startMs, endMs: startMs + packets * 1000 - 999, protocol, isDropped: false };
    const [here, there] = [this.#number(client), this.#number(server)];
    this.#addDirection(here, there, 0, asked, [packets, packets * 84], 0, { ...ends, side: 0 });
    if (answers === 0) return;
    this.#addDirection(there, here, 0, told, [answers, answers * 84], 0, { ...ends, side: 1 });
  }

  /** Moves the next records into a batch; false when there was none. */
  fill(batch: FlowBatch): boolean {
    this.#order ??= this.#byEnd();
    batch.exporters.push({ address: '10.30.0.1', observationDomainId: 1, source: 'held-out', version: 10 });
    while (batch.rowCount < batch.capacity && this.#sent < this.#rows)
      this.#write(batch, this.#order[this.#sent++] ?? 0);
    for (const name of ALWAYS) setPresent(batch, COLUMN_INDEX.get(name) ?? 0, 0, batch.rowCount);
    return batch.rowCount > 0;
  }

  #addDirection(
    from: number,
    to: number,
    fromPort: number,
    toPort: number,
    [packets, octets]: Amount,
    flags: number,
    talk: { startMs: number; endMs: number; protocol: number; isDropped: boolean; side: number },
  ): void {
    const { startMs, endMs, protocol, isDropped, side } = talk;
    const parts = Math.max(1, Math.min(packets, Math.ceil((endMs - startMs) / ACTIVE_TIMEOUT_MS)));
    const partMs = (endMs - startMs) / parts;
    for (let part = 0; part < parts; part++) {
      const isLast = part === parts - 1;
      let seen = flags;
      if (part > 0) seen &= ~SYN;
      if (!isLast) seen &= ~(FIN | RST);
      const reason = isLast ? (flags & (FIN | RST) ? END_OF_FLOW : END_IDLE) : END_ACTIVE;
      const row = this.#nextRow();
      const { start, end, octets: octetsOf, packets: packetsOf } = this.#large;
      start[row] = Math.round(startMs + part * partMs);
      // The last packet of a part that is not the last comes a little before its end.
      end[row] = Math.round(startMs + (part + 1) * partMs - (isLast ? 0 : 1));
      packetsOf[row] = share(packets, part, parts);
      octetsOf[row] = share(octets, part, parts);
      const small = this.#small;
      small.from[row] = from;
      small.to[row] = to;
      small.ports[row] = ((fromPort << 16) | toPort) >>> 0;
      small.detail[row] =
        (seen | (protocol << 8) | (reason << 16) | (side << 20) | ((isDropped ? 1 : 0) << 21)) >>> 0;
    }
  }

  #write(batch: FlowBatch, from: number): void {
    const row = batch.rowCount++;
    const { columns } = batch;
    const detail = this.#small.detail[from] ?? 0;
    const end = this.#large.end[from] ?? 0;
    const [protocol, reason] = [(detail >> 8) & 255, (detail >> 16) & 15];
    setU64FromNumber(columns.flowStart, row, this.#large.start[from] ?? 0);
    setU64FromNumber(columns.flowEnd, row, end);
    // Told at the active timeout at once, else when the flow has been idle.
    setU64FromNumber(columns.receivedAt, row, end + (reason === END_IDLE ? IDLE_TIMEOUT_MS : 200));
    setU64FromNumber(columns.octets, row, this.#large.octets[from] ?? 0);
    setU64FromNumber(columns.packets, row, this.#large.packets[from] ?? 0);
    this.#writeAddress(columns.srcAddrHi, columns.srcAddrLo, row, this.#small.from[from] ?? 0);
    this.#writeAddress(columns.dstAddrHi, columns.dstAddrLo, row, this.#small.to[from] ?? 0);
    const ports = this.#small.ports[from] ?? 0;
    columns.srcPort[row] = ports >>> 16;
    columns.dstPort[row] = ports & 0xffff;
    columns.protocol[row] = protocol;
    columns.tcpFlags[row] = detail & 255;
    columns.endReason[row] = reason;
    columns.sessionSide[row] = (detail >> 20) & 1;
    columns.forwardingStatus[row] = (detail >> 21) & 1 ? DROPPED_BY_LIST : FORWARDED;
    columns.icmpTypeCode[row] = ports & 0xffff;
    batch.extraEnd[row] = 0;
    columns.exporter[row] = 0;
    if (protocol === ICMP || protocol === ICMP6) {
      columns.dstPort[row] = ports & 0xffff;
      setPresent(batch, COLUMN_INDEX.get('icmpTypeCode') ?? 0, row, row + 1);
    } else if (protocol === TCP) setPresent(batch, COLUMN_INDEX.get('tcpFlags') ?? 0, row, row + 1);
  }

  #writeAddress(high: Uint32Array, low: Uint32Array, row: number, number: number): void {
    const { hi, lo } = this.#addresses[number] ?? { hi: 0n, lo: 0n };
    high[row * 2] = Number(hi & 0xffff_ffffn);
    high[row * 2 + 1] = Number(hi >> 32n);
    low[row * 2] = Number(lo & 0xffff_ffffn);
    low[row * 2 + 1] = Number(lo >> 32n);
  }

  #byEnd(): Uint32Array {
    const { end } = this.#large;
    return Uint32Array.from({ length: this.#rows }, (_, row) => row).sort(
      (left, right) => (end[left] ?? 0) - (end[right] ?? 0) || left - right,
    );
  }

  #number(address: string): number {
    const known = this.#numberOf.get(address);
    if (known !== undefined) return known;
    const parsed = parseAddress(address);
    if (parsed === undefined) throw new Error(`no address: ${address}`);
    this.#numberOf.set(address, this.#addresses.length);
    return this.#addresses.push(parsed) - 1;
  }

  #nextPort(): number {
    this.#port = this.#port >= 60_999 ? 32_768 : this.#port + 1;
    return this.#port;
  }

  #nextRow(): number {
    if (this.#rows === this.#large.start.length) {
      this.#large = grown(this.#large, largeColumns(this.#rows * 2));
      this.#small = grown(this.#small, smallColumns(this.#rows * 2));
    }
    return this.#rows++;
  }
}

const COLUMN_INDEX = new Map<string, number>(FLOW_COLUMNS.map(({ name }, index) => [name, index]));
const ALWAYS = [
  ...['receivedAt', 'flowStart', 'flowEnd', 'exporter', 'srcAddrHi', 'srcAddrLo', 'dstAddrHi', 'dstAddrLo'],
  ...['srcPort', 'dstPort', 'protocol', 'octets', 'packets', 'endReason', 'forwardingStatus', 'sessionSide'],
];

function largeColumns(rows: number): Record<Column, Float64Array> {
  const column = () => new Float64Array(rows);
  return { start: column(), end: column(), octets: column(), packets: column() };
}

function smallColumns(rows: number): Record<SmallColumn, Uint32Array> {
  const column = () => new Uint32Array(rows);
  return { from: column(), to: column(), ports: column(), detail: column() };
}

function grown<C extends Record<string, Float64Array | Uint32Array>>(old: C, larger: C): C {
  for (const [name, column] of Object.entries(old)) larger[name]?.set(column);
  return larger;
}

/** The part'th of `parts` whole numbers that add up to `total`. */
function share(total: number, part: number, parts: number): number {
  return Math.floor((total * (part + 1)) / parts) - Math.floor((total * part) / parts);
}
