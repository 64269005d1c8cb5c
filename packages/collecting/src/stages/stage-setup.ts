/** What a listener's thread is told of the stages, and the stages that come of it. Structured-cloneable. */
import type { Enrichment } from '../enrichment/enrichment.ts';
import type { FlowSource } from '../flow-source.ts';
import { sessionParameters } from '../session-parameters.ts';
import { type BatchStages, createBatchStages, type StageTables } from './batch-stages.ts';
import type { NamesOfExporters } from './knowledge-stage.ts';
import { createReverseLookUps } from './reverse-look-ups.ts';
import type { SessionSettings } from './session-stage.ts';

export interface StageSetup {
  readonly sessions: SessionSettings;
  readonly hostNames: boolean;
  readonly reverseDns: boolean;
  readonly tables: StageTables;
}

/** Stages with what they hold open. */
export interface OpenStages extends BatchStages {
  stop(): void;
}

export function stageSetupOf(
  { sessions, asymmetricFlows }: Pick<FlowSource, 'sessions' | 'asymmetricFlows'>,
  enrichment: Enrichment | undefined,
): StageSetup {
  return {
    sessions: { ...sessionParameters(sessions), acrossExporters: asymmetricFlows },
    hostNames: enrichment?.settings.hostNames ?? false,
    reverseDns: enrichment?.settings.reverseDns ?? false,
    tables: enrichment?.tables() ?? {},
  };
}

export function openStages(
  { sessions, hostNames, reverseDns, tables }: StageSetup,
  names: NamesOfExporters,
): OpenStages {
  const nameServer = reverseDns ? createReverseLookUps() : undefined;
  const stages = createBatchStages({
    sessions,
    names,
    tables,
    hostNames,
    ...(nameServer === undefined ? {} : { nameServer }),
  });
  return { ...stages, stop: () => nameServer?.stop() };
}
