/**
 * Watches one observation domain of one exporter from one look to the next, about once a second: rates, how long it is
 * usually silent, how far its clock is off, what it loses; and raises alarms.
 */
import { type Alarm, type AlarmChange, createAlarmBoard, type ExporterAlarmCode } from './exporter-alarm.ts';

/** Limits beyond which an alarm is raised. */
export interface AlarmLimits {
  /** Silence in seconds; undefined: as the exporter's own habit says. */
  readonly silentAfterSeconds: number | undefined;
  readonly clockSkewSeconds: number;
  /** Of what the exporter sent in the last five minutes. */
  readonly lossPercent: number;
}

export const ALARM_LIMITS_DEFAULT: AlarmLimits = {
  silentAfterSeconds: undefined,
  clockSkewSeconds: 5,
  lossPercent: 1,
};

/** What a look sees: totals since the exporter is known. */
export interface ExporterSample {
  readonly nowMs: number;
  /** Of a clock that nobody sets. */
  readonly monotonicMs: number;
  readonly messages: number;
  readonly records: number;
  readonly octets: number;
  /** What its sequence numbers count: records, of v9 messages. */
  readonly units: number;
  readonly unitsLost: number;
  readonly rateLimited: number;
  readonly templateConflicts: number;
  /** Template IDs that Data Sets wait for. */
  readonly waitedFor: readonly number[];
  /** Export time of the latest message less its time of arrival. */
  readonly skewMs: number;
}

export interface ExporterRates {
  /** Means over the last minute. */
  readonly recordsPerSecond: number;
  /** Of messages, not of the traffic that they tell of. */
  readonly octetsPerSecond: number;
  /** Part of the units of the last five minutes that never arrived, 0 … 1; undefined where nothing is numbered. */
  readonly loss: number | undefined;
}

export interface ExporterHealth {
  look(sample: ExporterSample, limits: AlarmLimits): void;
  rates(): ExporterRates;
  /** Median of the last looks; undefined before there are enough. */
  clockSkewMs(): number | undefined;
  /** 99 of 100 pauses between its messages are shorter. */
  usualGapMs(): number | undefined;
  alarms(): Alarm<ExporterAlarmCode>[];
  habit(): ExporterHabit;
}

/** By what an exporter is missed. */
export interface ExporterHabit {
  /** Time in which we looked and nothing came. */
  readonly silentMs: number;
  /** Pauses between its messages, counted by class. */
  readonly gaps: readonly number[];
}

/** Looks remembered for the clock: half a minute of steady traffic outvotes messages that were held up. */
const SKEW_SAMPLES = 31;
const SKEW_SAMPLES_MIN = 5;
/** An alarm ends when its value falls to this part of the limit, so that it does not flutter. */
const CLEARS_AT = 0.8;
/** Totals are kept every 10 s for 5 minutes. */
const TOTALS_EVERY_MS = 10_000;
const TOTALS_KEPT = 31;
const RATE_WINDOW_MS = 60_000;
/** Fewer lost units than this are an accident, whatever part of a small number they are. */
const LOST_UNITS_MIN = 10;
/** A template usually comes within seconds of its data. */
const TEMPLATE_MISSING_MS = 10_000;
/** A template changes once when firmware does; one that changes to and fro has two owners. */
const TEMPLATE_CONFLICTS_MIN = 3;
/** Pauses are counted in classes, each √2 as long as the one before, from 1 s to 12 days. */
export const GAP_CLASSES = 40;
const GAPS_MIN = 10;
/** What is old counts less: all counts are halved when there are so many. */
const GAPS_MAX = 1000;
const SILENT_USUAL_GAPS = 5;
const SILENT_MS_MIN = 60_000;
/** Of an exporter whose habit is not known yet. */
const SILENT_MS_UNKNOWN = 1_800_000;
/** A look that comes later than this says that this machine stood still, not that the exporter did. */
const LOOK_MS_MAX = 5_000;

interface Totals {
  readonly monotonicMs: number;
  readonly records: number;
  readonly octets: number;
  readonly units: number;
  readonly unitsLost: number;
  readonly rateLimited: number;
  readonly templateConflicts: number;
}

export function createExporterHealth(
  changed: (change: AlarmChange<ExporterAlarmCode>) => void,
  habit?: ExporterHabit,
): ExporterHealth {
  return new Health(changed, habit);
}

class Health implements ExporterHealth {
  readonly #board;
  readonly #gaps = new GapHistogram();
  readonly #skews: number[] = [];
  readonly #totals: Totals[] = [];
  #latest: ExporterSample | undefined;
  /** Time in which we looked and nothing came. */
  #silentMs = 0;
  #missingSinceMs = -1;

  constructor(changed: (change: AlarmChange<ExporterAlarmCode>) => void, habit?: ExporterHabit) {
    this.#board = createAlarmBoard(changed);
    if (habit === undefined) return;
    this.#gaps.restore(habit.gaps);
    this.#silentMs = habit.silentMs;
  }

  look(sample: ExporterSample, limits: AlarmLimits): void {
    const latest = this.#latest;
    this.#latest = sample;
    if (latest !== undefined) this.#hear(latest, sample);
    const newest = this.#totals.at(-1);
    if (newest === undefined || sample.monotonicMs - newest.monotonicMs >= TOTALS_EVERY_MS) {
      this.#totals.push(sample);
      if (this.#totals.length > TOTALS_KEPT) this.#totals.shift();
    }
    this.#judge(sample, limits);
  }

  rates(): ExporterRates {
    const now = this.#latest;
    const before = this.#since(RATE_WINDOW_MS);
    const seconds =
      now === undefined || before === undefined ? 0 : (now.monotonicMs - before.monotonicMs) / 1000;
    const perSecond = (after = 0, earlier = 0) => (seconds > 0 ? Math.max(0, after - earlier) / seconds : 0);
    return {
      recordsPerSecond: perSecond(now?.records, before?.records),
      octetsPerSecond: perSecond(now?.octets, before?.octets),
      loss: this.#loss().part,
    };
  }

  clockSkewMs(): number | undefined {
    if (this.#skews.length < SKEW_SAMPLES_MIN) return undefined;
    return this.#skews.toSorted((one, other) => one - other)[this.#skews.length >> 1];
  }

  usualGapMs(): number | undefined {
    return this.#gaps.usualMs();
  }

  alarms(): Alarm<ExporterAlarmCode>[] {
    return this.#board.alarms();
  }

  habit(): ExporterHabit {
    return { silentMs: this.#silentMs, gaps: this.#gaps.counts() };
  }

  #hear(latest: ExporterSample, sample: ExporterSample): void {
    const elapsedMs = Math.min(LOOK_MS_MAX, sample.monotonicMs - latest.monotonicMs);
    if (sample.messages === latest.messages) {
      this.#silentMs += elapsedMs;
      return;
    }
    this.#gaps.add(this.#silentMs + elapsedMs);
    this.#silentMs = 0;
    this.#skews.push(sample.skewMs);
    if (this.#skews.length > SKEW_SAMPLES) this.#skews.shift();
  }

  #judge(sample: ExporterSample, limits: AlarmLimits): void {
    const { nowMs } = sample;
    this.#board.set('silent', this.#silence(limits), nowMs);
    this.#board.set('clock_skew', this.#skew(limits), nowMs);
    this.#board.set('loss', this.#losing(limits), nowMs);
    this.#board.set('template_missing', this.#missing(sample), nowMs);
    this.#board.set('template_conflict', this.#conflict(sample), nowMs);
    this.#board.set('rate_limited', this.#limited(sample), nowMs);
  }

  #silence({ silentAfterSeconds }: AlarmLimits): string | undefined {
    const usualMs = this.#gaps.usualMs();
    const afterMs =
      silentAfterSeconds !== undefined
        ? silentAfterSeconds * 1000
        : usualMs === undefined
          ? SILENT_MS_UNKNOWN
          : Math.max(SILENT_MS_MIN, SILENT_USUAL_GAPS * usualMs);
    if (this.#silentMs < afterMs) return undefined;
    const habit = usualMs === undefined ? '' : `; it usually pauses for at most ${duration(usualMs)}`;
    return `nothing has come for ${duration(this.#silentMs)}${habit}`;
  }

  #skew({ clockSkewSeconds }: AlarmLimits): string | undefined {
    const skewMs = this.clockSkewMs();
    if (skewMs === undefined) return undefined;
    const limitMs = clockSkewSeconds * 1000 * (this.#board.isSet('clock_skew') ? CLEARS_AT : 1);
    if (Math.abs(skewMs) <= limitMs) return undefined;
    const side = skewMs > 0 ? 'ahead of' : 'behind';
    return `its clock is ${duration(Math.abs(skewMs))} ${side} this machine's`;
  }

  #losing({ lossPercent }: AlarmLimits): string | undefined {
    const { part, lost } = this.#loss();
    if (part === undefined || lost < LOST_UNITS_MIN) return undefined;
    const limit = (lossPercent / 100) * (this.#board.isSet('loss') ? CLEARS_AT : 1);
    if (part <= limit) return undefined;
    return `${(part * 100).toFixed(1)} % of what it sent in the last 5 minutes is missing by its sequence numbers`;
  }

  #loss(): { part: number | undefined; lost: number } {
    const [oldest] = this.#totals;
    const now = this.#latest;
    if (oldest === undefined || now === undefined) return { part: undefined, lost: 0 };
    // Counters of loss fall again when what was missing comes late.
    const lost = Math.max(0, now.unitsLost - oldest.unitsLost);
    const sent = Math.max(0, now.units - oldest.units) + lost;
    return { part: sent > 0 ? lost / sent : undefined, lost };
  }

  #missing({ waitedFor, monotonicMs }: ExporterSample): string | undefined {
    if (waitedFor.length === 0) {
      this.#missingSinceMs = -1;
      return undefined;
    }
    if (this.#missingSinceMs < 0) this.#missingSinceMs = monotonicMs;
    if (monotonicMs - this.#missingSinceMs < TEMPLATE_MISSING_MS) return undefined;
    const shown = waitedFor.slice(0, 8).join(', ');
    const more = waitedFor.length > 8 ? ` and ${waitedFor.length - 8} more` : '';
    return `data waits for template ${shown}${more}, which did not come`;
  }

  #conflict({ templateConflicts }: ExporterSample): string | undefined {
    const [oldest] = this.#totals;
    const changes = templateConflicts - (oldest?.templateConflicts ?? templateConflicts);
    if (changes < TEMPLATE_CONFLICTS_MIN) return undefined;
    return `templates changed ${changes} times in 5 minutes: two exporters may share this address and domain`;
  }

  #limited({ rateLimited }: ExporterSample): string | undefined {
    const before = this.#since(RATE_WINDOW_MS);
    const dropped = rateLimited - (before?.rateLimited ?? rateLimited);
    return dropped > 0 ? `${dropped} datagrams of the last minute were beyond its rate limit` : undefined;
  }

  /** The newest totals that are at least so old, else the oldest. */
  #since(windowMs: number): Totals | undefined {
    const now = this.#latest;
    if (now === undefined) return undefined;
    return (
      this.#totals.findLast((totals) => now.monotonicMs - totals.monotonicMs >= windowMs) ?? this.#totals[0]
    );
  }
}

class GapHistogram {
  readonly #counts = new Float64Array(GAP_CLASSES);
  #total = 0;

  counts(): number[] {
    return [...this.#counts];
  }

  restore(counts: readonly number[]): void {
    this.#counts.set(counts.slice(0, GAP_CLASSES));
    this.#total = counts.reduce((sum, count) => sum + count, 0);
  }

  add(gapMs: number): void {
    const index = Math.ceil(Math.log2(Math.max(1, gapMs / 1000)) * 2);
    const counted = Math.min(GAP_CLASSES - 1, index);
    this.#counts[counted] = (this.#counts[counted] ?? 0) + 1;
    this.#total += 1;
    if (this.#total < GAPS_MAX) return;
    for (let at = 0; at < GAP_CLASSES; at += 1) this.#counts[at] = (this.#counts[at] ?? 0) / 2;
    this.#total /= 2;
  }

  /** The 99th percentile, rounded up to its class; undefined before there are enough. */
  usualMs(): number | undefined {
    if (this.#total < GAPS_MIN) return undefined;
    let above = this.#total * 0.01;
    let index = GAP_CLASSES - 1;
    for (; index > 0; index -= 1) {
      above -= this.#counts[index] ?? 0;
      if (above < 0) break;
    }
    return 1000 * 2 ** (index / 2);
  }
}

function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
