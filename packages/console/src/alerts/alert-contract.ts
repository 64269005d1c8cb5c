/** What the API says of alerts, detections and notifications. */
import type { Alert, AlertSeverity, AlertState, AlertSubject } from '@weir/analysis';
import type { FlowRecord } from '../api/contract.ts';

export type AlertSummary = Omit<Alert, 'evidence' | 'explanation'>;

export interface AlertsResponse {
  alerts: readonly AlertSummary[];
  total: number;
  counts: {
    states: Partial<Record<AlertState, number>>;
    active: Partial<Record<AlertSeverity, number>>;
  };
}

export interface AlertDetailResponse {
  alert: Alert;
  series: {
    from: string;
    to: string;
    stepMs: number;
    points: readonly { time: string; octets: number; packets: number; flows: number }[];
  };
  flows: readonly FlowRecord[];
  notes: readonly string[];
}

export interface Suppression {
  id: string;
  detection?: string;
  subject?: AlertSubject;
  network?: string;
  reason: string;
  until: string;
  createdAt: string;
  createdBy: string;
  hits: number;
}

export interface DetectionParameterAnswer {
  name: string;
  value: number;
  default: number;
  min: number;
  max: number;
  unit: string;
  meaning: string;
  source: string;
}

export interface DetectionAnswer {
  id: string;
  title: string;
  what: string;
  formula: string;
  source: string;
  misses: string;
  enabled: boolean;
  everyMs: number;
  parameters: readonly DetectionParameterAnswer[];
  state: {
    lookedAtUntil: string | null;
    learnsSince: string | null;
    remembered: number;
    runs: number;
    failures: number;
    findings: number;
    elapsedMs: number;
    lastError: string;
  };
}

export interface DetectionsResponse {
  detections: readonly DetectionAnswer[];
  common: { home: readonly string[]; except: string };
  feeds: {
    files: readonly { name: string; entries: number; changedAt: string; badLines: number }[];
    ignored: number;
    folder: string;
  };
}

export interface DryRunResponse {
  detection: string;
  state: 'running' | 'done' | 'failed' | 'cancelled';
  progress: number;
  error: string;
  from: string;
  to: string;
  findings: number;
  alerts: number;
  perDay: Readonly<Record<string, number>>;
  shown: readonly Alert[];
}

export interface NotificationsResponse {
  smtp: {
    host: string;
    port: number;
    security: 'starttls' | 'tls' | 'none';
    user: string;
    from: string;
    hasPassword: boolean;
  } | null;
  webhooks: readonly {
    id: string;
    url: string;
    enabled: boolean;
    severityMin: AlertSeverity;
    hasSecret: boolean;
  }[];
  email: { enabled: boolean; to: readonly string[]; severityMin: AlertSeverity };
  queue: {
    waiting: readonly {
      target: string;
      subject: string;
      attempts: number;
      lastError: string;
      dueAt: string;
    }[];
    delivered: number;
    failedAttempts: number;
    givenUp: number;
    dropped: number;
  };
}
