/** What is remembered of an exporter over a restart, so that one that never comes back is missed. */
import { z } from 'zod';
import { GAP_CLASSES } from './exporter-health.ts';
import { EXPORTERS_IN_STATUS_MAX } from './listener-status.ts';

const count = z.number().min(0);

const memorySchema = z.object({
  address: z.string(),
  observationDomainId: count,
  version: count,
  firstSeenMs: count,
  lastSeenMs: count,
  established: z.boolean(),
  /** Time in which the collector looked and nothing came. */
  silentMs: count,
  /** Pauses between its messages, counted by class. */
  gaps: z.array(count).length(GAP_CLASSES).readonly(),
});

export type ExporterMemory = Readonly<z.output<typeof memorySchema>>;

/** What `memory` may be, of whatever a file said: what is no memory of an exporter is left out. */
export function readMemories(found: unknown): ExporterMemory[] {
  if (!Array.isArray(found)) return [];
  return found.slice(0, EXPORTERS_IN_STATUS_MAX).flatMap((one: unknown) => {
    const memory = memorySchema.safeParse(one);
    return memory.success ? [memory.data] : [];
  });
}
