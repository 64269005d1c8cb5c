/** What the main thread and a listener's worker say to each other. Everything here is structured-cloneable. */
import type { MessagePort } from 'node:worker_threads';
import type { MetricsSnapshot } from '@weir/base';
import type { DeliveryStatement } from './delivery-statements.ts';
import type { ExporterOptions } from './exporter-options.ts';
import type { ExporterReport } from './exporter-report.ts';
import type { ExporterSettings } from './exporter-settings.ts';
import type { FlowSource } from './flow-source.ts';
import type { ListenerStatus } from './listener-status.ts';
import type { ReceiverKind } from './polled-receiver.ts';
import type { StageTables } from './stages/batch-stages.ts';
import type { StageSetup } from './stages/stage-setup.ts';
import type { TemplateRecords } from './template-file.ts';

/** `workerData` of a listener's worker. */
export interface ListenerSetup {
  readonly source: FlowSource;
  /** Into the store: FlowBatches leave through it. */
  readonly storePort: MessagePort;
  /** What the operator says of single exporters. */
  readonly exporters: readonly ExporterSettings[];
  /** What is done to records before they are stored. */
  readonly stages: StageSetup;
  /** What was known when the last listener of this source stopped. */
  readonly templates: TemplateRecords | undefined;
  /** Where the ledger of files that were taken is kept; undefined where nothing is kept. */
  readonly dataDirectory: string | undefined;
  /** Answers each message when the store holds on disk what it was sent. Only for a source file path. */
  readonly flushPort: MessagePort | undefined;
  /** How to receive; undefined for the fastest way that the platform has. */
  readonly receiver: ReceiverKind | undefined;
}

export type ListenerQuestion =
  | 'status'
  | 'metrics'
  | 'options'
  | 'exporters'
  | 'deliveries'
  | 'templates'
  | 'stop';

export interface ListenerAnswers {
  status: ListenerStatus;
  metrics: MetricsSnapshot;
  options: ExporterOptions[];
  exporters: ExporterReport[];
  /** Those since the last answer. */
  deliveries: DeliveryStatement[];
  templates: TemplateRecords;
  /** The last word: everything that was received is in the store. */
  stop: { status: ListenerStatus; templates: TemplateRecords; deliveries: DeliveryStatement[] };
}

/** What may change while a listener goes on: of `source`, only what `isAdaptable` allows. */
export interface ListenerSettings {
  readonly source: FlowSource;
  readonly exporters: readonly ExporterSettings[];
  readonly stages: StageSetup;
}

/** What the main thread says without a question: the stages have other tables to look up in, or settings changed. */
export type ListenerNotice = { readonly tables: StageTables } | { readonly settings: ListenerSettings };

export interface ListenerRequest {
  readonly id: number;
  readonly question: ListenerQuestion;
}

export type ListenerEvent =
  | { readonly kind: 'listening'; readonly status: ListenerStatus }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string; readonly exitCode: number }
  | { readonly kind: 'answer'; readonly id: number; readonly value: ListenerAnswers[ListenerQuestion] }
  | {
      readonly kind: 'log';
      readonly level: 'info' | 'warn' | 'error';
      readonly facts: object;
      readonly message: string;
    };
