/**
 * What a collector must remember over a restart, in one JSON file: the templates and the options (sampling,
 * boot times) of each flow source's exporters. Without it nothing of an exporter decodes until it repeats its
 * templates, which takes up to half an hour.
 */
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Logger } from '@weir/base';
import type { DecoderSnapshot } from '@weir/ipfix';
import { z } from 'zod';
import type { KnowledgeSnapshot } from './exporter-knowledge.ts';
import type { ExporterMemory } from './exporter-memory.ts';

/**
 * A decoder's snapshot, what exporters said of themselves, and who is missed when silent. What comes from a file is only called one: it is
 * checked by those who take it back.
 */
export type TemplateRecords = DecoderSnapshot & {
  readonly knowledge?: KnowledgeSnapshot;
  readonly exporterMemory?: readonly ExporterMemory[];
};

const FILE_NAME = 'templates.json';
const FILE_VERSION = 1;
/** What a decoder may keep for its exporters is less; a larger file is damaged or not ours. */
const FILE_OCTETS_MAX = 256 << 20;

/** Only the frame is checked here: the decoder checks each record when it takes it back. */
const fileSchema = z.object({ version: z.literal(FILE_VERSION), sources: z.record(z.string(), z.unknown()) });

/** Snapshots by the name of their flow source. */
export type TemplatesBySource = ReadonlyMap<string, TemplateRecords>;

/**
 * Reads `templates.json` of a data directory. A file that is missing is empty; one that is damaged is logged
 * and taken as empty, because the exporters will repeat what it said.
 */
export async function readTemplateFile(dataDirectory: string, logger: Logger): Promise<TemplatesBySource> {
  const path = join(dataDirectory, FILE_NAME);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (!isMissing(error)) logger.warn({ path, error: String(error) }, 'the saved templates cannot be read');
    return new Map();
  }
  try {
    if (text.length > FILE_OCTETS_MAX) throw new Error(`larger than ${FILE_OCTETS_MAX} octets`);
    const { sources } = fileSchema.parse(JSON.parse(text));
    return new Map(Object.entries(sources) as [string, TemplateRecords][]);
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    logger.warn({ path, reason }, 'the saved templates are damaged and are not used');
    return new Map();
  }
}

/** Replaces `templates.json`: readers see the old file or the new one, also after a power cut. */
export async function writeTemplateFile(dataDirectory: string, templates: TemplatesBySource): Promise<void> {
  const path = join(dataDirectory, FILE_NAME);
  const temporary = `${path}.tmp`;
  const text = JSON.stringify({ version: FILE_VERSION, sources: Object.fromEntries(templates) });
  await mkdir(dirname(path), { recursive: true });
  const file = await open(temporary, 'w', 0o640);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/**
 * The snapshot as one of the socket `localSocket`: templates belong to a flow source, which has one socket, and
 * stay good when that moves to another port or the source is renamed. What is no snapshot is given on for the
 * decoder to refuse.
 */
export function moveTemplates(snapshot: TemplateRecords, localSocket: string, source: string): unknown {
  if (!Array.isArray(snapshot?.exporters)) return snapshot;
  return {
    ...snapshot,
    exporters: snapshot.exporters.map((exporter) => ({ ...exporter, localSocket, source })),
  };
}
