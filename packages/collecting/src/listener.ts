import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { CancelTimer, Clock, Component, Logger, MetricsSnapshot } from '@weir/base';
import type { DeliveryStatement } from './delivery-statements.ts';
import type { Enrichment } from './enrichment/enrichment.ts';
import type { ExporterOptions } from './exporter-options.ts';
import type { ExporterReport } from './exporter-report.ts';
import type { ExporterSettings } from './exporter-settings.ts';
import type { FlowSource } from './flow-source.ts';
import { type ListenerLink, openListenerLink } from './listener-link.ts';
import type { ListenerAnswers, ListenerQuestion } from './listener-protocol.ts';
import type { ListenerStatus } from './listener-status.ts';
import type { ReceiverKind } from './polled-receiver.ts';
import { formatSocketAddress, type SocketAddress } from './socket-address.ts';
import { stageSetupOf } from './stages/stage-setup.ts';
import type { TemplateRecords } from './template-file.ts';

export type ListenerState = 'stopped' | 'starting' | 'listening' | 'stopping' | 'failed';

/** One flow source's socket and the thread behind it, seen from the main thread. */
export interface Listener extends Component {
  readonly source: FlowSource;
  readonly state: ListenerState;
  /** Times that its thread ended unasked and was replaced. */
  readonly restarts: number;
  /** Why it does not listen though it should; undefined while it does. */
  readonly problem: string | undefined;
  /** As `start`, but does not reject: a socket that cannot be opened is tried again until it can. */
  startWhenPossible(): Promise<void>;
  /** Where it listens: with the kernel's choice where the source asked for port 0. undefined before `start`. */
  readonly address: SocketAddress | undefined;
  /** The newest status that can be had; after `stop` the last one. undefined before `start`. */
  status(): Promise<ListenerStatus | undefined>;
  metrics(): Promise<MetricsSnapshot>;
  /** What its exporters said of themselves; empty while it does not listen. */
  options(): Promise<ExporterOptions[]>;
  /** Everything known of its exporters; empty while it does not listen. */
  exporters(): Promise<ExporterReport[]>;
  /** What exporters said of their deliveries since the last call; also what they said before `stop`. */
  deliveries(): Promise<readonly DeliveryStatement[]>;
  /** Templates and options known now; after `stop` those known then. */
  templates(): Promise<TemplateRecords | undefined>;
  /**
   * Goes on as `source`, from which its own may differ only in what `isAdaptable` allows, and with what the operator
   * says now of exporters. No socket is closed.
   */
  adapt(source: FlowSource, exporters: readonly ExporterSettings[]): void;
}

/** What sources that read files need of the device. */
export interface FileServices {
  /** Entry of the worker: a module that calls `runListenerWorker` with a reader of export packets. */
  readonly worker: URL;
  /** Resolves when the store holds on disk everything that it took. */
  readonly flushStore: () => Promise<void>;
  /** Where the ledger of files that were taken is kept. */
  readonly dataDirectory: string;
}

export interface ListenerServices {
  logger: Logger;
  clock: Clock;
  connectWriter: () => MessagePort;
  /** Tables that records are enriched from; left out, records get none of it. */
  enrichment?: Enrichment | undefined;
  /** What an earlier listener of this source knew. */
  templates: TemplateRecords | undefined;
  receiver: ReceiverKind | undefined;
  /** Without it a source file path is refused. */
  files?: FileServices | undefined;
  /** What the operator says of single exporters. */
  exporters?: readonly ExporterSettings[] | undefined;
}

/** A thread that died is replaced after this long: soon, but not in a circle that keeps a core busy. */
const RESTART_DELAY_MS = 1000;
/** What hinders a listener again and again is asked after, and logged, ever more seldom. */
const RESTART_DELAY_MS_MAX = 60_000;
/** Draining a socket and a slow store take seconds; a thread that takes longer is ended by force. */
const STOP_MS_MAX = 30_000;
/** A thread answers between two receives, at most 50 ms apart, unless the store holds it up. */
const ANSWER_MS_MAX = 2000;

/** Creates the listener of one enabled source. `start` rejects with UserError when its socket cannot be opened. */
export function createListener(source: FlowSource, services: ListenerServices): Listener {
  return new SupervisedListener(source, services);
}

class SupervisedListener implements Listener {
  source: FlowSource;
  state: ListenerState = 'stopped';
  restarts = 0;
  problem: string | undefined;
  #restartDelayMs = RESTART_DELAY_MS;
  #services: ListenerServices;
  #link: ListenerLink | undefined;
  #lastStatus: ListenerStatus | undefined;
  #lastTemplates: TemplateRecords | undefined;
  #lastDeliveries: readonly DeliveryStatement[] = [];
  #cancelRestart: CancelTimer = () => {};

  constructor(source: FlowSource, services: ListenerServices) {
    this.source = source;
    this.#services = services;
    this.#lastTemplates = services.templates;
  }

  get address(): SocketAddress | undefined {
    return this.#lastStatus && { address: this.#lastStatus.address, port: this.#lastStatus.port };
  }

  async start(): Promise<void> {
    this.state = 'starting';
    try {
      await this.#open();
    } catch (error) {
      this.state = 'stopped';
      throw error;
    }
  }

  async startWhenPossible(): Promise<void> {
    try {
      await this.start();
    } catch (error) {
      this.#cannotListen(error, 'the listener cannot listen yet');
    }
  }

  async stop(): Promise<void> {
    this.#cancelRestart();
    const link = this.#link;
    this.state = 'stopping';
    if (link !== undefined) await this.#close(link);
    this.state = 'stopped';
  }

  async status(): Promise<ListenerStatus | undefined> {
    this.#lastStatus = await this.#ask('status', this.#lastStatus);
    return this.#lastStatus;
  }

  options(): Promise<ExporterOptions[]> {
    return this.#ask('options', []);
  }

  exporters(): Promise<ExporterReport[]> {
    return this.#ask('exporters', []);
  }

  deliveries(): Promise<readonly DeliveryStatement[]> {
    const last = this.#lastDeliveries;
    this.#lastDeliveries = [];
    return this.#ask('deliveries', last);
  }

  metrics(): Promise<MetricsSnapshot> {
    return this.#ask('metrics', []);
  }

  async templates(): Promise<TemplateRecords | undefined> {
    this.#lastTemplates = await this.#ask('templates', this.#lastTemplates);
    return this.#lastTemplates;
  }

  adapt(source: FlowSource, exporters: readonly ExporterSettings[]): void {
    this.source = source;
    this.#services = { ...this.#services, exporters };
    this.#tellSettings(this.#link);
  }

  #tellSettings(link: ListenerLink | undefined): void {
    const stages = stageSetupOf(this.source, this.#services.enrichment);
    link?.tell({ settings: { source: this.source, exporters: this.#services.exporters ?? [], stages } });
  }

  async #open(): Promise<void> {
    const { logger, connectWriter, receiver } = this.#services;
    const files = this.source.sourceFilePath === undefined ? undefined : this.#services.files;
    const setup = {
      source: this.source,
      storePort: connectWriter(),
      exporters: this.#services.exporters ?? [],
      templates: this.#lastTemplates,
      stages: stageSetupOf(this.source, this.#services.enrichment),
      dataDirectory: files?.dataDirectory,
      flushPort: files === undefined ? undefined : serveFlushes(files.flushStore),
      receiver,
    };
    const link = await openListenerLink(setup, logger, files?.worker);
    if (this.state !== 'starting') {
      await link.terminate();
      return;
    }
    this.#link = link;
    this.#followEnrichment(link);
    if (this.source !== setup.source || this.#services.exporters !== setup.exporters)
      this.#tellSettings(link);
    this.#lastStatus = link.firstStatus;
    this.state = 'listening';
    this.problem = undefined;
    this.#restartDelayMs = RESTART_DELAY_MS;
    void link.ended.then(() => this.#ended());
    const { sourceFilePath, transport } = this.source;
    const where = `listening on ${transport}/${formatSocketAddress(link.firstStatus)}`;
    logger.info(
      { source: this.source.name, receiver: link.firstStatus.receiver },
      sourceFilePath === undefined ? where : `reading ${sourceFilePath}`,
    );
  }

  async #close(link: ListenerLink): Promise<void> {
    const { clock, logger } = this.#services;
    const cancelForce = clock.after(STOP_MS_MAX, () => void link.terminate());
    try {
      const last = await link.ask('stop');
      this.#lastStatus = last.status;
      this.#lastTemplates = last.templates;
      this.#lastDeliveries = last.deliveries;
    } catch (error) {
      logger.error({ source: this.source.name, error: String(error) }, 'the listener did not end by itself');
    }
    cancelForce();
    await link.terminate();
  }

  /** Tells the thread of new tables, those included that came while it started. */
  #followEnrichment(link: ListenerLink): void {
    const { enrichment } = this.#services;
    if (enrichment === undefined) return;
    link.tell({ tables: enrichment.tables() });
    const stopTables = enrichment.onChange((tables) => link.tell({ tables }));
    const stopSettings = enrichment.onSettings(() => this.#tellSettings(link));
    const stopFollowing = () => {
      stopTables();
      stopSettings();
    };
    void link.ended.then(stopFollowing);
  }

  #ended(): void {
    this.#link = undefined;
    if (this.state !== 'listening') return;
    this.restarts += 1;
    const facts = { source: this.source.name, restarts: this.restarts };
    this.#services.logger.error(facts, 'the listener ended unasked and is started again');
    this.problem = 'its thread ended unasked and is started again';
    this.#restartLater();
  }

  #cannotListen(error: unknown, message: string): void {
    this.problem = error instanceof Error ? error.message : String(error);
    const nextTryMs = this.#restartDelayMs;
    this.#services.logger.error({ source: this.source.name, error: String(error), nextTryMs }, message);
    this.#restartLater();
  }

  #restartLater(): void {
    this.state = 'failed';
    const { clock } = this.#services;
    this.#cancelRestart = clock.after(this.#restartDelayMs, () => void this.#restart());
    this.#restartDelayMs = Math.min(2 * this.#restartDelayMs, RESTART_DELAY_MS_MAX);
  }

  async #restart(): Promise<void> {
    this.state = 'starting';
    try {
      await this.#open();
    } catch (error) {
      if (this.state === 'starting') this.#cannotListen(error, 'the listener cannot listen again yet');
    }
  }

  /** What the thread answers; `fallback` when it does not listen, dies, or waits for the store too long. */
  async #ask<Q extends ListenerQuestion, F>(question: Q, fallback: F): Promise<ListenerAnswers[Q] | F> {
    const link = this.#link;
    if (link === undefined || this.state !== 'listening') return fallback;
    let cancel: CancelTimer = () => {};
    const late = new Promise<F>((resolve) => {
      cancel = this.#services.clock.after(ANSWER_MS_MAX, () => resolve(fallback));
    });
    const answer = link.ask(question).catch(() => fallback);
    return Promise.race([answer, late]).finally(cancel);
  }
}

/** The listener's end of a port on which each message is answered when the store has flushed. */
function serveFlushes(flushStore: () => Promise<void>): MessagePort {
  const { port1, port2 } = new MessageChannel();
  port1.on('message', async () => {
    port1.postMessage(await flushStore().catch((error: unknown) => String(error)));
  });
  port1.unref();
  return port2;
}
