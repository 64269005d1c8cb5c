/** Flows as tests of detections say them, and time played through a detection as the server does. */
import {
  AddressFeeds,
  type AlertFinding,
  DetectionMemory,
  defaultParameters,
  HOME_NETWORKS_DEFAULT,
  parseAddressFeed,
  parseNetwork,
  type TimeRange,
} from '@weir/analysis';
import type { FlowStore } from '@weir/storage';
import type { WrittenFlow } from '../test-flows.test-support.ts';
import { detectionNamed } from './detection-settings.ts';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
/** Midnight, UTC. */
export const START_MS = Date.UTC(2026, 4, 4);
export const SYN = 2;
const WHOLE = 0x1b;
const HOME = HOME_NETWORKS_DEFAULT.flatMap((text) => parseNetwork(text) ?? []);
const FEEDS = new AddressFeeds([
  { name: 'bad', changedMs: START_MS, ...parseAddressFeed('198.51.100.0/28') },
]);

export interface Sent extends Partial<WrittenFlow> {
  readonly src: string;
  readonly dst: string;
  readonly dstPort: number;
}

/** A flow of a client that ended so long after midnight. */
export function flow(atMs: number, sent: Sent): WrittenFlow {
  const endMs = START_MS + atMs;
  return {
    flowStart: endMs - 200,
    flowEnd: endMs,
    receivedAt: endMs + 100,
    srcPort: 40_000 + (Math.floor(atMs / 1000) % 20_000),
    tcpFlags: WHOLE,
    packets: 6,
    octets: 640,
    sessionSide: 0,
    forwardingStatus: 0x40,
    ...sent,
  };
}

export const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));
export const failed = { tcpFlags: SYN, packets: 1, octets: 44 };
export const dropped = { forwardingStatus: 0x80 };

/** Plays a range through a detection, some at a time. */
export async function playDetection(
  store: FlowStore,
  id: string,
  range: TimeRange,
  partMs: number,
  changed: Record<string, number> = {},
  memory = new DetectionMemory(detectionNamed(id).memoryRowsMax),
): Promise<AlertFinding[]> {
  const detection = detectionNamed(id);
  const found: AlertFinding[] = [];
  for (let { fromMs } = range; fromMs < range.toMs; fromMs += partMs) {
    const part = { fromMs, toMs: fromMs + partMs };
    const context = {
      range: part,
      parameters: { ...defaultParameters(detection), ...changed },
      home: HOME,
      counted: 'true',
      memory,
      feeds: FEEDS,
    };
    found.push(
      ...(await detection.run(async (sql, asked) => (await store.sql(sql, { range: asked })).rows, context)),
    );
  }
  return found;
}

export const hours = (from: number, to: number): TimeRange => ({
  fromMs: START_MS + from * HOUR_MS,
  toMs: START_MS + to * HOUR_MS,
});
export const subjects = (findings: readonly AlertFinding[]) =>
  [...new Set(findings.map(({ subject }) => subject.value))].sort();
