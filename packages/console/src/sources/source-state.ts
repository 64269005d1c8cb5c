/** What a source does at the moment, put together from what its listener and its exporters say. */
import type { FlowSourceDraft, ListenerStatus, StatusResponse } from '../api/contract.ts';
import { formatCount } from '../format/quantity.ts';
import { nameOf } from './source-draft.ts';

export interface SourceState {
  kind: 'listening' | 'failed' | 'disabled' | 'new' | 'unknown';
  text: string;
  recordsPerSecond: number;
  exporters: number;
  listener: ListenerStatus | undefined;
  /** Sentences on what is wrong or surprising. */
  notes: string[];
}

export const VERSION_NAMES: Readonly<Record<number, string>> = {
  0: 'no export protocol at all',
  1: 'NetFlow v1',
  5: 'NetFlow v5',
  7: 'NetFlow v7',
  8: 'NetFlow v8',
  9: 'NetFlow v9',
  10: 'IPFIX',
};

export function sourceState(
  source: FlowSourceDraft,
  deployed: readonly FlowSourceDraft[],
  status: StatusResponse | undefined,
): SourceState {
  const name = nameOf(source);
  const running = deployed.find((each) => nameOf(each) === name);
  const listener = status?.listeners.find((each) => each.source === name);
  const exporters = status?.exporters.filter((each) => each.source === name) ?? [];
  const recordsPerSecond = exporters.reduce((sum, exporter) => sum + exporter.recordsPerSecond, 0);
  const common = {
    recordsPerSecond,
    exporters: exporters.length,
    listener,
    notes: notesOf(running, listener),
  };
  if (running === undefined) return { ...common, kind: 'new', text: 'not deployed' };
  if (running['enabled'] === false) return { ...common, kind: 'disabled', text: 'disabled' };
  if (listener === undefined) return { ...common, kind: 'unknown', text: 'starting' };
  if (listener.state === 'failed') return { ...common, kind: 'failed', text: listener.problem ?? 'failed' };
  return {
    ...common,
    kind: 'listening',
    text: running['sourceFilePath'] === undefined ? 'listening' : 'reading',
  };
}

function notesOf(source: FlowSourceDraft | undefined, listener: ListenerStatus | undefined): string[] {
  if (listener === undefined) return [];
  const notes = (listener.refused ?? []).map(({ version, datagrams }) => {
    const what = VERSION_NAMES[version] ?? `version ${version}`;
    const plural = datagrams === 1 ? 'datagram' : 'datagrams';
    return `${formatCount(datagrams)} ${plural} of ${what} arrived on this source, which takes ${String(source?.['type'] ?? 'others')}.`;
  });
  if (listener.kernelDrops > 0) {
    notes.push(
      `${formatCount(listener.kernelDrops)} datagrams were lost on this machine: the collector was behind. “weir doctor” says how to enlarge the socket's buffer.`,
    );
  }
  if (listener.files?.problem !== undefined) notes.push(listener.files.problem);
  for (const { address, port, problem } of listener.relay?.destinations ?? []) {
    if (problem !== undefined) notes.push(`Forwarding to ${address} port ${port}: ${problem}`);
  }
  if ((listener.relay?.dropped ?? 0) > 0) {
    notes.push(
      `${formatCount(listener.relay?.dropped ?? 0)} datagrams were not forwarded: sending was behind.`,
    );
  }
  return notes;
}
