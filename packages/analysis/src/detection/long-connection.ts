/** Connections that stay open for hours: RITA's table of long connections, joined over the records of active timeouts. */
import { formatAddress } from '../address.ts';
import type { AlertFinding } from '../alert.ts';
import type { AnswerRow } from '../query-result.ts';
import { impactScore, LONG_CONNECTION_IMPACT } from './beacon-score.ts';
import {
  type Detection,
  type DetectionContext,
  findingOf,
  HOUR_MS,
  MINUTE_MS,
  setting,
} from './detection.ts';
import {
  addressOf,
  BY_CLIENT,
  DESTINATION,
  DROPPED,
  END_MS,
  inNetworks,
  isOutside,
  numberOf,
  OCTETS,
  octetsText,
  SOURCE,
  START_MS,
  serviceText,
} from './flow-sql.ts';

const STEP_MS = HOUR_MS;
/** A connection that was silent for longer is another one. */
const SILENCE_MAX_MS = 15 * MINUTE_MS;
/** Records of connections that go on last at least as long as the shortest active timeout. */
const RECORD_MIN_MS = 4000;
const SPAN_MIN_MS = 30 * MINUTE_MS;
const ROWS_MAX = 20_000;

export const longConnection: Detection = {
  id: 'longConnection',
  title: 'Long connection',
  what: 'A connection of a host of ours to the outside stays open for hours.',
  formula: 'duration ≥ secondsMin; severity by RITA: 1/4/8/12 hours are 0.2/0.4/0.6/0.8',
  source: 'RITA v5 default_config.hjson: long connections 3600/14400/28800/43200 s (ntopng tells from 12 h)',
  misses:
    'Connections that are silent for more than 15 minutes at a time, exporters whose records last less ' +
    'than 4 s, connections inside the network. VPNs, SSH sessions and mail programs are long for good ' +
    'reasons: suppress their servers.',
  stepMs: STEP_MS,
  chunkMs: HOUR_MS,
  enabledByDefault: true,
  isBySource: true,
  memoryRowsMax: 20_000,
  parameters: [
    {
      name: 'secondsMin',
      default: 28_800,
      min: 600,
      max: 864_000,
      unit: 's',
      meaning: 'Time from the first packet to the last',
      source: 'RITA: medium from 28800 s',
    },
  ],
  async run(ask, context) {
    const { counted, home, memory, range, parameters } = context;
    memory.begin(range.fromMs);
    const sql = `SELECT ${SOURCE}, ${DESTINATION}, "srcPort", "dstPort", "protocol", min(${START_MS}) AS firstMs, max(${END_MS}) AS lastMs, sum(${OCTETS}) AS octetSum
FROM flows WHERE ${counted} AND ${inNetworks('src', home)} AND ${isOutside('dst', home)} AND ${BY_CLIENT} AND "protocol" IN (6, 17)
  AND NOT ${DROPPED} AND ${END_MS} - ${START_MS} >= ${RECORD_MIN_MS}
GROUP BY ${SOURCE}, ${DESTINATION}, "srcPort", "dstPort", "protocol"
HAVING max(${END_MS}) - min(${START_MS}) >= ${SPAN_MIN_MS} OR max(${END_MS}) >= ${range.toMs - SILENCE_MAX_MS}
ORDER BY lastMs - firstMs DESC LIMIT ${ROWS_MAX}`;
    const secondsMin = setting(parameters, 'secondsMin');
    const found: AlertFinding[] = [];
    for (const row of await ask(sql, range)) {
      const connection = joined(context, row);
      const seconds = Math.floor((connection.lastMs - connection.firstMs) / 1000);
      if (seconds >= secondsMin) found.push(finding(row, connection, seconds, secondsMin));
    }
    return found;
  },
};

interface Connection {
  readonly firstMs: number;
  readonly lastMs: number;
  readonly octets: number;
}

const keyOf = (row: AnswerRow): string =>
  ['srcAddrHi', 'srcAddrLo', 'dstAddrHi', 'dstAddrLo', 'srcPort', 'dstPort', 'protocol']
    .map((name) => row[name])
    .join(' ');

/** With what is remembered of the same connection from the hours before. */
function joined({ memory }: DetectionContext, row: AnswerRow): Connection {
  const [knownFirstMs = 0, knownLastMs = 0, knownOctets = 0] = memory.get(keyOf(row)) ?? [];
  const goesOn = numberOf(row, 'firstMs') - knownLastMs <= SILENCE_MAX_MS;
  const connection = {
    firstMs: goesOn ? Math.min(knownFirstMs, numberOf(row, 'firstMs')) : numberOf(row, 'firstMs'),
    lastMs: Math.max(knownLastMs, numberOf(row, 'lastMs')),
    octets: (goesOn ? knownOctets : 0) + numberOf(row, 'octetSum'),
  };
  memory.set(keyOf(row), [connection.firstMs, connection.lastMs, connection.octets]);
  return connection;
}

function finding(row: AnswerRow, connection: Connection, seconds: number, secondsMin: number): AlertFinding {
  const source = formatAddress(addressOf(row, 'srcAddrHi', 'srcAddrLo'));
  const target = formatAddress(addressOf(row, 'dstAddrHi', 'dstAddrLo'));
  const service = serviceText(numberOf(row, 'dstPort'), numberOf(row, 'protocol'));
  const { firstMs, lastMs, octets } = connection;
  return findingOf(longConnection, {
    subject: { kind: 'pair', value: `${source} → ${target}` },
    score: impactScore(seconds, LONG_CONNECTION_IMPACT),
    firstMs,
    lastMs,
    range: { fromMs: firstMs, toMs: lastMs + 1 },
    filter:
      `src host ${source} and dst host ${target} and src port ${numberOf(row, 'srcPort')} and dst port ` +
      `${numberOf(row, 'dstPort')}`,
    numbers: [
      {
        name: 'seconds',
        value: seconds,
        unit: 's',
        threshold: secondsMin,
        meaning: 'from the first packet to the last',
      },
      { name: 'octets', value: Math.round(octets), unit: 'octets', meaning: 'sent by our host in that time' },
    ],
    explanation:
      `${source} keeps a connection to ${service} of ${target} open for ${(seconds / 3600).toFixed(1)} ` +
      `hours and sent ${octetsText(octets)} over it. Remote control, tunnels and malware keep connections ` +
      'open; so do VPNs and chats. Find out which program it is.',
  });
}
