/**
 * What becomes of a finding: a new alert, one more of an alert that there is, or silence. No clock and no disk: the time
 * is handed in, so that history can be played through it as well ("would have fired 14 times last week").
 */
import {
  type Alert,
  type AlertFinding,
  type AlertState,
  type AlertSubject,
  parseNetwork,
  severityOf,
  severityRank,
  subjectIsIn,
} from '@weir/analysis';
import { UserError } from '@weir/base';
import type { LedgerState, Suppression } from './alert-schema.ts';

/** 2,000 × some 2 KiB are written at once; a page of people's work is some dozens. */
const ALERTS_MAX = 2000;
const SUPPRESSIONS_MAX = 500;
/** What comes back sooner after it was closed is the same thing, and was looked at. */
const COOLDOWN_MS = 6 * 3_600_000;
/** What was acknowledged and then silent for a day is news when it comes back. */
const QUIET_MS = 24 * 3_600_000;
const CAP_WINDOW_MS = 3_600_000;
/** Nobody reads more than twenty of a kind in an hour; a hundred are a detection that is set wrongly. */
const OPENED_BY_DETECTION_MAX = 20;
const OPENED_MAX = 60;
/** Subjects beyond the cap are counted once each, so far. */
const CAPPED_SUBJECTS_MAX = 10_000;

export type RaiseOutcome = 'opened' | 'grouped' | 'cooling' | 'capped' | 'suppressed';

export interface Raised {
  readonly outcome: RaiseOutcome;
  /** What it became part of; absent when it is counted only. */
  readonly alert?: Alert;
  /** Whether people should hear of it: it is new, graver than before, or back. */
  readonly isNews: boolean;
}

export interface LedgerCounters {
  raised: number;
  opened: number;
  grouped: number;
  cooling: number;
  capped: number;
  suppressed: number;
  evicted: number;
}

export type SuppressionRequest = Omit<Suppression, 'id' | 'createdAt' | 'hits'>;

interface CapWindow {
  fromMs: number;
  opened: number;
  lastId: string | undefined;
  readonly capped: Set<string>;
}

const iso = (ms: number): string => new Date(ms).toISOString();
const earlier = (one: string, other: string): string => (Date.parse(one) <= Date.parse(other) ? one : other);
const later = (one: string, other: string): string => (earlier(one, other) === one ? other : one);
const keyOf = ({ detection, subject }: Pick<AlertFinding, 'detection' | 'subject'>): string =>
  `${detection}\n${subject.kind}\n${subject.value}`;

export class AlertLedger {
  readonly counters: LedgerCounters = {
    raised: 0,
    opened: 0,
    grouped: 0,
    cooling: 0,
    capped: 0,
    suppressed: 0,
    evicted: 0,
  };
  /** By id, in the order in which they were opened. */
  readonly #alerts = new Map<string, Alert>();
  readonly #idByKey = new Map<string, string>();
  #suppressions: Suppression[];
  readonly #caps = new Map<string, CapWindow>();
  #nextId: number;

  constructor(state?: LedgerState) {
    this.#nextId = state?.nextId ?? 1;
    this.#suppressions = [...(state?.suppressions ?? [])];
    for (const alert of state?.alerts ?? []) this.#put(alert);
  }

  state(): LedgerState {
    const alerts = [...this.#alerts.values()] as LedgerState['alerts'];
    return { version: 1, nextId: this.#nextId, alerts, suppressions: [...this.#suppressions] };
  }

  /** Newest first. */
  alerts(): Alert[] {
    return [...this.#alerts.values()].reverse();
  }

  /** Throws UserError `alert_unknown`. */
  alert(id: string): Alert {
    const alert = this.#alerts.get(id);
    if (alert === undefined) throw new UserError('alert_unknown', `there is no alert ${id}`);
    return alert;
  }

  raise(finding: AlertFinding, nowMs: number): Raised {
    this.counters.raised += 1;
    const result = this.#raise(finding, nowMs);
    this.counters[result.outcome] += 1;
    return result;
  }

  #raise(finding: AlertFinding, nowMs: number): Raised {
    const suppression = this.#suppressionOf(finding, nowMs);
    const known = this.#alerts.get(this.#idByKey.get(keyOf(finding)) ?? '');
    if (suppression !== undefined) return this.#silence(finding, suppression, known, nowMs);
    if (known === undefined) return this.#open(finding, nowMs);
    if (known.state === 'closed') {
      if (nowMs - Date.parse(known.changedAt) >= COOLDOWN_MS) return this.#open(finding, nowMs);
      const alert = this.#put({ ...known, count: known.count + 1, lastSeen: finding.lastSeen });
      return { outcome: 'cooling', alert, isNews: false };
    }
    return this.#group(finding, known, nowMs);
  }

  /** One more of the same: the newest evidence counts, the highest score stays. */
  #group(finding: AlertFinding, known: Alert, nowMs: number): Raised {
    const score = Math.max(known.score, finding.score);
    const severity = severityOf(score);
    const isGraver = severityRank(severity) > severityRank(known.severity);
    const isBack =
      known.state === 'suppressed' ||
      (known.state === 'acknowledged' && nowMs - Date.parse(known.changedAt) >= QUIET_MS);
    const isNews = isGraver || isBack;
    const alert = this.#put({
      ...known,
      ...finding,
      score,
      severity,
      firstSeen: earlier(known.firstSeen, finding.firstSeen),
      lastSeen: later(known.lastSeen, finding.lastSeen),
      count: known.count + 1,
      state: isNews ? 'open' : known.state,
      changedAt: iso(nowMs),
    });
    return { outcome: 'grouped', alert, isNews };
  }

  #silence(finding: AlertFinding, by: Suppression, known: Alert | undefined, nowMs: number): Raised {
    this.#suppressions = this.#suppressions.map((each) =>
      each.id === by.id ? { ...each, hits: each.hits + 1 } : each,
    );
    const alert =
      known === undefined || known.state === 'closed'
        ? this.#create(finding, 'suppressed', nowMs)
        : { ...known, count: known.count + 1, lastSeen: finding.lastSeen, state: 'suppressed' as const };
    return { outcome: 'suppressed', alert: this.#put(alert), isNews: false };
  }

  #open(finding: AlertFinding, nowMs: number): Raised {
    const own = this.#capOf(finding.detection, nowMs);
    const all = this.#capOf('', nowMs);
    if (own.opened >= OPENED_BY_DETECTION_MAX || all.opened >= OPENED_MAX) {
      return this.#cap(finding, own.lastId === undefined ? all : own);
    }
    const alert = this.#put(this.#create(finding, 'open', nowMs));
    for (const window of [own, all]) {
      window.opened += 1;
      window.lastId = alert.id;
    }
    return { outcome: 'opened', alert, isNews: true };
  }

  /** Counts a subject once, at the last alert of its kind that was let through. */
  #cap(finding: AlertFinding, window: CapWindow): Raised {
    const key = keyOf(finding);
    const last = this.#alerts.get(window.lastId ?? '');
    if (last === undefined || window.capped.has(key)) return { outcome: 'capped', isNews: false };
    if (window.capped.size < CAPPED_SUBJECTS_MAX) window.capped.add(key);
    const alert = this.#put({ ...last, more: last.more + 1 });
    return { outcome: 'capped', alert, isNews: false };
  }

  #capOf(detection: string, nowMs: number): CapWindow {
    const known = this.#caps.get(detection);
    if (known !== undefined && nowMs - known.fromMs < CAP_WINDOW_MS) return known;
    const fresh: CapWindow = { fromMs: nowMs, opened: 0, lastId: undefined, capped: new Set() };
    this.#caps.set(detection, fresh);
    return fresh;
  }

  #create(finding: AlertFinding, state: AlertState, nowMs: number): Alert {
    const id = String(this.#nextId);
    this.#nextId += 1;
    const at = iso(nowMs);
    const severity = severityOf(finding.score);
    return { ...finding, id, severity, count: 1, more: 0, state, openedAt: at, changedAt: at };
  }

  #put(alert: Alert): Alert {
    this.#alerts.set(alert.id, alert);
    this.#idByKey.set(keyOf(alert), alert.id);
    if (this.#alerts.size > ALERTS_MAX) this.#evict();
    return alert;
  }

  /** What nobody will look at goes first: closed, then suppressed, then the oldest. */
  #evict(): void {
    const oldest = [...this.#alerts.values()];
    const gone =
      oldest.find(({ state }) => state === 'closed') ??
      oldest.find(({ state }) => state === 'suppressed') ??
      oldest[0];
    if (gone === undefined) return;
    this.#alerts.delete(gone.id);
    if (this.#idByKey.get(keyOf(gone)) === gone.id) this.#idByKey.delete(keyOf(gone));
    this.counters.evicted += 1;
  }

  /** Throws UserError `alert_unknown`. */
  setState(
    id: string,
    state: 'open' | 'acknowledged' | 'closed',
    by: string,
    note: string,
    nowMs: number,
  ): Alert {
    const { note: _note, ...alert } = this.alert(id);
    const said = note === '' ? {} : { note };
    return this.#put({ ...alert, state, by, ...said, changedAt: iso(nowMs) });
  }

  suppressions(nowMs: number): Suppression[] {
    return this.#suppressions.filter(({ until }) => Date.parse(until) > nowMs);
  }

  /**
   * Silences what fits from now on, and the open alerts that fit. Throws UserError `suppression_invalid` when it names
   * nothing, no network, or a time that is over, `suppression_conflict` when there are too many.
   */
  suppress(request: SuppressionRequest, nowMs: number): Suppression {
    checkSuppression(request, nowMs);
    this.#suppressions = this.suppressions(nowMs);
    if (this.#suppressions.length >= SUPPRESSIONS_MAX) {
      throw new UserError(
        'suppression_conflict',
        `there are ${SUPPRESSIONS_MAX} suppressions already; end some`,
      );
    }
    const suppression = { ...request, id: String(this.#nextId), createdAt: iso(nowMs), hits: 0 };
    this.#nextId += 1;
    this.#suppressions.push(suppression);
    for (const alert of this.#alerts.values()) {
      if (alert.state === 'closed' || !fits(suppression, alert)) continue;
      this.#put({ ...alert, state: 'suppressed', changedAt: iso(nowMs) });
    }
    return suppression;
  }

  /** Ends a suppression; what it silenced opens when it is found again. Throws UserError `suppression_unknown`. */
  unsuppress(id: string): void {
    if (!this.#suppressions.some((each) => each.id === id)) {
      throw new UserError('suppression_unknown', `there is no suppression ${id}`);
    }
    this.#suppressions = this.#suppressions.filter((each) => each.id !== id);
  }

  #suppressionOf(finding: AlertFinding, nowMs: number): Suppression | undefined {
    return this.#suppressions.find((each) => Date.parse(each.until) > nowMs && fits(each, finding));
  }
}

function fits(
  { detection, subject, network }: Suppression,
  finding: { readonly detection: string; readonly subject: AlertSubject },
): boolean {
  if (detection !== undefined && detection !== finding.detection) return false;
  if (subject !== undefined && !isSame(subject, finding.subject)) return false;
  const range = network === undefined ? undefined : parseNetwork(network);
  return range === undefined || subjectIsIn(finding.subject, range);
}

const isSame = (one: AlertSubject, other: AlertSubject): boolean =>
  one.kind === other.kind && one.value === other.value;

function checkSuppression({ detection, subject, network, until }: SuppressionRequest, nowMs: number): void {
  const invalid = (message: string) => new UserError('suppression_invalid', `suppression: ${message}`);
  if (detection === undefined && subject === undefined && network === undefined) {
    throw invalid('name a detection, a subject or a network');
  }
  if (network !== undefined && parseNetwork(network) === undefined) {
    throw invalid(`network: '${network}' is no network (allowed: 10.0.0.0/8, 2001:db8::/32, an address)`);
  }
  const untilMs = Date.parse(until);
  if (Number.isNaN(untilMs) || untilMs <= nowMs) {
    throw invalid(`until: '${until}' is no time to come (allowed: 2026-05-03T12:00:00Z)`);
  }
}
