/** What a question counts for each group, by the names under which plans ask for it and answers show it. */
import { type DimensionRef, formatDimension, isEitherSide, parseDimension } from './dimension.ts';
import { didYouMean } from './near-miss.ts';

/** The sums that every row has. */
export const MEASURES = ['octets', 'packets', 'flows'] as const;
export type BaseMeasure = (typeof MEASURES)[number];

/** How a series of rates becomes one number; percentiles as billing has them. */
export type RateStatistic = 'average' | 'max' | 'p95';

export type Measure =
  | { readonly name: BaseMeasure; readonly kind: 'sum'; readonly of: BaseMeasure }
  /** Of the source's and the destination's side; for dimensions of either side. */
  | { readonly name: string; readonly kind: 'sent' | 'received'; readonly of: 'octets' | 'packets' }
  /** Bits, packets, flows per second. */
  | {
      readonly name: string;
      readonly kind: 'rate';
      readonly of: BaseMeasure;
      readonly statistic: RateStatistic;
    }
  /** How many different values a dimension has. */
  | { readonly name: string; readonly kind: 'count'; readonly of: DimensionRef };

const RATES: readonly (readonly [prefix: string, of: BaseMeasure, description: string])[] = [
  ['bps', 'octets', 'bits per second'],
  ['pps', 'packets', 'packets per second'],
  ['fps', 'flows', 'flows per second'],
];
const STATISTICS: readonly (readonly [suffix: string, statistic: RateStatistic, description: string])[] = [
  ['', 'average', 'over the whole time range'],
  ['Max', 'max', 'in the busiest step'],
  ['95', 'p95', 'in the step that 5 % of all steps exceed'],
];

interface NamedMeasure {
  readonly measure: Measure;
  readonly description: string;
}

/** All measures but the counts of distinct values, in the order in which documents list them. */
export const NAMED_MEASURES: readonly NamedMeasure[] = [
  ...MEASURES.map(
    (name): NamedMeasure => ({
      measure: { name, kind: 'sum', of: name },
      description: `Sum of ${name}; in every answer`,
    }),
  ),
  ...RATES.flatMap(([prefix, of, unit]) =>
    STATISTICS.map(
      ([suffix, statistic, when]): NamedMeasure => ({
        measure: { name: `${prefix}${suffix}`, kind: 'rate', of, statistic },
        description: `${unit[0]!.toUpperCase()}${unit.slice(1)} ${when}`,
      }),
    ),
  ),
  ...(['octets', 'packets'] as const).flatMap((of) =>
    (['sent', 'received'] as const).map(
      (kind): NamedMeasure => ({
        measure: { name: `${of}${kind === 'sent' ? 'Sent' : 'Received'}`, kind, of },
        description: `Sum of ${of} that the group ${kind}; only with a dimension of either side, such as host`,
      }),
    ),
  ),
];

const ALIASES: Readonly<Record<string, string>> = { bytes: 'octets', bits: 'bps' };
const byName = new Map(NAMED_MEASURES.map(({ measure }) => [measure.name.toLowerCase(), measure]));

/** Reads `octets`, `bps95`, `count(srcAddr/24)`, in any case; undefined when it is no measure. */
export function parseMeasure(text: string): Measure | undefined {
  const name = text.trim().toLowerCase();
  const known = byName.get(Object.hasOwn(ALIASES, name) ? ALIASES[name]! : name);
  if (known !== undefined) return known;
  const counted = /^(?:count|distinct)\((.+)\)$/i.exec(text.trim())?.[1];
  const dimension = counted === undefined ? undefined : parseDimension(counted);
  if (dimension === undefined || isEitherSide(dimension)) return undefined;
  return { name: `count(${formatDimension(dimension)})`, kind: 'count', of: dimension };
}

/** For messages about a name that is no measure. */
export function measureHint(text: string): string {
  return didYouMean(text, [...byName.keys(), ...Object.keys(ALIASES)]);
}
