/** What was never there before: a service of ours, a host of ours, two of ours that never spoke. */
import { formatAddress } from '../address.ts';
import type { AnswerRow } from '../query-result.ts';
import {
  DAY_MS,
  type Detection,
  type DetectionContext,
  type DetectionParameter,
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
  destinationOf,
  END_MS,
  inNetworks,
  numberOf,
  SOURCE,
  START_MS,
  serviceText,
  sourceOf,
} from './flow-sql.ts';

const STEP_MS = 10 * MINUTE_MS;
const ROWS_MAX = 50_000;
/** So long a key with few flows is counted on, until there are enough to tell it. */
const STRAY_HOURS = 1;

const LEARN_DAYS: DetectionParameter = {
  name: 'learnDays',
  default: 7,
  min: 0,
  max: 90,
  unit: 'days',
  meaning: 'Time in which everything that is seen is taken as usual',
  source: 'RITA: first seen within 7 days is news; ntopng learns its service map likewise',
};

interface Kind {
  readonly id: string;
  readonly title: string;
  readonly what: string;
  readonly misses: string;
  readonly enabledByDefault: boolean;
  readonly score: number;
  /** Columns that make the key, and which records count. */
  readonly keys: string;
  readonly condition: (context: DetectionContext) => string;
  readonly describe: (
    row: AnswerRow,
  ) => Pick<Parameters<typeof findingOf>[1], 'subject' | 'filter' | 'explanation' | 'title'>;
}

/**
 * Of what is remembered as [hour, flows] there were too few flows to be told, and two hours later they are forgotten; [hour]
 * alone is known, of which there are never few.
 */
function strayFlows(known: readonly number[] | undefined, hour: number): number {
  if (known === undefined) return 0;
  const [lastHour = 0, flows] = known;
  if (flows === undefined) return Number.POSITIVE_INFINITY;
  return hour - lastHour > STRAY_HOURS ? 0 : flows;
}

function firstSeen(kind: Kind): Detection {
  const { id, title, what, misses, enabledByDefault } = kind;
  const detection: Detection = {
    id,
    title,
    what,
    formula:
      'the key was never seen since learning began, and learning has lasted for learnDays; flows ≥ flowsMin, ' +
      'each in the hour of the one before or in the next',
    source:
      'Arkime baseline diff (new against an earlier period), ntopng service map, Stealthwatch Host ' +
      'Locking (two-way only)',
    misses,
    stepMs: STEP_MS,
    chunkMs: 6 * HOUR_MS,
    enabledByDefault,
    isBySource: false,
    memoryRowsMax: 100_000,
    parameters: [
      LEARN_DAYS,
      {
        name: 'flowsMin',
        default: 2,
        min: 1,
        max: 1e6,
        unit: 'flows',
        meaning:
          'Flows from which it is told, so that a stray packet is no service; while learning, one is enough',
        source: 'ours',
      },
    ],
    run: async (ask, context) => {
      const { range, memory, parameters, counted } = context;
      memory.begin(range.fromMs);
      const learnsUntilMs = memory.sinceMs + setting(parameters, 'learnDays') * DAY_MS;
      const sql = `SELECT ${kind.keys}, count(*) AS flows, min(${START_MS}) AS firstMs, max(${END_MS}) AS lastMs
FROM flows WHERE ${counted} AND ${kind.condition(context)} GROUP BY ${kind.keys} ORDER BY flows DESC LIMIT ${ROWS_MAX}`;
      const isLearning = range.fromMs < learnsUntilMs;
      const flowsMin = setting(parameters, 'flowsMin');
      const hour = Math.floor(range.toMs / HOUR_MS);
      const fresh: AnswerRow[] = [];
      for (const row of await ask(sql, range)) {
        const key = Object.values(row).slice(0, -3).join(' ');
        const flows = strayFlows(memory.get(key), hour) + numberOf(row, 'flows');
        const isStray = !isLearning && flows < flowsMin;
        memory.set(key, isStray ? [hour, flows] : [hour]);
        if (!isLearning && !isStray && Number.isFinite(flows)) fresh.push({ ...row, flows });
      }
      return fresh.map((row) =>
        findingOf(detection, {
          ...kind.describe(row),
          score: kind.score,
          range,
          firstMs: numberOf(row, 'firstMs'),
          lastMs: numberOf(row, 'lastMs'),
          numbers: [
            {
              name: 'flows',
              value: numberOf(row, 'flows'),
              unit: 'flows',
              threshold: flowsMin,
              meaning: 'since it was first seen',
            },
            {
              name: 'learnedDays',
              value: Math.round(((range.fromMs - memory.sinceMs) / DAY_MS) * 10) / 10,
              unit: 'days',
              threshold: setting(parameters, 'learnDays'),
              meaning: 'since learning began',
            },
            { name: 'known', value: memory.size, meaning: 'that are remembered' },
          ],
        }),
      );
    },
  };
  return detection;
}

/** Who was asked and answers: by the collector's mark, else by the port. */
const BY_SERVER = `coalesce("sessionSide" = 1, "srcPort" < "dstPort") AND "srcPort" < 49152 AND NOT ${DROPPED}
  AND ("protocol" = 17 OR ("protocol" = 6 AND ("tcpFlags" & 16) = 16 AND ("tcpFlags" & 4) = 0))`;

export const newService = firstSeen({
  id: 'newService',
  title: 'New service',
  what: 'A host of ours answers on a port on which it never answered before.',
  misses:
    'Services on ports from 49152, services that were there while it learned, replies that no exporter saw.',
  enabledByDefault: true,
  score: 0.35,
  keys: `${SOURCE}, "srcPort", "protocol"`,
  condition: ({ home }) => `${inNetworks('src', home)} AND ${BY_SERVER}`,
  describe: (row) => {
    const [host, service] = [sourceOf(row), serviceText(numberOf(row, 'srcPort'), numberOf(row, 'protocol'))];
    return {
      subject: { kind: 'service', value: `${host} ${service}` },
      filter: `src host ${host} and src port ${numberOf(row, 'srcPort')}`,
      explanation:
        `${host} answers on ${service} since now. A new program was started there, on purpose or not. If ` +
        'it is meant to be, close this; it will not be told again.',
    };
  },
});

export const newHost = firstSeen({
  id: 'newHost',
  title: 'New host',
  what: 'An address of ours talks that never talked before.',
  misses:
    'Addresses that only receive. Networks that give out addresses by the day have many: suppress those ' +
    'networks.',
  enabledByDefault: true,
  score: 0.25,
  keys: SOURCE,
  condition: ({ home }) => `${inNetworks('src', home)} AND NOT ${DROPPED}`,
  describe: (row) => {
    const host = sourceOf(row);
    return {
      subject: { kind: 'host', value: host },
      filter: `host ${host}`,
      explanation: `${host} was never seen before. Somebody connected a device, or an address was given out anew.`,
    };
  },
});

export const newPeer = firstSeen({
  id: 'newPeer',
  title: 'New peer inside',
  what: 'Two hosts of ours speak that never spoke before.',
  misses:
    'Conversations with the outside. Busy networks have many: switch it on where hosts have fixed tasks.',
  enabledByDefault: false,
  score: 0.3,
  keys: `${SOURCE}, ${DESTINATION}, "dstPort", "protocol"`,
  condition: ({ home }) =>
    `${inNetworks('src', home)} AND ${inNetworks('dst', home)} AND ${BY_CLIENT} AND NOT ${DROPPED} AND ` +
    '"protocol" IN (6, 17) AND "dstPort" < 49152',
  describe: (row) => {
    const [source, target] = [formatAddress(addressOf(row, 'srcAddrHi', 'srcAddrLo')), destinationOf(row)];
    const service = serviceText(numberOf(row, 'dstPort'), numberOf(row, 'protocol'));
    return {
      subject: { kind: 'pair', value: `${source} → ${target}` },
      filter: `src host ${source} and dst host ${target} and dst port ${numberOf(row, 'dstPort')}`,
      explanation:
        `${source} uses ${service} of ${target}, which it never did before. Somebody who moves on inside ` +
        'a network looks like that, and so does a colleague with a new task.',
    };
  },
});
