/** `/healthz`: whether the process does what it was asked to, and why not where not. */
import type { CollectorStatus } from '@weir/collecting';

export interface Health {
  /** `degraded`: it answers, and something that it was asked to do does not work. */
  readonly status: 'ok' | 'degraded';
  /** A sentence each. */
  readonly reasons: readonly string[];
}

/** Exporters named in one reason; the others are counted. */
const EXPORTERS_NAMED_MAX = 3;

/** What a collector's status says about its health. */
export function healthOf({ sources }: CollectorStatus): Health {
  const reasons = sources.flatMap(({ source, state, problem, listener }) => [
    ...(state === 'listening' || state === 'disabled'
      ? []
      : [`flow source "${source.name}": ${problem ?? `it is ${state}`}`]),
    ...(listener?.alarms ?? []).map(({ message }) => `flow source "${source.name}": ${message}`),
  ]);
  const all = [...reasons, ...exporterReasons(sources)];
  return { status: all.length === 0 ? 'ok' : 'degraded', reasons: all };
}

/** One line for each kind of alarm. */
function exporterReasons(sources: CollectorStatus['sources']): string[] {
  const byCode = new Map<string, string[]>();
  for (const { address, alarms } of sources.flatMap(({ listener }) => listener?.exporters ?? [])) {
    for (const { code } of alarms) byCode.set(code, [...(byCode.get(code) ?? []), address]);
  }
  return Array.from(byCode, ([code, addresses]) => {
    const named = addresses.slice(0, EXPORTERS_NAMED_MAX).join(', ');
    const more = addresses.length - EXPORTERS_NAMED_MAX;
    return `exporters with the alarm ${code}: ${named}${more > 0 ? ` and ${more} more` : ''}`;
  });
}
