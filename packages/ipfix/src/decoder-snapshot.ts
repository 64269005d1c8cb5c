/**
 * What a decoder must know again after a restart, as plain JSON: templates, sampling rates, boot times and
 * element definitions of every exporter over UDP. Without it, everything before the next template refresh
 * (up to 30 minutes, or never for exporters that send templates once) waits or is lost.
 */
import type { DomainState, ExporterScope } from './domain-state.ts';
import type { ExporterTable } from './exporter-table.ts';
import { ABSTRACT_DATA_TYPES, type InformationElement } from './information-element.ts';
import type { ScopeRecords } from './scope-records.ts';
import type { Template } from './template.ts';
import { recordOctetsMin } from './template-layout.ts';
import { FIELDS_PER_TEMPLATE_MAX, TEMPLATE_ID_MIN } from './template-set.ts';

/** Raised when the shape changes; a snapshot of another format is not restored. */
export const SNAPSHOT_FORMAT = 1;

export interface DecoderSnapshot {
  readonly format: typeof SNAPSHOT_FORMAT;
  readonly exporters: readonly ExporterSnapshot[];
}

export interface ExporterSnapshot {
  readonly exporterAddress: string;
  readonly localSocket: string;
  readonly source: string;
  /** Left out where it is not. */
  readonly established?: true;
  readonly elements: readonly InformationElement[];
  readonly domains: readonly DomainSnapshot[];
}

export interface DomainSnapshot {
  readonly version: number;
  readonly observationDomainId: number;
  readonly systemInitTimeMs: number;
  readonly sampling: ReturnType<DomainState['sampling']['snapshot']>;
  readonly templates: readonly TemplateSnapshot[];
}

export interface TemplateSnapshot {
  readonly templateId: number;
  readonly scopeFieldCount: number;
  readonly options: boolean;
  readonly validFromMs: number;
  /** Enterprise number, element, length of each field. */
  readonly fields: readonly (readonly [number, number, number])[];
}

/** What of a snapshot was taken, and what was not for being malformed or beyond a limit. */
export interface RestoreResult {
  readonly templates: number;
  readonly refused: number;
}

export function snapshotOf(exporters: ExporterTable, records: ScopeRecords): DecoderSnapshot {
  const scopes = new Set<ExporterScope>();
  for (const { scope } of exporters.domains()) if (scope.session.transport === 'udp') scopes.add(scope);
  return { format: SNAPSHOT_FORMAT, exporters: [...scopes].map((scope) => snapshotScope(scope, records)) };
}

function snapshotScope(scope: ExporterScope, records: ScopeRecords): ExporterSnapshot {
  const { exporterAddress, localSocket, source } = scope.session;
  return {
    exporterAddress,
    localSocket,
    source,
    ...(scope.established ? { established: true } : {}),
    elements: [...records.definedElements(scope)],
    domains: [...scope.domains.values()].filter((domain) => domain.version >= 9).map(snapshotDomain),
  };
}

function snapshotDomain(domain: DomainState): DomainSnapshot {
  const { version, observationDomainId, systemInitTimeMs, sampling, templates } = domain;
  return {
    version,
    observationDomainId,
    systemInitTimeMs,
    sampling: sampling.snapshot(),
    templates: Array.from(templates.entries(), ({ template, options, validFromMs }) => ({
      templateId: template.templateId,
      scopeFieldCount: template.scopeFieldCount,
      options,
      validFromMs,
      fields: template.fields.map(
        ({ enterpriseNumber, elementId, length }) => [enterpriseNumber, elementId, length] as const,
      ),
    })),
  };
}

/** Takes a snapshot that was read from outside: what is malformed is left out and counted, never thrown. */
export function restoreSnapshot(
  snapshot: unknown,
  exporters: ExporterTable,
  records: ScopeRecords,
): RestoreResult {
  const result = { templates: 0, refused: 0 };
  if (!isObject(snapshot) || snapshot['format'] !== SNAPSHOT_FORMAT) return { templates: 0, refused: 1 };
  for (const exporter of listOf(snapshot['exporters'])) {
    const scope = scopeOf(exporter, exporters);
    if (scope === undefined || !isObject(exporter)) {
      result.refused += 1;
      continue;
    }
    if (exporter['established'] === true) exporters.establish(scope);
    for (const element of listOf(exporter['elements']))
      if (isElement(element)) records.define(scope, element);
    for (const domain of listOf(exporter['domains'])) restoreDomain(domain, scope, exporters, result);
  }
  return result;
}

function scopeOf(exporter: unknown, exporters: ExporterTable): ExporterScope | undefined {
  if (!isObject(exporter)) return undefined;
  const { exporterAddress, localSocket, source } = exporter;
  if (typeof exporterAddress !== 'string' || typeof localSocket !== 'string' || typeof source !== 'string') {
    return undefined;
  }
  return exporters.scope({ exporterAddress, localSocket, source, transport: 'udp' });
}

function restoreDomain(
  value: unknown,
  scope: ExporterScope,
  exporters: ExporterTable,
  result: { templates: number; refused: number },
): void {
  const version = isObject(value) ? value['version'] : undefined;
  const domainId = isObject(value) ? value['observationDomainId'] : undefined;
  if (!isObject(value) || (version !== 9 && version !== 10) || !isUnsigned(domainId, 0xffffffff)) {
    result.refused += 1;
    return;
  }
  const domain = exporters.domain(scope, version, domainId);
  if (isUnsigned(value['systemInitTimeMs'], Number.MAX_SAFE_INTEGER)) {
    domain.systemInitTimeMs = value['systemInitTimeMs'];
  }
  restoreSampling(value['sampling'], domain);
  for (const entry of listOf(value['templates'])) {
    if (restoreTemplate(entry, domain)) result.templates += 1;
    else result.refused += 1;
  }
  if (domain.templates.size > 0) exporters.prove(scope);
}

function restoreSampling(value: unknown, { sampling }: DomainState): void {
  if (!isObject(value)) return;
  if (isRate(value['domainRate'])) sampling.setDomainRate(value['domainRate']);
  for (const [id, rate] of listOf(value['samplers']).filter(isPair)) sampling.setSamplerRate(id, rate);
  for (const [id, rate] of listOf(value['interfaces']).filter(isPair)) sampling.setInterfaceRate(id, rate);
  for (const [id, rate] of listOf(value['others']).filter(isPair)) sampling.setOtherDomainRate(id, rate);
}

function restoreTemplate(value: unknown, { templates }: DomainState): boolean {
  if (!isObject(value)) return false;
  const { options, validFromMs } = value;
  const template = templateOf(value);
  if (template === undefined || typeof options !== 'boolean') return false;
  if (!isUnsigned(validFromMs, Number.MAX_SAFE_INTEGER)) return false;
  return templates.announce(template, options, validFromMs, 0, () => {}) !== 'refused';
}

function templateOf(value: Record<string, unknown>): Template | undefined {
  const { templateId, scopeFieldCount } = value;
  const fields = listOf(value['fields']);
  const isValid =
    isUnsigned(templateId, 65535) &&
    templateId >= TEMPLATE_ID_MIN &&
    isUnsigned(scopeFieldCount, fields.length) &&
    fields.length <= FIELDS_PER_TEMPLATE_MAX &&
    fields.every(isField);
  if (!isValid) return undefined;
  const template: Template = {
    templateId,
    scopeFieldCount,
    fields: fields.map(([enterpriseNumber, elementId, length]) => ({ enterpriseNumber, elementId, length })),
  };
  return recordOctetsMin(template) > 0 ? template : undefined;
}

function isField(value: unknown): value is [number, number, number] {
  return (
    Array.isArray(value) &&
    isUnsigned(value[0], 0xffffffff) &&
    isUnsigned(value[1], 65535) &&
    isUnsigned(value[2], 65535)
  );
}

function isElement(value: unknown): value is InformationElement {
  return (
    isObject(value) &&
    isUnsigned(value['enterpriseNumber'], 0xffffffff) &&
    isUnsigned(value['elementId'], 65535) &&
    typeof value['name'] === 'string' &&
    ABSTRACT_DATA_TYPES.some((type) => type === value['dataType'])
  );
}

function isPair(value: unknown): value is [number, number] {
  return Array.isArray(value) && isUnsigned(value[0], Number.MAX_SAFE_INTEGER) && isRate(value[1]);
}

function isRate(value: unknown): value is number {
  return isUnsigned(value, 0xffffffff) && value > 0;
}

function isUnsigned(value: unknown, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
