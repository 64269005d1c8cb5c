/** What an analysis found and somebody should look at: with the numbers of its formula, and the flows behind them. */
import { type Address, type Network, networkContains, parseAddress } from './address.ts';

export const ALERT_SEVERITIES = ['low', 'medium', 'high', 'critical'] as const;
export type AlertSeverity = (typeof ALERT_SEVERITIES)[number];

export const ALERT_STATES = ['open', 'acknowledged', 'suppressed', 'closed'] as const;
export type AlertState = (typeof ALERT_STATES)[number];

export const ALERT_SUBJECT_KINDS = [
  'host',
  'pair',
  'service',
  'rule',
  'account',
  'interface',
  'exporter',
  'user',
] as const;
export type AlertSubjectKind = (typeof ALERT_SUBJECT_KINDS)[number];

export interface AlertSubject {
  readonly kind: AlertSubjectKind;
  /** As people read it; of a pair `A → B`, of a service `A port/protocol`. */
  readonly value: string;
}

/** One number of a formula. */
export interface EvidenceNumber {
  readonly name: string;
  readonly value: number;
  readonly unit?: string;
  /** What it was held against. */
  readonly threshold?: number;
  readonly meaning: string;
}

export interface AlertEvidence {
  /** With the names of `numbers`, and where it comes from. */
  readonly formula: string;
  readonly numbers: readonly EvidenceNumber[];
  /** The flows behind it, in the filter language, and the time range in which they ended (ISO 8601). */
  readonly filter: string;
  readonly from: string;
  readonly to: string;
}

/** What a detection or an analysis hands in; the same subject again is the same alert. */
export interface AlertFinding {
  /** Stable name of what found it: `beacon`, `policy`. */
  readonly detection: string;
  readonly title: string;
  readonly subject: AlertSubject;
  /** 0 … 1; says the severity. */
  readonly score: number;
  /** ISO 8601. */
  readonly firstSeen: string;
  readonly lastSeen: string;
  readonly evidence: AlertEvidence;
  /** Sentences for somebody who never heard of the formula: what was seen, what it may be, what to do. */
  readonly explanation: string;
}

export interface Alert extends AlertFinding {
  readonly id: string;
  readonly severity: AlertSeverity;
  /** How often it was found. */
  readonly count: number;
  readonly state: AlertState;
  /** Findings of the same detection that the cap kept from being alerts of their own: "37 more like this". */
  readonly more: number;
  /** When it was opened, and when its state or its evidence changed last (ISO 8601). */
  readonly openedAt: string;
  readonly changedAt: string;
  /** Who acknowledged or closed it, and what they said. */
  readonly by?: string;
  readonly note?: string;
}

/** RITA's categories (impact of a score): above 0.8 critical, 0.6 high, 0.4 medium. */
export function severityOf(score: number): AlertSeverity {
  if (score > 0.8) return 'critical';
  if (score > 0.6) return 'high';
  return score > 0.4 ? 'medium' : 'low';
}

/** How grave a severity is: 0 … 3. */
export const severityRank = (severity: AlertSeverity): number => ALERT_SEVERITIES.indexOf(severity);

/** The addresses that a subject names. */
export function addressesOf({ value }: AlertSubject): Address[] {
  return value
    .split(/[\s→,]+/)
    .map(parseAddress)
    .filter((address) => address !== undefined);
}

/** Whether one of the subject's addresses is in a network. */
export function subjectIsIn(subject: AlertSubject, network: Network): boolean {
  return addressesOf(subject).some((address) => networkContains(network, address));
}
