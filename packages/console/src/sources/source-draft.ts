/** Reading and changing the parameters of a flow source that is being edited; never in place. */
import type { FlowSourceDraft } from '../api/contract.ts';

/** The value at a path such as `forwarding.port`; undefined where it is not there. */
export function parameterOf(source: FlowSourceDraft, path: string): unknown {
  let value: unknown = source;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

/** The source with another value at the path; undefined removes it, and an object that it leaves empty. */
export function withParameter(source: FlowSourceDraft, path: string, value: unknown): FlowSourceDraft {
  const [name = '', ...rest] = path.split('.');
  const inner = rest.length === 0 ? value : withParameter(objectOf(source[name]), rest.join('.'), value);
  const next = { ...source };
  const emptied = rest.length > 0 && value === undefined && Object.keys(objectOf(inner)).length === 0;
  if (inner === undefined || emptied) delete next[name];
  else next[name] = inner;
  return next;
}

function objectOf(value: unknown): FlowSourceDraft {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as FlowSourceDraft)
    : {};
}

/** The source without what has no effect over its transport, so that a change of transport is no problem. */
export function withTransport(source: FlowSourceDraft, transport: string): FlowSourceDraft {
  let next = withParameter(source, 'transport', transport);
  if (transport !== 'tls') next = withParameter(next, 'tls', undefined);
  else if (next['tls'] === undefined) next = withParameter(next, 'tls', { certificate: '', key: '' });
  if (transport === 'udp') return withParameter(next, 'connections', undefined);
  const type = String(next['type'] ?? '');
  // Only IPFIX can be cut into messages.
  if (type !== 'Any' && type !== 'IPFIX') next = withParameter(next, 'type', 'IPFIX');
  return withParameter(next, 'monitoringInterface', 'any');
}

export const nameOf = (source: FlowSourceDraft): string => String(source['name'] ?? '');

/** Where it takes its records from, in a few words: `udp/0.0.0.0:4739`, `file /var/captures`. */
export function inputOf(source: FlowSourceDraft): string {
  const file = source['sourceFilePath'];
  if (typeof file === 'string') return `file ${file}`;
  const address = String(source['monitoringAddress'] ?? '0.0.0.0');
  const host = address.includes(':') ? `[${address}]` : address;
  return `${String(source['transport'] ?? 'udp')}/${host}:${String(source['monitoringPort'] ?? '?')}`;
}

/** A value of a parameter for people, in a diff. */
export function parameterText(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (value === true) return 'yes';
  if (value === false) return 'no';
  if (Array.isArray(value)) return value.length === 0 ? 'nothing' : value.map(parameterText).join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** A list as it is written into a field: one entry a line, or separated by commas. */
export const listOf = (text: string): string[] =>
  text
    .split(/[\n,]/)
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
