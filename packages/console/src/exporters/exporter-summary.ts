/** What there is to say of an exporter in a few words. */
import type { Exporter } from '../api/contract.ts';
import { formatDuration, formatMoment } from '../format/time.ts';

export const exporterId = (exporter: Exporter): string =>
  [exporter.source, exporter.address, exporter.observationDomainId, exporter.versions.join('+')].join(' ');

/** `good`, or how bad the worst is. */
export type Health = 'good' | 'warn' | 'silent';

export function healthOf(exporter: Exporter): Health {
  if (exporter.silentSince !== undefined) return 'silent';
  return exporter.alarms.length > 0 ? 'warn' : 'good';
}

/** `silent since 10:02:00`, the first alarm, or that all is well. */
export function healthText(exporter: Exporter, nowMs: number): string {
  if (exporter.silentSince !== undefined) return `silent since ${formatMoment(exporter.silentSince, nowMs)}`;
  const [first, ...others] = exporter.alarms;
  if (first === undefined) return 'well';
  return others.length === 0 ? first.message : `${first.message}; and ${others.length} more`;
}

/** `1.2 s ahead`, `in time`, or a dash before it is known. */
export function clockText(skewMs: number | null): string {
  if (skewMs === null) return '–';
  if (Math.abs(skewMs) < 1000) return 'in time';
  return `${formatDuration(Math.abs(skewMs))} ${skewMs > 0 ? 'ahead' : 'behind'}`;
}

/** `1 in 1,000`; several rates are told as a span; `none` where all packets are metered or nothing is said. */
export function samplingText(sampling: Exporter['sampling']): string {
  const rates = sampling.map(({ rate }) => rate).filter((rate) => rate > 1);
  if (rates.length === 0) return 'none told';
  const [lowest, highest] = [Math.min(...rates), Math.max(...rates)];
  const text = (rate: number): string => rate.toLocaleString('en-US');
  return lowest === highest ? `1 in ${text(lowest)}` : `1 in ${text(lowest)} to ${text(highest)}`;
}

export const USE_NAMES: Readonly<Record<string, string>> = {
  strm: 'STRM',
  tcpPerformance: 'TCP performance',
  policy: 'Policy',
};

/** By use, the fields that no template of its kind sends, over all templates of flows. */
export function missingByUse(exporter: Exporter): Map<string, Set<string>> {
  const missing = new Map<string, Set<string>>();
  for (const template of exporter.templates) {
    if (template.options) continue;
    for (const [use, fields = []] of Object.entries(template.missing)) {
      if (fields.length === 0) continue;
      const known = missing.get(use) ?? new Set<string>();
      for (const field of fields) known.add(field);
      missing.set(use, known);
    }
  }
  return missing;
}
