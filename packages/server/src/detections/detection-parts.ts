/**
 * Detections that look at an hour at a time, source by source, ask for some sources after the others when the hour is busy: an
 * hour of 100,000 records a second is 360 million, which no question may take the time for at once.
 */
import type { AlertFinding, Detection, DetectionContext } from '@weir/analysis';
import type { AnalysisQueue } from '../analyses/analysis-queue.ts';

/** Some 27 CPU seconds of the costliest detection; a question is stopped after 60. */
const RECORDS_AT_ONCE_MAX = 30_000_000;

/** Runs a detection once, in as many parts as its records need; rejects with what the queue rejects with. */
export async function runDetection(
  queue: AnalysisQueue,
  name: string,
  detection: Detection,
  context: DetectionContext,
  signal: AbortSignal,
): Promise<AlertFinding[]> {
  const found: AlertFinding[] = [];
  for (const part of await partsOf(queue, name, detection, context, signal)) {
    const counted = part === '' ? context.counted : `${context.counted} AND ${part}`;
    const findings = await queue.run(
      name,
      (store) =>
        detection.run(async (sql, range) => (await store.sql(sql, { range })).rows, { ...context, counted }),
      signal,
    );
    found.push(...findings);
  }
  return found;
}

/** Conditions that every source meets one of. */
async function partsOf(
  queue: AnalysisQueue,
  name: string,
  { isBySource }: Detection,
  { range }: DetectionContext,
  signal: AbortSignal,
): Promise<string[]> {
  if (!isBySource) return [''];
  const { rows } = await queue.run(
    name,
    (store) => store.sql('SELECT count(*) AS records FROM flows', { range }),
    signal,
  );
  const count = Math.ceil(Number(rows[0]?.['records'] ?? 0) / RECORDS_AT_ONCE_MAX);
  if (count <= 1) return [''];
  return Array.from({ length: count }, (_, part) => `hash("srcAddrHi", "srcAddrLo") % ${count} = ${part}`);
}
