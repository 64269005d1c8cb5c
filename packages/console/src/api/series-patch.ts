import type { SeriesLine, SeriesPatch, SeriesResponse } from './contract.ts';

/** Brings `previous` up to date. What the patch does not replace is kept as long as it is in the window. */
export function applySeriesPatch(previous: SeriesResponse | undefined, patch: SeriesPatch): SeriesResponse {
  const { fromTime, ...fresh } = patch;
  if (previous === undefined || fromTime <= patch.from || previous.stepMs !== patch.stepMs) return fresh;
  const kept: number[] = [];
  for (const [index, time] of previous.times.entries()) {
    if (time >= patch.from && time < fromTime) kept.push(index);
  }
  const older = new Map(previous.series.map((line) => [lineId(line), line]));
  return {
    ...fresh,
    times: [...kept.map((index) => previous.times[index] ?? 0), ...patch.times],
    series: patch.series.map((line) => joinLine(older.get(lineId(line)), line, kept)),
  };
}

/** Names a line: the JSON of its key, or `other`. */
export const lineId = (line: SeriesLine): string => (line.key === null ? 'other' : JSON.stringify(line.key));

function joinLine(older: SeriesLine | undefined, newer: SeriesLine, kept: readonly number[]): SeriesLine {
  const join = (name: 'octets' | 'packets' | 'flows'): number[] => [
    ...kept.map((index) => older?.[name][index] ?? 0),
    ...newer[name],
  ];
  return { key: newer.key, octets: join('octets'), packets: join('packets'), flows: join('flows') };
}
