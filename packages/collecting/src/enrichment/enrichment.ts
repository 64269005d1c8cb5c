/**
 * The tables that stages look addresses up in, on the main thread: loaded once for all threads, and again when
 * their files change.
 */
import { readFile, stat } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { type CancelTimer, type Clock, type Component, EXIT_USAGE, type Logger, UserError } from '@weir/base';
import { asNameOf } from '../addresses/origin-table.ts';
import type { StageTables } from '../stages/batch-stages.ts';
import type { EnrichmentSettings } from './enrichment-settings.ts';
import { type LoadedOrigins, loadOrigins } from './origin-loader.ts';
import type { OriginAnswer, OriginQuestion } from './origin-worker.ts';
import { PREFIX_FILE_OCTETS_MAX } from './prefix-file.ts';
import { networkTableOf, userTableOf } from './prefix-tables.ts';

/** Soon enough for somebody who edits a file and looks; two calls of the operating system each. */
const FILES_LOOKED_AT_EVERY_MS = 5_000;
/** Loading origins keeps a core busy for half a second: the rest of the device comes up first. */
const ORIGINS_LOADED_AFTER_MS = 1_000;

/** Stamp of a file that could not be read. */
const GONE = 'gone';

export interface EnrichmentStatus {
  /** Of the embedded database: what its licence wants to be shown; empty where it is not in use. */
  readonly attribution: string;
  /** Day of the embedded database, YYYY-MM-DD; undefined until it is loaded. */
  readonly originsDate: string | undefined;
  readonly networks: number;
  readonly users: number;
  readonly reloads: number;
  /** Changed files that could not be used; what was read before stays. */
  readonly reloadFailures: number;
}

/** `start` rejects with UserError when a file of networks or users cannot be used. It does not wait for origins. */
export interface Enrichment extends Component {
  /** As they are now. */
  readonly settings: EnrichmentSettings;
  /**
   * Goes by other settings from now on, and reads databases of origins again. Rejects with UserError, and changes
   * nothing, when a file of networks or users cannot be used.
   */
  reconfigure(settings: EnrichmentSettings): Promise<void>;
  tables(): StageTables;
  /** Calls `listener` with all tables when one of them is new; the answer ends that. */
  onChange(listener: (tables: StageTables) => void): () => void;
  /** Calls `listener` when the settings are others; the answer ends that. */
  onSettings(listener: () => void): () => void;
  /** Name of an autonomous system, from the embedded database; undefined where it has none or is not loaded. */
  asName(number: number): string | undefined;
  status(): EnrichmentStatus;
  /** Resolves when the databases of origins are loaded, or could not be. */
  loaded(): Promise<void>;
}

export interface EnrichmentServices {
  readonly logger: Logger;
  readonly clock: Clock;
  /** Where the embedded database is kept compiled; without it, it is compiled at each start. */
  readonly cacheFolder?: string;
}

/** One of the files that people write. */
interface WatchedFile {
  readonly path: string;
  /** Size and time of change, as last seen. */
  stamp: string;
  read(text: string): Partial<StageTables>;
}

export function createEnrichment(settings: EnrichmentSettings, services: EnrichmentServices): Enrichment {
  return new LoadedEnrichment(settings, services);
}

class LoadedEnrichment implements Enrichment {
  settings: EnrichmentSettings;
  readonly #services: EnrichmentServices;
  readonly #listeners = new Set<(tables: StageTables) => void>();
  readonly #settingsListeners = new Set<() => void>();
  #files: readonly WatchedFile[];
  #tables: StageTables = {};
  #origins: LoadedOrigins | undefined;
  #worker: Worker | undefined;
  #loading: Promise<void> = Promise.resolve();
  #cancel: CancelTimer = () => {};
  #cancelLoading: CancelTimer = () => {};
  #reloads = 0;
  #reloadFailures = 0;

  constructor(settings: EnrichmentSettings, services: EnrichmentServices) {
    this.settings = settings;
    this.#services = services;
    this.#files = filesOf(settings);
  }

  async start(): Promise<void> {
    for (const file of this.#files) this.#change((await readIfChanged(file)) ?? {});
    const { country, asn } = this.settings;
    if (country || asn) this.#loading = this.#loadOriginsSoon();
    this.#cancel = this.#services.clock.every(FILES_LOOKED_AT_EVERY_MS, () => void this.#look());
  }

  async stop(): Promise<void> {
    this.#cancel();
    this.#cancelLoading();
    this.#listeners.clear();
    await this.#worker?.terminate();
  }

  async reconfigure(settings: EnrichmentSettings): Promise<void> {
    const files = filesOf(settings);
    let tables: StageTables = { networks: undefined, users: undefined };
    for (const file of files) tables = { ...tables, ...(await readIfChanged(file)) };
    this.settings = settings;
    this.#files = files;
    this.#cancelLoading();
    await this.#worker?.terminate();
    const hasOrigins = settings.country || settings.asn;
    this.#change(hasOrigins ? tables : { ...tables, origins: undefined });
    for (const listener of this.#settingsListeners) listener();
    if (hasOrigins) this.#loading = this.#loadOrigins();
  }

  tables(): StageTables {
    return this.#tables;
  }

  onChange(listener: (tables: StageTables) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onSettings(listener: () => void): () => void {
    this.#settingsListeners.add(listener);
    return () => this.#settingsListeners.delete(listener);
  }

  asName(number: number): string | undefined {
    return this.#origins && asNameOf(this.#origins.names, number);
  }

  status(): EnrichmentStatus {
    return {
      attribution: this.#origins?.attribution ?? '',
      originsDate: this.#origins?.date,
      networks: this.#tables.networks?.networks.length ?? 0,
      users: this.#tables.users?.prefixes.length ?? 0,
      reloads: this.#reloads,
      reloadFailures: this.#reloadFailures,
    };
  }

  loaded(): Promise<void> {
    return this.#loading;
  }

  #change(tables: Partial<StageTables>): void {
    this.#tables = { ...this.#tables, ...tables };
    for (const listener of this.#listeners) listener(this.#tables);
  }

  async #look(): Promise<void> {
    for (const file of this.#files) {
      try {
        const tables = await readIfChanged(file);
        if (tables === undefined) continue;
        this.#change(tables);
        this.#reloads += 1;
        this.#services.logger.info({ file: file.path }, 'read again after a change');
      } catch (error) {
        this.#reloadFailures += 1;
        const facts = { error: (error as Error).message };
        this.#services.logger.error(facts, 'a changed file cannot be used; what was read before stays');
      }
    }
  }

  #loadOriginsSoon(): Promise<void> {
    return new Promise((resolve) => {
      const load = () => void this.#loadOrigins().then(resolve);
      const cancel = this.#services.clock.after(ORIGINS_LOADED_AFTER_MS, load);
      this.#cancelLoading = () => {
        cancel();
        this.#cancelLoading = () => {};
        resolve();
      };
    });
  }

  #loadOrigins(): Promise<void> {
    const worker = new Worker(new URL('./origin-worker.ts', import.meta.url), {
      name: 'origins',
      workerData: {
        settings: this.settings,
        cacheFolder: this.#services.cacheFolder,
      } satisfies OriginQuestion,
    });
    worker.unref();
    this.#worker = worker;
    const { logger } = this.#services;
    return new Promise((resolve) => {
      worker.once('message', (answer: OriginAnswer) => {
        if ('problem' in answer)
          logger.error(`countries and autonomous systems are left out: ${answer.problem}`);
        else {
          this.#origins = answer.loaded;
          this.#change({ origins: answer.loaded.table });
        }
      });
      worker.once('error', (error) => logger.error({ error: String(error) }, 'origins could not be loaded'));
      worker.once('exit', () => resolve());
    });
  }
}

function filesOf({ networksFile, usersFile }: EnrichmentSettings): WatchedFile[] {
  const files: WatchedFile[] = [];
  if (networksFile !== undefined) {
    const read = (text: string) => ({ networks: networkTableOf(text, networksFile) });
    files.push({ path: networksFile, stamp: '', read });
  }
  if (usersFile !== undefined) {
    const read = (text: string) => ({ users: userTableOf(text, usersFile) });
    files.push({ path: usersFile, stamp: '', read });
  }
  return files;
}

/**
 * Reads the files of networks and users, and the databases of origins that people give. Throws UserError, which names
 * file and line, of the first that cannot be used.
 */
export async function checkEnrichmentFiles(settings: EnrichmentSettings): Promise<void> {
  for (const file of filesOf(settings)) await readIfChanged(file);
  if (settings.countryFile !== undefined || settings.asnFile !== undefined) loadOrigins(settings);
}

/**
 * What the file says when it is not as it was last seen; undefined when it is. Throws UserError when it cannot be used,
 * of a file that is gone once.
 */
async function readIfChanged(file: WatchedFile): Promise<Partial<StageTables> | undefined> {
  try {
    const { size, mtimeMs } = await stat(file.path).catch((error: unknown) => {
      if (file.stamp !== GONE) throw error;
      return { size: 0, mtimeMs: 0 };
    });
    if (mtimeMs === 0) return undefined;
    const stamp = `${size} ${mtimeMs}`;
    if (stamp === file.stamp) return undefined;
    file.stamp = stamp;
    if (size > PREFIX_FILE_OCTETS_MAX) throw new Error(`more than ${PREFIX_FILE_OCTETS_MAX} octets`);
    return file.read(await readFile(file.path, 'utf8'));
  } catch (error) {
    if (error instanceof UserError) throw error;
    file.stamp = GONE;
    const message = `${file.path}: cannot be read (${(error as Error).message})`;
    throw new UserError('prefix_file_unreadable', message, EXIT_USAGE);
  }
}
