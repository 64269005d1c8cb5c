/** What `/reports` answers and takes. */
export type ReportSection =
  | { kind: 'talkers'; by: string[]; filter: string; orderBy: 'octets' | 'packets' | 'flows'; limit: number }
  | { kind: 'traffic'; by: string[]; filter: string; limit: number }
  | { kind: 'drops'; filter: string; limit: number }
  | { kind: 'alerts' }
  | { kind: 'policy' }
  | { kind: 'billing'; account: string }
  | { kind: 'capacity' };

export type ReportFormat = 'pdf' | 'html' | 'csv';

export interface ReportRequest {
  name: string;
  enabled: boolean;
  schedule: {
    every: 'daily' | 'weekly' | 'monthly';
    weekday: number;
    day: number;
    minute: number;
    timeZone: string;
  };
  sections: ReportSection[];
  formats: ReportFormat[];
  sendTo: string[];
  keep: number;
}

export interface ReportRun {
  id: string;
  report: string;
  dueMs: number;
  madeMs: number;
  fromMs: number;
  toMs: number;
  cause: 'clock' | 'missed' | 'hand';
  state: 'made' | 'failed';
  error: string;
  formats: ReportFormat[];
  octets: number;
  delivery: {
    state: 'none' | 'waiting' | 'sent' | 'givenUp';
    to: string[];
    attempts: number;
    dueMs: number;
    error: string;
  };
}

export interface Report extends ReportRequest {
  id: string;
  nextDueMs: number | null;
  runs: ReportRun[];
  running: boolean;
}

export interface ReportsResponse {
  reports: Report[];
  mail: boolean;
}
