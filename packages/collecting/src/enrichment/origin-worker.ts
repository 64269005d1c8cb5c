/** Entry of the thread that loads origins: it answers once and ends. */
import { parentPort, workerData } from 'node:worker_threads';
import { ensure, UserError } from '@weir/base';
import type { EnrichmentSettings } from './enrichment-settings.ts';
import { type LoadedOrigins, loadOrigins } from './origin-loader.ts';

export interface OriginQuestion {
  readonly settings: EnrichmentSettings;
  readonly cacheFolder: string | undefined;
}

export type OriginAnswer = { readonly loaded: LoadedOrigins } | { readonly problem: string };

function answer(): OriginAnswer {
  const { settings, cacheFolder } = workerData as OriginQuestion;
  try {
    return { loaded: loadOrigins(settings, cacheFolder) };
  } catch (error) {
    if (error instanceof UserError) return { problem: error.message };
    throw error;
  }
}

ensure(parentPort, 'this file is the entry of a worker thread').postMessage(answer());
