/** Everything that a listener knows of each exporter, for those who ask for it: the API and the doctor. */
import type { DomainView } from '@weir/ipfix';
import { exporterKey } from './exporter-watch.ts';
import type { ExporterStatus } from './listener-status.ts';
import type { MessageIntake } from './message-intake.ts';
import { describeTemplates, type TemplateReport } from './template-uses.ts';

/** A sampling rate, one packet in so many, and for which flows it holds. */
export interface SamplingReport {
  readonly scope: 'domain' | 'sampler' | 'interface';
  /** Sampler or ifIndex; undefined for the whole domain. */
  readonly id: number | undefined;
  readonly name: string | undefined;
  readonly rate: number;
}

export interface ExporterReport extends ExporterStatus {
  /** The name that option records give it. */
  readonly toldName: string | undefined;
  readonly sampling: readonly SamplingReport[];
  /** How many of each are known by name. */
  readonly named: Readonly<Record<'interfaces' | 'applications' | 'vrfs' | 'peers', number>>;
  /** At most TEMPLATES_IN_REPORT_MAX. */
  readonly templates: readonly TemplateReport[];
  /** Of those left out, too. */
  readonly templateCount: number;
}

/** 256 × some 30 names: routers have a dozen; who announces thousands is not read by people. */
const TEMPLATES_IN_REPORT_MAX = 256;
const SAMPLING_IN_REPORT_MAX = 256;
/** Exporters described at once: an answer of some megabytes. */
export const EXPORTERS_IN_REPORT_MAX = 1024;

/** Those with the most records first, at most EXPORTERS_IN_REPORT_MAX. */
export function reportExporters(messages: MessageIntake): ExporterReport[] {
  const domains = new Map<string, DomainView>();
  for (const domain of messages.decoder.domainCounters()) {
    const key = exporterKey(domain.exporter);
    const known = domains.get(key);
    if (known === undefined || known.lastSeenMs <= domain.lastSeenMs) domains.set(key, domain);
  }
  return messages.ledger
    .exporters()
    .slice(0, EXPORTERS_IN_REPORT_MAX)
    .map((status) => reportOf(status, domains.get(exporterKey(status)), messages));
}

function reportOf(
  status: ExporterStatus,
  domain: DomainView | undefined,
  { knowledge }: MessageIntake,
): ExporterReport {
  const templates = domain?.templates() ?? [];
  const count = (kind: Parameters<typeof knowledge.factsOf>[1]) => knowledge.factsOf(status, kind).length;
  return {
    ...status,
    toldName: knowledge.nameOf(status),
    sampling: domain === undefined ? [] : samplingOf(domain, knowledge),
    named: {
      interfaces: count('interface'),
      applications: count('application'),
      vrfs: count('vrf'),
      peers: count('peer'),
    },
    templates: describeTemplates(templates).slice(0, TEMPLATES_IN_REPORT_MAX),
    templateCount: templates.length,
  };
}

function samplingOf(domain: DomainView, knowledge: MessageIntake['knowledge']): SamplingReport[] {
  const { domainRate, samplers, interfaces } = domain.sampling();
  const names = new Map(knowledge.factsOf(domain.exporter, 'sampler').map(({ key, name }) => [key, name]));
  const known = knowledge.of(domain.exporter);
  const whole =
    domainRate === 0 ? [] : [{ scope: 'domain', id: undefined, name: undefined, rate: domainRate }];
  return [
    ...whole,
    ...samplers.map(([id, rate]) => ({ scope: 'sampler', id, name: names.get(id), rate })),
    ...interfaces.map(([id, rate]) => ({ scope: 'interface', id, name: known.interfaceName(id), rate })),
  ].slice(0, SAMPLING_IN_REPORT_MAX) as SamplingReport[];
}
