/**
 * The records as some collectors get them: all of them, or a sample, with addresses as they are or
 * anonymised, with system uptimes or without. Collectors that get the same share a stream, so that its messages are packed once.
 */
import type { FlowBatch, Template } from '@weir/ipfix';
import { type Anonymiser, createAnonymiser } from './anonymiser.ts';
import { createTemplateRegistry, FLOW_KINDS } from './export-template.ts';
import { createFlowSampler, type FlowSampler } from './flow-sampler.ts';
import { createMessagePacker, type MessagePacker, type PackedMessage } from './message-packer.ts';
import type { Collector } from './profile-collector.ts';
import type { Direction } from './profile-properties.ts';
import { createRowClassifier, type RowClassifier } from './row-classifier.ts';
import { samplingTemplate } from './treatment-record.ts';

export interface ExportStream {
  readonly collectors: readonly Collector[];
  readonly classifier: RowClassifier;
  readonly packer: MessagePacker;
  readonly sampler: FlowSampler | undefined;
  /** Announced before anything else. */
  readonly standardTemplates: readonly Template[];
  /** Packs the rows of the batch that are this stream's. */
  take(batch: FlowBatch, nowMs: number): void;
}

export interface StreamOptions {
  readonly direction: Direction;
  readonly observationDomainId: number;
  readonly messageOctetsMax: number;
  readonly systemInitTimeMs: number;
  /** Options Templates of every stream. */
  readonly optionsTemplates: readonly Template[];
  readonly random: () => number;
  readonly emit: (stream: ExportStream, message: PackedMessage) => void;
}

/** One stream for each way in which records are treated. Throws a UserError when a key cannot be read. */
export function createExportStreams(
  collectors: readonly Collector[],
  options: StreamOptions,
): readonly ExportStream[] {
  const byTreatment = new Map<string, Collector[]>();
  for (const collector of collectors) {
    const { sampling, anonymisation, times = 'Both' } = collector;
    const key = JSON.stringify([sampling, anonymisation, times]);
    byTreatment.set(key, [...(byTreatment.get(key) ?? []), collector]);
  }
  return [...byTreatment.values()].flatMap((members) => {
    const [first] = members;
    return first === undefined ? [] : [createStream(members, first, options)];
  });
}

function createStream(
  collectors: readonly Collector[],
  { sampling, anonymisation, times }: Collector,
  options: StreamOptions,
): ExportStream {
  const registry = createTemplateRegistry(times);
  const sampler = sampling === undefined ? undefined : createFlowSampler(sampling, options.random);
  const anonymise: Anonymiser =
    anonymisation === undefined ? (batch) => batch : createAnonymiser(anonymisation);
  const classifier = createRowClassifier(registry, options.direction, sampler);
  const packer = createMessagePacker({
    classifier,
    observationDomainId: options.observationDomainId,
    messageOctetsMax: options.messageOctetsMax,
    systemInitTimeMs: options.systemInitTimeMs,
    emit: (message) => options.emit(stream, message),
  });
  const stream: ExportStream = {
    collectors,
    classifier,
    packer,
    sampler,
    standardTemplates: [
      ...FLOW_KINDS.map((_, kindIndex) => registry.templateFor(kindIndex, 0)),
      ...options.optionsTemplates,
      ...(sampling === undefined ? [] : [samplingTemplate(sampling)]),
    ],
    take: (batch, nowMs) => packer.pack(anonymise(batch), nowMs),
  };
  return stream;
}
