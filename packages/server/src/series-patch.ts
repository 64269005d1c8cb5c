import type { SeriesAnswer, SeriesLine } from './answers.ts';

/** A SeriesAnswer whose steps before `fromTime` are left out: the receiver has them already. */
export interface SeriesPatch extends SeriesAnswer {
  readonly fromTime: number;
}

/** The whole answer as a patch, for a receiver that has nothing. */
export const wholeSeries = (answer: SeriesAnswer): SeriesPatch => ({ ...answer, fromTime: answer.from });

/**
 * What a receiver of `previous` needs to have `next`; undefined when that is nothing. All of it when the
 * lines or the step are others than before.
 */
export function seriesPatch(previous: SeriesAnswer, next: SeriesAnswer): SeriesPatch | undefined {
  if (previous.stepMs !== next.stepMs || !sameLines(previous, next)) return wholeSeries(next);
  const first = firstDifference(previous, next);
  if (first === next.times.length && previous.to === next.to) return undefined;
  const from = next.times[first] ?? next.to;
  return {
    ...next,
    fromTime: first === 0 ? next.from : from,
    times: next.times.slice(first),
    series: next.series.map((line) => ({
      key: line.key,
      octets: line.octets.slice(first),
      packets: line.packets.slice(first),
      flows: line.flows.slice(first),
    })),
  };
}

const lineId = (line: SeriesLine): string => JSON.stringify(line.key);

function sameLines(previous: SeriesAnswer, next: SeriesAnswer): boolean {
  const before = new Set(previous.series.map(lineId));
  return before.size === next.series.length && next.series.every((line) => before.has(lineId(line)));
}

/** Index into `next.times` of the first step whose sums differ or that `previous` did not have. */
function firstDifference(previous: SeriesAnswer, next: SeriesAnswer): number {
  const indexBefore = new Map(previous.times.map((time, index) => [time, index]));
  const linesBefore = new Map(previous.series.map((line) => [lineId(line), line]));
  for (const [index, time] of next.times.entries()) {
    const before = indexBefore.get(time);
    if (before === undefined) return index;
    for (const line of next.series) {
      if (!sameStep(linesBefore.get(lineId(line)), before, line, index)) return index;
    }
  }
  return next.times.length;
}

function sameStep(
  before: SeriesLine | undefined,
  beforeIndex: number,
  line: SeriesLine,
  index: number,
): boolean {
  return (
    before !== undefined &&
    before.octets[beforeIndex] === line.octets[index] &&
    before.packets[beforeIndex] === line.packets[index] &&
    before.flows[beforeIndex] === line.flows[index]
  );
}
