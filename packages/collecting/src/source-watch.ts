/** Alarms of a flow source: what arrives there that should not, and what the kernel had to drop. */
import type { Clock, Logger } from '@weir/base';
import { type Alarm, createAlarmBoard, type SourceAlarmCode } from './exporter-alarm.ts';
import { describeVersion } from './flow-source-type.ts';
import type { ListenerCounters, RefusedVersion } from './listener-status.ts';

/** An alarm holds for so long after the last cause. */
const HOLDS_MS = 300_000;
const LOOK_EVERY_MS = 1000;

export interface SourceWatch {
  alarms(): readonly Alarm<SourceAlarmCode>[];
  stop(): void;
}

export interface SourceWatchOptions {
  /** What the source takes, in words. */
  type: string;
  clock: Clock;
  logger: Logger;
  counters(): Readonly<Pick<ListenerCounters, 'kernelDrops' | 'unheard'>>;
  refusedVersions(): readonly RefusedVersion[];
}

/** Looks once a second until it is stopped. */
export function createSourceWatch(options: SourceWatchOptions): SourceWatch {
  const { type, clock, logger, counters, refusedVersions } = options;
  const board = createAlarmBoard<SourceAlarmCode>(({ kind, alarm }) => {
    const facts = { alarm: alarm.code };
    if (kind === 'raised') logger.warn(facts, alarm.message);
    else logger.info(facts, `no longer: ${alarm.message}`);
  });
  const drops = createRecentGrowth(clock);
  const unheard = createRecentGrowth(clock);
  const refused = createRecentGrowth(clock);

  function look(): void {
    const nowMs = clock.nowMs();
    const dropped = drops(counters().kernelDrops ?? 0);
    const dropMessage = `the kernel dropped ${dropped} datagrams: this machine was too slow, or the socket buffer is too small`;
    board.set('kernel_drops', dropped > 0 ? dropMessage : undefined, nowMs);
    const left = unheard(counters().unheard);
    const leftMessage = `${left} datagrams of senders that are not established were not decoded: more arrives than can be; with "allow" nobody else is heard`;
    board.set('senders_unheard', left > 0 ? leftMessage : undefined, nowMs);
    const versions = refusedVersions();
    const count = refused(versions.reduce((sum, { datagrams }) => sum + datagrams, 0));
    const names = versions.map(({ version }) => describeVersion(version)).join(', ');
    const refusedMessage = `${names} datagrams arrive on this source of type ${type} and are not decoded`;
    board.set('version_refused', count > 0 ? refusedMessage : undefined, nowMs);
  }

  const cancel = clock.every(LOOK_EVERY_MS, look);
  return { alarms: () => board.alarms(), stop: cancel };
}

/** How much a total grew from its first growth on; 0 when it did not for HOLDS_MS. */
function createRecentGrowth(clock: Clock): (total: number) => number {
  let latest = 0;
  let before = 0;
  let grewAtMs = Number.NEGATIVE_INFINITY;
  return (total) => {
    const nowMs = clock.monotonicMs();
    if (nowMs - grewAtMs > HOLDS_MS) before = latest;
    if (total > latest) grewAtMs = nowMs;
    latest = total;
    return nowMs - grewAtMs > HOLDS_MS ? 0 : total - before;
  };
}
