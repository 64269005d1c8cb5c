/** The door to a store: the same for the thread that owns it and for all others. */
import { realpathSync } from 'node:fs';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { FilterError, type TimeRange } from '@weir/analysis';
import { type Clock, type Logger, receiveBuffers, UserError } from '@weir/base';
import type { FlowBatchNote } from '@weir/ipfix';
import type { FlowStore, QueryOptions } from './flow-store-contract.ts';
import type { OwnerMessage, OwnerReply, WireError } from './owner-message.ts';
import type { CheckReport } from './store-check.ts';
import type { ExchangeReport } from './store-exchange.ts';
import { defaultStoreOptions, type StoreOptions } from './store-options.ts';
import type { StoreOwner } from './store-owner.ts';

/** What only the store that is a folder on this machine can do. */
export interface EmbeddedStore extends FlowStore {
  /** Reads every file; with `repair`, damaged ones are moved to the folder `damaged`, and the rest answers. */
  check(repair: boolean, options?: QueryOptions): Promise<CheckReport>;
  /** Writes the records that ended in the range as Parquet files into a folder. */
  exportRecords(range: TimeRange, folder: string): Promise<ExchangeReport>;
  /** Takes what `exportRecords` wrote; what was taken before is left out. */
  importRecords(paths: readonly string[]): Promise<ExchangeReport>;
}

export interface OpenStoreConfig {
  readonly dataDirectory: string;
  readonly logger: Logger;
  /** For tests: with a clock the owner runs in this thread, without a worker. */
  readonly clock?: Clock;
  readonly options?: Partial<StoreOptions>;
}

/** Folders that this process has open: the engine's file lock does not hold between threads of one process. */
const openHere = new Set<string>();

/** Opens the store in `dataDirectory`, creating it when there is none. Throws a UserError. */
export async function openStore(config: OpenStoreConfig): Promise<EmbeddedStore> {
  const { dataDirectory, logger, clock } = config;
  const options: StoreOptions = { ...defaultStoreOptions(), ...config.options };
  const key = canonicalPath(dataDirectory);
  if (openHere.has(key)) {
    throw new UserError('store_busy', `the store ${dataDirectory} is already open in this process`);
  }
  openHere.add(key);
  try {
    const store =
      clock === undefined
        ? await openInWorker(dataDirectory, options, logger)
        : await openInThisThread({ dataDirectory, options, clock, logger });
    return {
      ...store,
      close: () => store.close().finally(() => openHere.delete(canonicalPath(dataDirectory))),
    };
  } catch (error) {
    openHere.delete(key);
    throw error;
  }
}

function canonicalPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** The engine is loaded by the thread that opens a store, and by no other. */
async function openInThisThread(config: Parameters<typeof StoreOwner.open>[0]): Promise<EmbeddedStore> {
  const { StoreOwner: Owner } = await import('./store-owner.ts');
  return openHereWith(await Owner.open(config));
}

function openHereWith(owner: StoreOwner): EmbeddedStore {
  const ports: MessagePort[] = [];
  return {
    connectWriter() {
      const { port1, port2 } = new MessageChannel();
      receiveBuffers<FlowBatchNote>(
        port2,
        (buffer, note) => owner.take(buffer, note),
        (error) => owner.logRefused(error),
      );
      ports.push(port2);
      return port1;
    },
    query: (plan, options) => owner.query(plan, options?.signal),
    sql: (text, options) => owner.sql(text, options),
    flush: () => owner.flush(),
    seal: () => owner.sealAll(),
    check: (repair, options) => owner.check(repair, options?.signal),
    exportRecords: (range, folder) => owner.exportRecords(range, folder),
    importRecords: (paths) => owner.importRecords(paths),
    coverage: async () => owner.coverage(),
    estimate: async (plan) => owner.estimate(plan),
    compact: () => owner.compact(),
    status: async () => owner.status(),
    async close() {
      for (const port of ports) port.close();
      await owner.close();
    },
  };
}

/** With the engine's own 48 MB the small old generation is marked several times a second. */
const YOUNG_GENERATION_MB = 12;

interface PendingCall {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

type Question = Exclude<OwnerMessage, { kind: 'attach' | 'cancel' }>;
type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;

async function openInWorker(
  dataDirectory: string,
  options: StoreOptions,
  logger: Logger,
): Promise<EmbeddedStore> {
  const worker = new Worker(new URL('./owner-worker.ts', import.meta.url), {
    workerData: { dataDirectory, options },
    name: 'weir-store',
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
  });
  const pending = new Map<number, PendingCall>();
  let nextId = 1;
  let failure: UserError | undefined;

  function call<Result>(message: WithoutId<Question>, signal?: AbortSignal): Promise<Result> {
    if (failure !== undefined) return Promise.reject(failure);
    const id = nextId;
    nextId += 1;
    const cancel = () => worker.postMessage({ kind: 'cancel', id } satisfies OwnerMessage);
    const promise = new Promise<Result>((resolve, reject) => {
      pending.set(id, { resolve: resolve as (value: unknown) => void, reject });
    });
    worker.postMessage({ ...message, id } as OwnerMessage);
    if (signal === undefined) return promise;
    if (signal.aborted) cancel();
    signal.addEventListener('abort', cancel, { once: true });
    return promise.finally(() => signal.removeEventListener('abort', cancel));
  }

  function fail(reason: string): void {
    failure ??= new UserError('store_failed', `the store stopped: ${reason}`);
    for (const { reject } of pending.values()) reject(failure);
    pending.clear();
  }

  worker.on('message', (reply: OwnerReply) => {
    if (reply.kind === 'log') {
      logger[reply.level](reply.facts, reply.message);
      return;
    }
    const waiting = pending.get(reply.id);
    pending.delete(reply.id);
    if (reply.kind === 'done') waiting?.resolve(reply.value);
    else waiting?.reject(errorFromWire(reply.error));
  });
  worker.on('error', (error) => fail(error instanceof Error ? error.message : String(error)));
  worker.on('exit', (code) => fail(`its thread ended with code ${code}`));

  try {
    await call<void>({ kind: 'open' });
  } catch (error) {
    await worker.terminate();
    throw error;
  }
  return {
    connectWriter() {
      const { port1, port2 } = new MessageChannel();
      worker.postMessage({ kind: 'attach', port: port2 } satisfies OwnerMessage, [port2]);
      return port1;
    },
    query: (plan, queryOptions) => call({ kind: 'query', plan }, queryOptions?.signal),
    sql: (text, { signal, range } = {}) =>
      call({ kind: 'sql', text, ...(range === undefined ? {} : { range }) }, signal),
    flush: () => call({ kind: 'flush' }),
    seal: () => call({ kind: 'seal' }),
    check: (repair, queryOptions) => call({ kind: 'check', repair }, queryOptions?.signal),
    exportRecords: (range, folder) => call({ kind: 'export', range, folder }),
    importRecords: (paths) => call({ kind: 'import', paths }),
    coverage: () => call({ kind: 'coverage' }),
    estimate: (plan) => call({ kind: 'estimate', plan }),
    compact: () => call({ kind: 'compact' }),
    status: () => call({ kind: 'status' }),
    async close() {
      try {
        await call<void>({ kind: 'close' });
      } finally {
        failure ??= new UserError('store_closed', 'the store is closed');
        await worker.terminate();
      }
    },
  };
}

function errorFromWire(error: WireError): Error {
  switch (error.kind) {
    case 'user':
      return new UserError(error.code, error.message, error.exitCode);
    case 'filter':
      return new FilterError(error.message, error.position, error.expected);
    case 'other':
      return new Error(error.message);
  }
}
