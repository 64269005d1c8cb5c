import { isDeepStrictEqual } from 'node:util';
import type { MessagePort } from 'node:worker_threads';
import type { CancelTimer, Clock, Component, Logger, MetricsSnapshot } from '@weir/base';
import type { ExporterConfig } from './collector-config.ts';
import {
  type CountRecords,
  type DeliveryAudit,
  type DeliveryLoss,
  openDeliveryAudit,
} from './delivery-audit.ts';
import type { Enrichment } from './enrichment/enrichment.ts';
import { createExporterNames, type ExporterName, type ExporterNames, reverseDns } from './exporter-names.ts';
import type { ExporterOptions } from './exporter-options.ts';
import type { ExporterReport } from './exporter-report.ts';
import { type FlowSource, flowSourceError, TARGET_COLLECTOR_DEFAULT } from './flow-source.ts';
import { isAdaptable, pairFlowSources } from './flow-source-change.ts';
import { checkFlowSources } from './flow-source-check.ts';
import { describeVersion } from './flow-source-type.ts';
import { createListener, type FileServices, type Listener, type ListenerState } from './listener.ts';
import type { ListenerStatus } from './listener-status.ts';
import type { ReceiverKind } from './polled-receiver.ts';
import type { SocketAddress } from './socket-address.ts';
import { readTemplateFile, type TemplateRecords, writeTemplateFile } from './template-file.ts';

export interface CollectorOptions extends ExporterConfig {
  readonly sources: readonly FlowSource[];
  /** Where templates are kept over a restart; left out, they are not. */
  readonly dataDirectory?: string | undefined;
  /** How to receive; left out, the fastest way that the platform has. */
  readonly receiver?: ReceiverKind | undefined;
  /**
   * Whether `start` goes on without the sources whose sockets cannot be opened, which are then tried again and
   * again; left out, it rejects.
   */
  readonly tolerant?: boolean | undefined;
}

export interface CollectorServices {
  logger: Logger;
  clock: Clock;
  /** Tables that records are enriched from; left out, records get none of it. Started and stopped by the owner. */
  enrichment?: Enrichment | undefined;
  /** A new way into the store, for batches of FLOW_BATCH_ROWS_DEFAULT rows; called once a listener. */
  connectWriter: () => MessagePort;
  /** What the store has; without it nobody can tell what was lost on the way over TCP and TLS. */
  countRecords?: CountRecords | undefined;
  /** What sources that read files need; without it there are none. */
  files?: Omit<FileServices, 'dataDirectory'> | undefined;
}

export interface SourceStatus {
  readonly source: FlowSource;
  readonly state: ListenerState | 'disabled';
  /** Times that the listener's thread ended unasked and was replaced. */
  readonly restarts: number;
  /** Why it does not listen though it should: one line. */
  readonly problem: string | undefined;
  /** What is not as its operator may think, a sentence each. */
  readonly remarks: readonly string[];
  /** undefined where it never listened. */
  readonly listener: ListenerStatus | undefined;
}

/** An exporter with its name. */
export interface NamedExporter extends ExporterReport, ExporterName {}

export interface CollectorStatus {
  readonly sources: readonly SourceStatus[];
}

/** What a deployment did with one source. */
export interface DeployResult {
  readonly name: string;
  /**
   * `adapted`: changed while it went on, its socket open all the time. `failed`: it could not be started; its
   * former settings hold again, where it had any.
   */
  readonly outcome: 'unchanged' | 'adapted' | 'started' | 'stopped' | 'restarted' | 'failed';
  readonly message?: string;
}

/** What came of a deployment. */
export interface Deployment {
  readonly results: readonly DeployResult[];
  /** The sources that hold now: those asked for, less what failed. */
  readonly sources: readonly FlowSource[];
}

/** The Collecting Process of RFC 7011: every enabled flow source with a listener of its own. */
export interface Collector extends Component {
  /** The sources that hold now, those of other collectors and disabled ones included. */
  sources(): readonly FlowSource[];
  /**
   * Makes `sources` those that hold. Of a source that stays as it is nothing is touched: not its socket, not
   * its sessions, not its counters. Listeners of the others are stopped together, then started together, so
   * that sources may exchange their ports. A source that cannot be started does not hold the others up: it is
   * told as failed, and what it was before holds again. Throws UserError, and does nothing, when the sources
   * contradict each other.
   */
  deploy(sources: readonly FlowSource[]): Promise<Deployment>;
  /** What the operator says of exporters from now on: their names, and after which silence each is missed. */
  describeExporters(config: ExporterConfig): void;
  status(): Promise<CollectorStatus>;
  /** One snapshot for each listener's thread. */
  metrics(): Promise<MetricsSnapshot[]>;
  /** What exporters said of themselves: names of interfaces, sampling. Only of those that said something. */
  options(): Promise<ExporterOptions[]>;
  /** Everything known of exporters, with their names; those of each source with the most records first. */
  exporters(): Promise<NamedExporter[]>;
  /** Where the source of this name listens; undefined before `start` and where it does not. */
  address(sourceName: string): SocketAddress | undefined;
}

/** Often enough that a collector that is killed soon after its start has written down who came. */
const DELIVERIES_AUDITED_EVERY_MS = 2_000;
/** An exporter's new template is lost by a crash for at most so long. */
const TEMPLATES_SAVED_EVERY_MS = 60_000;

/**
 * Creates the collector. Throws UserError when the sources contradict each other or ask for what this version
 * does not do. After `start` every socket is open; `start` rejects with UserError when one cannot be, unless
 * the options say `tolerant`.
 */
export function createCollector(options: CollectorOptions, services: CollectorServices): Collector {
  const { dataDirectory, receiver } = options;
  let exporters = options.exporters ?? [];
  const { logger, clock, connectWriter, enrichment } = services;
  const files =
    services.files && dataDirectory !== undefined ? { ...services.files, dataDirectory } : undefined;
  checkSources(options.sources);
  let names = namesOf(options);
  let slots: readonly Slot[] = options.sources.map((source) => ({ source, listener: undefined }));
  let savedTemplates: ReadonlyMap<string, TemplateRecords> = new Map();
  let cancelSaving: CancelTimer | undefined;
  let cancelAuditing: CancelTimer | undefined;
  let audit: DeliveryAudit | undefined;
  let saving: Promise<void> = Promise.resolve();
  let deploying: Promise<unknown> = Promise.resolve();

  function namesOf({
    exporters: settings = [],
    reverseDnsOfExporters = false,
  }: ExporterConfig): ExporterNames {
    return createExporterNames({
      settings,
      clock,
      reverse: reverseDnsOfExporters ? reverseDns() : undefined,
    });
  }

  async function saveTemplates(): Promise<void> {
    if (dataDirectory === undefined) return;
    // What a disabled source knew stays; what a removed one knew goes.
    const templates = new Map([...savedTemplates].filter(([name]) => isConfigured(name)));
    for (const { source, listener } of slots) {
      const known = await listener?.templates();
      if (known !== undefined) templates.set(source.name, known);
    }
    savedTemplates = templates;
    await writeTemplateFile(dataDirectory, templates);
  }

  async function openAudit(): Promise<void> {
    const { countRecords } = services;
    if (dataDirectory === undefined || countRecords === undefined) return;
    audit = await openDeliveryAudit({ dataDirectory, logger, countRecords });
    cancelAuditing = clock.every(DELIVERIES_AUDITED_EVERY_MS, () => void auditDeliveries(clock.nowMs()));
  }

  async function auditDeliveries(nowMs: number): Promise<void> {
    const stated = await Promise.all(listenersOf(slots).map((listener) => listener.deliveries()));
    await audit?.audit(stated.flat(), nowMs);
  }

  function isConfigured(sourceName: string): boolean {
    return slots.some(({ source }) => source.name === sourceName);
  }

  /** One save at a time; a failure is said and the next one tries again. */
  function save(): Promise<void> {
    saving = saving.then(saveTemplates).catch((error: unknown) => {
      logger.warn({ error: String(error) }, 'the templates could not be saved');
    });
    return saving;
  }

  /** A listener of a source that knows what the source's former listener knew, under whatever name. */
  function listenerOf(source: FlowSource, formerName = source.name): Listener {
    const templates = savedTemplates.get(formerName);
    return createListener(source, {
      logger,
      clock,
      connectWriter,
      templates,
      receiver,
      exporters,
      files,
      enrichment,
    });
  }

  async function startAll(): Promise<void> {
    const tolerant = options.tolerant === true;
    const results = await Promise.allSettled(
      listenersOf(slots).map((listener) => (tolerant ? listener.startWhenPossible() : listener.start())),
    );
    const failure = results.find((result) => result.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
  }

  async function stopAll(): Promise<void> {
    await Promise.all(listenersOf(slots).map((listener) => listener.stop()));
  }

  async function deploy(sources: readonly FlowSource[]): Promise<Deployment> {
    checkSources(sources);
    const pairs = pairFlowSources(
      slots.map(({ source }) => source),
      sources,
    );
    const steps = pairs.map(({ before, after }): Step => {
      const slot = slots.find(({ source }) => source === before);
      const same = isDeepStrictEqual(before, after);
      return { slot, after, same, goesOn: same || canGoOn(slot, after) };
    });
    await Promise.all(steps.map(retire));
    const attempts = await Promise.all(steps.map(attempt));
    // Only now is it known which ports the others took.
    const outcomes: StepOutcome[] = [];
    for (const made of attempts) outcomes.push(made.failure === undefined ? made : await fallBack(made));
    slots = outcomes.flatMap(({ slot }) => (slot === undefined ? [] : [slot]));
    await save();
    for (const { result } of outcomes) logOutcome(result);
    return { results: outcomes.map(({ result }) => result), sources: slots.map(({ source }) => source) };
  }

  /** Stops the listener of a source that does not stay as it is, and keeps what it knew. */
  async function retire({ slot, goesOn }: Step): Promise<void> {
    if (goesOn || slot?.listener === undefined) return;
    await slot.listener.stop();
    const known = await slot.listener.templates();
    if (known !== undefined) savedTemplates = new Map([...savedTemplates, [slot.source.name, known]]);
  }

  async function attempt({ slot, after, same, goesOn }: Step): Promise<StepOutcome & { failure?: unknown }> {
    const name = after?.name ?? slot?.source.name ?? '';
    if (same) return { slot, result: { name, outcome: 'unchanged' } };
    if (goesOn && after !== undefined) {
      slot?.listener?.adapt(after, exporters);
      return { slot: { source: after, listener: slot?.listener }, result: { name, outcome: 'adapted' } };
    }
    if (after === undefined) return { slot: undefined, result: { name, outcome: 'stopped' } };
    const ran = slot?.listener !== undefined;
    if (!runsHere(after)) {
      return { slot: idle(after), result: { name, outcome: ran ? 'stopped' : 'unchanged' } };
    }
    const listener = listenerOf(after, slot?.source.name);
    try {
      await listener.start();
      return { slot: { source: after, listener }, result: { name, outcome: ran ? 'restarted' : 'started' } };
    } catch (failure) {
      return { slot, result: { name, outcome: 'failed', message: reasonOf(failure) }, failure };
    }
  }

  /** What a source was before holds again; where even that cannot be had, it is kept but disabled. */
  async function fallBack({ slot, result }: StepOutcome): Promise<StepOutcome> {
    if (slot?.listener === undefined) return { slot, result };
    const { source } = slot;
    const listener = listenerOf(source);
    try {
      await listener.start();
      const message = `${result.message}; its former settings hold`;
      return { slot: { source, listener }, result: { ...result, message } };
    } catch (error) {
      const message = `${result.message}; its former settings cannot be restored either (${reasonOf(error)}): it is disabled`;
      return { slot: idle({ ...source, enabled: false }), result: { ...result, message } };
    }
  }

  function logOutcome({ name, outcome, message }: DeployResult): void {
    if (outcome === 'failed')
      logger.error({ source: name, reason: message }, 'the flow source was not deployed');
    else if (outcome !== 'unchanged') logger.info({ source: name }, `the flow source was ${outcome}`);
  }

  return {
    sources: () => slots.map(({ source }) => source),
    deploy(sources) {
      const deployment = deploying.then(() => deploy(sources));
      deploying = deployment.catch(() => {});
      return deployment;
    },
    async start() {
      if (dataDirectory !== undefined) savedTemplates = await readTemplateFile(dataDirectory, logger);
      slots = slots.map(({ source }) =>
        runsHere(source) ? { source, listener: listenerOf(source) } : idle(source),
      );
      if (listenersOf(slots).length === 0) logger.warn('no flow source is enabled: nothing is collected');
      try {
        await startAll();
      } catch (error) {
        await stopAll();
        throw error;
      }
      cancelSaving = clock.every(TEMPLATES_SAVED_EVERY_MS, () => void save());
      await openAudit();
    },
    async stop() {
      cancelSaving?.();
      cancelAuditing?.();
      await deploying;
      await stopAll();
      // Everything that was received is in the store now.
      await auditDeliveries(Number.POSITIVE_INFINITY);
      await save();
    },
    describeExporters(config) {
      exporters = config.exporters ?? [];
      names = namesOf(config);
      for (const { source, listener } of slots) listener?.adapt(source, exporters);
    },
    async status() {
      const local = slots.filter(({ source }) => source.targetCollector === TARGET_COLLECTOR_DEFAULT);
      const losses = audit?.losses() ?? [];
      return { sources: await Promise.all(local.map((slot) => statusOf(slot, losses))) };
    },
    metrics: () => Promise.all(listenersOf(slots).map((listener) => listener.metrics())),
    options: async () => (await Promise.all(listenersOf(slots).map((listener) => listener.options()))).flat(),
    async exporters() {
      const reports = await Promise.all(listenersOf(slots).map((listener) => listener.exporters()));
      const losses = audit?.losses() ?? [];
      return withLosses(reports.flat(), losses).map((report) => ({ ...report, ...names.nameOf(report) }));
    },
    address: (sourceName) => slots.find(({ source }) => source.name === sourceName)?.listener?.address,
  };
}

/** A source, and its listener where it has one. */
interface Slot {
  readonly source: FlowSource;
  readonly listener: Listener | undefined;
}

interface Step {
  /** As it is; undefined for a new source. */
  readonly slot: Slot | undefined;
  /** As it is to be; undefined for one that is removed. */
  readonly after: FlowSource | undefined;
  readonly same: boolean;
  /** Whether its listener stays, with other settings at most. */
  readonly goesOn: boolean;
}

interface StepOutcome {
  readonly slot: Slot | undefined;
  readonly result: DeployResult;
}

function canGoOn(slot: Slot | undefined, after: FlowSource | undefined): boolean {
  return slot?.listener?.state === 'listening' && after !== undefined && isAdaptable(slot.source, after);
}

function idle(source: FlowSource): Slot {
  return { source, listener: undefined };
}

function runsHere({ enabled, targetCollector }: FlowSource): boolean {
  return enabled && targetCollector === TARGET_COLLECTOR_DEFAULT;
}

function listenersOf(slots: readonly Slot[]): Listener[] {
  return slots.flatMap(({ listener }) => (listener === undefined ? [] : [listener]));
}

/** What was lost on the way counts as lost, beside what sequence numbers tell of datagrams. */
function withLosses<
  Exporter extends Omit<DeliveryLoss, 'recordsLost' | 'lastLossAtMs'> & { unitsLost: number },
>(exporters: readonly Exporter[], losses: readonly DeliveryLoss[]): Exporter[] {
  return exporters.map((exporter) => {
    const loss = losses.find(
      ({ address, observationDomainId, source }) =>
        address === exporter.address &&
        observationDomainId === exporter.observationDomainId &&
        source === exporter.source,
    );
    return loss === undefined ? exporter : { ...exporter, unitsLost: exporter.unitsLost + loss.recordsLost };
  });
}

async function statusOf({ source, listener }: Slot, losses: readonly DeliveryLoss[]): Promise<SourceStatus> {
  if (listener === undefined) {
    const state = source.enabled ? 'stopped' : 'disabled';
    return { source, state, restarts: 0, problem: undefined, remarks: [], listener: undefined };
  }
  const status = await listener.status();
  const { state, restarts, problem } = listener;
  const remarks = status === undefined ? [] : refusalRemarks(source, status);
  const known = status && { ...status, exporters: withLosses(status.exporters, losses) };
  return { source, state, restarts, problem, remarks, listener: known };
}

/** What arrives on a source that its type does not take. */
function refusalRemarks({ type }: FlowSource, { refusedVersions }: ListenerStatus): string[] {
  return refusedVersions.map(
    ({ version, datagrams }) =>
      `${datagrams} ${describeVersion(version)} datagrams arrived on this source of type ${type}: they are not decoded.`,
  );
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function checkSources(sources: readonly FlowSource[]): void {
  const breach = checkFlowSources(sources);
  if (breach === undefined) return;
  const [index, ...parameter] = breach.path;
  const source = typeof index === 'number' ? sources[index] : undefined;
  const where =
    source === undefined ? 'flow sources' : `flow source "${source.name}": ${parameter.join('.')}`;
  throw flowSourceError(`${where}: ${breach.message}`);
}
