import type { BatchStagesCounters, Collector, Enrichment, StagedWriter } from '@weir/collecting';
import type { EnrichmentObserver } from '@weir/server';

/** Name of what this process meters itself among the sources. */
const LOCAL_SOURCE = 'local';

/** What the server tells of enrichment: of the tables, and of what each source's stages did. */
export function observeEnrichment(
  enrichment: Enrichment,
  collector: Pick<Collector, 'status'>,
  writer: Pick<StagedWriter, 'counters'> | undefined,
): EnrichmentObserver {
  async function stages() {
    const [{ sources }, local] = await Promise.all([collector.status(), writer?.counters()]);
    const told: { source: string; counters: BatchStagesCounters }[] = sources.flatMap(
      ({ source, listener }) =>
        listener === undefined ? [] : [{ source: source.name, counters: listener.stages }],
    );
    return local === undefined ? told : [{ source: LOCAL_SOURCE, counters: local }, ...told];
  }

  return { status: () => enrichment.status(), asName: (number) => enrichment.asName(number), stages };
}
