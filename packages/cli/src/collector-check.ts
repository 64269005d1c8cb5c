/**
 * The doctor's look at a collector: the one that runs on a data folder, asked by its address, or what a
 * configuration asks for.
 */

import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { defaultFlowSources, parseCollectorConfig } from '@weir/collecting';
import type { ExportersAnswer } from '@weir/server';
import type { Finding } from './doctor-report.ts';
import type { Probe } from './firewall/packet-filter.ts';
import { checkFirewall, readFirewall } from './firewall-check.ts';
import { connectService } from './service-client.ts';

const ANSWER_MS_MAX = 5_000;
/** As many as the API tells at once. */
const EXPORTERS_MAX = 4096;
/** Alarms that cost something; the others say that something does not work. */
const LESSER_ALARMS: readonly string[] = ['rate_limited', 'template_conflict'];
const USE_NAMES: Readonly<Record<string, string>> = {
  strm: 'STRM',
  tcpPerformance: 'TCP performance',
  policy: 'policy',
};

type Exporters = Pick<ExportersAnswer, 'exporters' | 'sources'>;
type Exporter = ExportersAnswer['exporters'][number];

interface Listening {
  readonly transport: string;
  readonly address: string;
  readonly port: number;
}

/** `config` is a configuration file; without it, and where no collector runs, the default sources are looked at. */
export async function checkCollector(dataDirectory: string, config: string | undefined): Promise<Finding[]> {
  const running = await ask(dataDirectory);
  const listening = config === undefined ? (running?.listening ?? defaults()) : configured(config);
  return [
    ...checkFirewall(readFirewall(), probesOf(listening)),
    ...(running === undefined ? [nobody(dataDirectory)] : describeExporters(running.exporters)),
  ];
}

function nobody(dataDirectory: string): Finding {
  const message = `no collector answers for ${dataDirectory}, so that nothing is known of exporters`;
  return { verdict: 'note', subject: 'exporters', message, remedy: 'name its folder with --data' };
}

async function ask(
  dataDirectory: string,
): Promise<{ exporters: Exporters; listening: Listening[] } | undefined> {
  const service = await connectService(dataDirectory);
  if (service === undefined) return undefined;
  try {
    const limit = () => AbortSignal.timeout(ANSWER_MS_MAX);
    const [exporters, status] = await Promise.all([
      service.get('exporters', { limit: EXPORTERS_MAX }, limit()),
      service.get('status', {}, limit()),
    ]);
    return { exporters, listening: status.listeners };
  } catch {
    return undefined;
  }
}

function defaults(): Listening[] {
  return defaultFlowSources().map(listeningOf);
}

function configured(file: string): Listening[] {
  const { sources } = parseCollectorConfig(readFileSync(file, 'utf8'), file);
  const open = sources.filter(({ enabled, sourceFilePath }) => enabled && sourceFilePath === undefined);
  return open.map(listeningOf);
}

function listeningOf(source: ReturnType<typeof defaultFlowSources>[number]): Listening {
  const { transport, monitoringAddress: address, monitoringPort: port } = source;
  return { transport, address, port };
}

/** What other machines can reach: not loopback. An IPv6 wildcard takes IPv4, too. */
function probesOf(listening: readonly Listening[]): Probe[] {
  return listening
    .filter(({ address }) => !address.startsWith('127.') && address !== '::1')
    .flatMap(({ transport, address, port }) => {
      const families = address === '::' ? (['ipv4', 'ipv6'] as const) : [isIPv6(address) ? 'ipv6' : 'ipv4'];
      return families.map((family) => ({
        transport: transport === 'udp' ? ('udp' as const) : ('tcp' as const),
        port,
        family: family as Probe['family'],
      }));
    });
}

/** What a collector tells, as findings. */
export function describeExporters({ exporters, sources }: Exporters): Finding[] {
  const ofSources = sources.flatMap(({ source, alarms }) =>
    alarms.map(({ message }): Finding => ({ verdict: 'bad', subject: `source ${source}`, message })),
  );
  const none: Finding = { verdict: 'note', subject: 'exporters', message: 'none has sent anything yet' };
  return [...ofSources, ...(exporters.length === 0 ? [none] : exporters.flatMap(describeExporter))];
}

function describeExporter(exporter: Exporter): Finding[] {
  const { name, address, source, observationDomainId, alarms } = exporter;
  const subject = 'exporter';
  const who = `${name === address ? address : `${name} (${address})`}, domain ${observationDomainId}, on ${source}`;
  const found = alarms.map(
    ({ code, message }): Finding => ({
      verdict: LESSER_ALARMS.includes(code) ? 'note' : 'bad',
      subject,
      message: `${who}: ${message}`,
    }),
  );
  const gaps = templateGaps(exporter).map(
    (gap): Finding => ({
      verdict: 'note',
      subject,
      message: `${who}: ${gap}`,
      remedy: "add the fields to the exporter's flow record where that use is wanted",
    }),
  );
  const well: Finding = { verdict: 'good', subject, message: `${who}: nothing is amiss` };
  return found.length + gaps.length === 0 ? [well] : [...found, ...gaps];
}

/** A line for each use and each list of fields that its templates lack. */
function templateGaps({ templates }: Exporter): string[] {
  const ids = new Map<string, number[]>();
  for (const { id, missing } of templates) {
    for (const [use, fields] of Object.entries(missing)) {
      const words = `for ${USE_NAMES[use] ?? use} ${fields.join(', ')}`;
      ids.set(words, [...(ids.get(words) ?? []), id]);
    }
  }
  return Array.from(ids, ([words, of]) =>
    of.length === 1 ? `template ${of[0]} lacks ${words}` : `templates ${of.join(', ')} lack ${words}`,
  );
}
