/** A change in sentences: how large it is, and what makes it. */
import { type ExplainedDimension, explainChange, explanatoryPower } from './contribution.ts';
import { NOBODY, type TrafficChange } from './traffic-change.ts';

export interface ChangeStory {
  /** The first says the size of the change, the others what explains it. */
  readonly sentences: readonly string[];
  /** The dimensions that explain it, the most surprising first. */
  readonly causes: readonly ExplainedDimension<TrafficChange>[];
}

/** Below, a period is as the one before, and nothing needs an explanation. */
const CHANGE_SHARE_MIN = 0.01;
/** Values named in a sentence. */
const NAMED_MAX = 3;

const DIMENSION_WORDS: Readonly<Record<string, string>> = {
  client: 'hosts that ask',
  server: 'hosts that are asked',
  service: 'services',
  clientPeer: 'peers that ask',
  serverPeer: 'peers that are asked',
  clientUser: 'users',
  clientNetwork: 'networks that ask',
  serverNetwork: 'networks that are asked',
  serverCountry: 'countries',
  application: 'applications',
  exporter: 'exporters',
};

/** Pairs tell most to people; they compete with one another only. */
const PAIRS = ['peerAndService', 'clientAndService'];

/** Tells a change from `changesOf`; `servers` are those of the pair that `mainPair` names, if they were asked for. */
export function storyOf(
  changes: ReadonlyMap<string, readonly TrafficChange[]>,
  servers: readonly TrafficChange[] = [],
): ChangeStory {
  const total = changes.get('total')?.[0];
  if (total === undefined || (total.actual === 0 && total.before === 0))
    return { sentences: ['There is no traffic in either period.'], causes: [] };
  const single = [...changes]
    .filter(([name]) => name !== 'total' && !PAIRS.includes(name))
    // What is not known explains nothing.
    .map(([name, list]) => [name, list.filter(({ label }) => label !== NOBODY)] as const);
  const share = total.expected === 0 ? Number.POSITIVE_INFINITY : total.actual / total.expected - 1;
  if (Math.abs(share) < CHANGE_SHARE_MIN)
    return {
      sentences: [`As much as before: ${percent(share)} of octets.`, ...balanceOf(changes)],
      causes: [],
    };
  const causes = explainChange(total, Object.fromEntries(single));
  return {
    sentences: [sizeOf(total, share), ...pairSentence(changes, servers), ...causes.map(causeSentence)],
    causes,
  };
}

/** The client or peer with the service that makes most of the change, when it is a cause at all. */
export function mainPair(changes: ReadonlyMap<string, readonly TrafficChange[]>): TrafficChange | undefined {
  const total = changes.get('total')?.[0];
  if (total === undefined) return undefined;
  for (const name of PAIRS) {
    const pair = changes.get(name)?.find(({ key }) => key['client'] !== null && key['clientPeer'] !== null);
    if (pair !== undefined && explanatoryPower(pair, total) >= PAIR_POWER_MIN) return pair;
  }
  return undefined;
}

/** A single pair that makes less than this is not what happened. */
const PAIR_POWER_MIN = 0.3;

function sizeOf(total: TrafficChange, share: number): string {
  if (total.before === 0) return `${octetsText(total.actual)}, where the period before has nothing.`;
  const comparable =
    Math.abs(total.expected - total.before) > 0.005 * total.before
      ? ` (${octetsText(total.before)}, made comparable)`
      : '';
  return `${percent(share)} of octets: ${octetsText(total.actual)} instead of ${octetsText(total.expected)}${comparable}.`;
}

function pairSentence(
  changes: ReadonlyMap<string, readonly TrafficChange[]>,
  servers: readonly TrafficChange[],
): string[] {
  const [pair, total] = [mainPair(changes), changes.get('total')?.[0]];
  if (pair === undefined || total === undefined) return [];
  const growth = total.actual > total.expected ? 'growth' : 'fall';
  const [server] = servers;
  const whom =
    server !== undefined && explanatoryPower(server, total) >= PAIR_POWER_MIN
      ? `, with ${server.key['serverPeer'] ?? server.label}`
      : '';
  return [`${partOf(explanatoryPower(pair, total), growth)} is ${pair.label}${whom}${existence(pair)}.`];
}

/** More than all: the rest went the other way. */
const partOf = (share: number, growth: string): string =>
  share > 1.005
    ? `More than all of the ${growth} (${percentOf(share)})`
    : `${percentOf(share)} of the ${growth}`;

function existence({ kind }: TrafficChange): string {
  if (kind === 'new') return ', which did not exist before';
  return kind === 'gone' ? ', which is no more' : '';
}

function causeSentence({
  dimension,
  values,
  explanatoryPower: power,
}: ExplainedDimension<TrafficChange>): string {
  const named = values.slice(0, NAMED_MAX).map(({ value }) => `${value.label} (${movement(value)})`);
  const more = values.length > NAMED_MAX ? ` and ${values.length - NAMED_MAX} more` : '';
  return `By ${DIMENSION_WORDS[dimension] ?? dimension}: ${named.join(', ')}${more} ${values.length === 1 ? 'makes' : 'make'} ${percentOf(power)} of it.`;
}

function movement({ kind, actual, expected }: TrafficChange): string {
  if (kind === 'new') return `new, ${octetsText(actual)}`;
  if (kind === 'gone') return `gone, ${octetsText(expected)} before`;
  return `${octetsText(expected)} → ${octetsText(actual)}`;
}

/** The total stands still, yet its parts may have moved against one another. */
function balanceOf(changes: ReadonlyMap<string, readonly TrafficChange[]>): string[] {
  const pairs = changes.get('clientAndService') ?? [];
  const [grown, shrunk] = [
    pairs.find(({ actual, expected }) => actual > expected),
    pairs.find(({ actual, expected }) => actual < expected),
  ];
  return [grown, shrunk]
    .filter((each) => each !== undefined)
    .map(
      (each) =>
        `Most ${each.actual > each.expected ? 'grown' : 'shrunk'}: ${each.label} (${movement(each)}).`,
    );
}

const percent = (share: number): string =>
  `${share < 0 ? '−' : '+'}${(Math.abs(share) * 100).toFixed(Math.abs(share) < 0.1 ? 1 : 0)} %`;
const percentOf = (share: number): string => `${Math.round(share * 100)} %`;

const PREFIXES = ['', 'k', 'M', 'G', 'T', 'P'] as const;

/** `12.3 GB`. */
export function octetsText(octets: number): string {
  let [scaled, step] = [octets, 0];
  while (scaled >= 999.5 && step < PREFIXES.length - 1) {
    scaled /= 1000;
    step += 1;
  }
  const digits = step === 0 || scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2;
  return `${scaled.toFixed(digits)} ${PREFIXES[step]}B`;
}
