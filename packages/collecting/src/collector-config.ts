import { EXIT_USAGE, UserError } from '@weir/base';
import { findNodeAtLocation, type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';
import { z } from 'zod';
import { ACCESS_KEYS } from './access-settings.ts';
import {
  type AccessSettings,
  accessSchema,
  CONSOLE_KEYS,
  type HttpSettings,
  httpSchema,
} from './console-settings.ts';
import {
  ENRICHMENT_KEYS,
  type EnrichmentSettings,
  enrichmentSchema,
} from './enrichment/enrichment-settings.ts';
import { EXPORTER_SETTINGS_KEYS, type ExporterSettings, exporterListSchema } from './exporter-settings.ts';
import {
  defaultFlowSources,
  type FlowSource,
  flowSourceSchema,
  writtenFlowSourceSchema,
} from './flow-source.ts';
import { checkFlowSources } from './flow-source-check.ts';
import { SESSIONS_KEYS } from './session-parameters.ts';

/** What a configuration says beside the flow sources. */
export interface ExporterConfig {
  /** What is said of single exporters. */
  readonly exporters?: readonly ExporterSettings[] | undefined;
  /** What is added to records; left out, as by default. */
  readonly enrichment?: EnrichmentSettings | undefined;
  /** Whether exporters without another name are called as reverse DNS says. */
  readonly reverseDnsOfExporters?: boolean | undefined;
  /** User as whom the collector goes on once its sockets are open. */
  readonly runAs?: string | undefined;
  /** How the console is served. */
  readonly http?: HttpSettings | undefined;
  /** Who may see the console. */
  readonly access?: AccessSettings | undefined;
}

/** What a collector's configuration file says. */
export interface CollectorConfig extends ExporterConfig {
  readonly sources: readonly FlowSource[];
}

/** A configuration is a page or two; what is larger is another file given by mistake. */
export const CONFIG_OCTETS_MAX = 1 << 20;

const ALLOWED_DOCUMENT = 'an object with the property "sources", a list of flow sources';
const USER_ALLOWED = 'the name of a user of this machine';
const configSchema = z.strictObject(
  {
    sources: z.array(writtenFlowSourceSchema, { error: 'a list of flow sources' }).optional(),
    exporters: exporterListSchema.optional(),
    reverseDnsOfExporters: z.boolean({ error: 'true or false' }).optional(),
    enrichment: enrichmentSchema.optional(),
    runAs: z.string({ error: USER_ALLOWED }).min(1, USER_ALLOWED).optional(),
    http: httpSchema.optional(),
    access: accessSchema.optional(),
  },
  { error: (issue) => (issue.code === 'unrecognized_keys' ? undefined : ALLOWED_DOCUMENT) },
);

/**
 * Reads a collector's configuration: `{"sources": [ … ], "exporters": [ … ]}`. Without `sources` the default ones hold. Throws
 * UserError `config_invalid`, exit code 2: `FILE:LINE:COLUMN: PATH: found …; allowed: …`.
 */
export function parseCollectorConfig(text: string, fileName: string): CollectorConfig {
  if (text.length > CONFIG_OCTETS_MAX) {
    throw configError(fileName, `found ${text.length} characters; allowed: ${CONFIG_OCTETS_MAX}`);
  }
  const tree = parseDocument(text, fileName);
  const result = configSchema.safeParse(nodeValue(tree));
  if (!result.success) throw schemaError(text, fileName, tree, result.error);
  const sources = result.data.sources ?? defaultFlowSources();
  const breach = checkFlowSources(sources);
  if (breach !== undefined) {
    const path = ['sources', ...breach.path];
    throw configError(
      `${fileName}:${place(text, locate(tree, path))}`,
      `${pathText(path)}: ${breach.message}`,
    );
  }
  const { exporters, reverseDnsOfExporters, enrichment, runAs, http, access } = result.data;
  return {
    sources,
    ...(exporters === undefined ? {} : { exporters }),
    ...(reverseDnsOfExporters === undefined ? {} : { reverseDnsOfExporters }),
    ...(enrichment === undefined ? {} : { enrichment }),
    ...(runAs === undefined ? {} : { runAs }),
    ...(http === undefined ? {} : { http }),
    ...(access === undefined ? {} : { access }),
  };
}

/** The configuration as a file that `parseCollectorConfig` reads back as the same. */
export function formatCollectorConfig(config: CollectorConfig): string {
  return `${JSON.stringify(config, null, 2)}\n`;
}

function parseDocument(text: string, fileName: string): Node {
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors, { disallowComments: false, allowTrailingComma: false });
  const [first] = errors;
  if (first === undefined && tree !== undefined) return tree;
  const offset = first?.offset ?? 0;
  const wanted = first === undefined ? 'a JSON document' : syntaxWords(first);
  throw configError(`${fileName}:${place(text, offset)}`, `not JSON: ${wanted}; ${foundAt(text, offset)}`);
}

function schemaError(text: string, fileName: string, tree: Node, error: z.ZodError): UserError {
  const issue = error.issues[0];
  if (issue === undefined) return configError(fileName, `allowed: ${ALLOWED_DOCUMENT}`);
  const extraKey = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const path = extraKey === undefined ? issue.path : [...issue.path, extraKey];
  const where = `${fileName}:${place(text, locate(tree, path))}`;
  const name = path.length === 0 ? '' : `${pathText(path)}: `;
  if (extraKey !== undefined)
    return configError(where, `${name}unknown; allowed: ${keysAllowed(issue.path)}`);
  const node = findNodeAtLocation(tree, path.map(pathSegment));
  const found = node === undefined ? 'nothing' : text.slice(node.offset, node.offset + node.length);
  return configError(where, `${name}found ${shorten(found)}; allowed: ${issue.message}`);
}

function keysAllowed(path: readonly PropertyKey[]): string {
  if (path.length === 0) return Object.keys(configSchema.shape).join(', ');
  if (path[0] === 'exporters') return EXPORTER_SETTINGS_KEYS.join(', ');
  if (path[0] === 'http' && path.length === 2) return 'certificate, key';
  const shape = KEYS_OF_OBJECT[String(path.at(-1))] ?? Object.keys(flowSourceSchema.shape);
  return shape.join(', ');
}

/** Of the objects within a flow source. */
const KEYS_OF_OBJECT: Readonly<Record<string, readonly string[]>> = {
  forwarding: ['enabled', 'port', 'destinations', 'templatesEverySeconds', 'preserveSource'],
  tls: ['certificate', 'key', 'clientCa', 'subjects'],
  connections: ['max', 'perAddressMax', 'idleTimeoutSeconds'],
  sessions: SESSIONS_KEYS,
  enrichment: ENRICHMENT_KEYS,
  ...ACCESS_KEYS,
  ...CONSOLE_KEYS,
};

/** Offset of the deepest node that the path reaches. */
function locate(tree: Node, path: readonly PropertyKey[]): number {
  for (let depth = path.length; depth > 0; depth -= 1) {
    const node = findNodeAtLocation(tree, path.slice(0, depth).map(pathSegment));
    if (node !== undefined) return node.parent?.type === 'property' ? node.parent.offset : node.offset;
  }
  return tree.offset;
}

function pathSegment(key: PropertyKey): string | number {
  return typeof key === 'symbol' ? key.toString() : key;
}

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${String(key)}`))
    .join('');
}

/** `LINE:COLUMN`, both from 1. */
function place(text: string, offset: number): string {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  return `${before.split('\n').length}:${offset - lineStart + 1}`;
}

function foundAt(text: string, offset: number): string {
  const rest = text.slice(offset).trimStart();
  return rest === '' ? 'found the end of the file' : `found ${shorten(rest.split('\n')[0] ?? rest)}`;
}

/** `CommaExpected` → `comma expected`. */
function syntaxWords(error: ParseError): string {
  return printParseErrorCode(error.error)
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase();
}

function shorten(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  return line.length <= 60 ? line : `${line.slice(0, 57)}…`;
}

function nodeValue(node: Node): unknown {
  if (node.type === 'array') return (node.children ?? []).map(nodeValue);
  if (node.type !== 'object') return node.value;
  const entries = (node.children ?? []).map((property) => {
    const [key, value] = property.children ?? [];
    return [String(key?.value), value === undefined ? undefined : nodeValue(value)] as const;
  });
  return Object.fromEntries(entries);
}

function configError(where: string, message: string): UserError {
  return new UserError('config_invalid', `${where}: ${message}`, EXIT_USAGE);
}
