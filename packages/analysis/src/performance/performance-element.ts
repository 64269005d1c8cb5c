/**
 * How a TCP connection performed, as exporters say it: elements of ours, of nProbe, Flowmon, Cisco AVC, YAF, NetScaler and
 * VMware, each as SQL over its column of `flows`. What a store has no column for is left out.
 */
import { identifier } from '../duckdb-expression.ts';

/** SQL of one measure of a record; undefined where no record of the store has it. Times are in milliseconds. */
export interface PerformanceSql {
  /** From the observation point to the client and back. */
  readonly clientMs: string | undefined;
  /** From the observation point to the server and back. */
  readonly serverMs: string | undefined;
  /** The whole handshake: both parts, or what an exporter gives as one. */
  readonly roundTripMs: string | undefined;
  /** Packets of the record's direction, or of both where the record is of both. */
  readonly retransmitted: string | undefined;
  readonly outOfOrder: string | undefined;
  readonly zeroWindows: string | undefined;
  /** Columns that were found. */
  readonly elements: readonly string[];
}

/** An expression over `columns`, in their order as `$1`, `$2` … */
interface ElementUse {
  readonly columns: readonly string[];
  readonly sql: string;
}

const one = (column: string, sql = '$1'): ElementUse => ({ columns: [column], sql });

/** Cisco's ART elements are sums over the connections that began in the interval; their average is what one took. */
const perConnection = (column: string): ElementUse => ({
  columns: [column, 'newConnectionDeltaCount'],
  sql: '$1 / nullif($2, 0)',
});

const CLIENT: readonly ElementUse[] = [
  one('tcpClientRoundTripMicroseconds', '$1 / 1000'),
  one('client_nw_latency_ms'),
  perConnection('sumClientNwkTime'),
];
const SERVER: readonly ElementUse[] = [
  one('tcpServerRoundTripMicroseconds', '$1 / 1000'),
  one('server_nw_latency_ms'),
  perConnection('sumServerNwkTime'),
];
const WHOLE: readonly ElementUse[] = [
  one('npnRoundTripTime', '$1 / 1000'),
  perConnection('sumNwkTime'),
  one('roundTripTime'),
  one('reverseFlowDeltaMilliseconds'),
];
const RETRANSMITTED: readonly ElementUse[] = [
  one('tcpRetransmittedPackets'),
  { columns: ['retransmitted_in_pkts', 'retransmitted_out_pkts'], sql: '$1 + $2' },
  { columns: ['clientRetransPackets', 'serverRetransPackets'], sql: '$1 + $2' },
  one('npmTcpRetransmission'),
  one('retransmissionCount'),
];
const OUT_OF_ORDER: readonly ElementUse[] = [
  one('tcpOutOfOrderPackets'),
  { columns: ['ooorder_in_pkts', 'ooorder_out_pkts'], sql: '$1 + $2' },
  one('npmTcpOutOfOrder'),
];
const ZERO_WINDOWS: readonly ElementUse[] = [one('tcpZeroWindowPackets')];

/** The measures that a relation with these columns has. */
export function performanceSql(columns: readonly string[]): PerformanceSql {
  const present = new Set(columns);
  const found = new Set<string>();
  const firstOf = (uses: readonly ElementUse[]): string | undefined => {
    const usable = uses.filter((use) => use.columns.every((column) => present.has(column)));
    for (const column of usable.flatMap((use) => use.columns)) found.add(column);
    return coalesced(usable.map(rendered));
  };
  const [clientMs, serverMs, whole] = [firstOf(CLIENT), firstOf(SERVER), firstOf(WHOLE)];
  const both = clientMs === undefined || serverMs === undefined ? [] : [`(${clientMs}) + (${serverMs})`];
  return {
    clientMs,
    serverMs,
    roundTripMs: coalesced([...both, ...(whole === undefined ? [] : [whole])]),
    retransmitted: firstOf(RETRANSMITTED),
    outOfOrder: firstOf(OUT_OF_ORDER),
    zeroWindows: firstOf(ZERO_WINDOWS),
    elements: [...found],
  };
}

const coalesced = (parts: readonly string[]): string | undefined =>
  parts.length === 0 ? undefined : `coalesce(${parts.join(', ')})`;

function rendered({ columns, sql }: ElementUse): string {
  return sql.replace(
    /\$(\d)/g,
    (_, at: string) => `flows.${identifier(columns[Number(at) - 1] ?? '')}::DOUBLE`,
  );
}
