/** Looks at the files that a configuration names, before a collector depends on them. */
import { UserError } from '@weir/base';
import type { CollectorConfig } from './collector-config.ts';
import { checkEnrichmentFiles } from './enrichment/enrichment.ts';
import { checkSourcePath } from './file-follower.ts';
import type { FlowSource } from './flow-source.ts';
import { loadTlsCredentials } from './tls-credentials.ts';

/**
 * Reads every file of enabled sources, of enrichment and of the console. Rejects with the UserError of the first that cannot be used:
 * of networks and users it names file and line, of sources the source.
 */
export async function checkCollectorFiles({ sources, enrichment, http }: CollectorConfig): Promise<void> {
  for (const source of sources) if (source.enabled) await checkSourceFiles(source);
  if (enrichment !== undefined) await checkEnrichmentFiles(enrichment);
  if (http?.tls !== undefined) await loadTlsCredentials(http.tls);
}

async function checkSourceFiles({ name, tls, sourceFilePath }: FlowSource): Promise<void> {
  try {
    if (tls !== undefined) await loadTlsCredentials(tls);
    if (sourceFilePath !== undefined) checkSourcePath(sourceFilePath);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(error.code, `flow source "${name}": ${error.message}`, error.exitCode);
  }
}
