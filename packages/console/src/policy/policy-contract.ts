/** What the API says of policies, as far as the console shows it. */
import type {
  Outcome,
  PolicyChange,
  PolicyDocument,
  PolicyMatrix,
  PolicyProblem,
  SeenSums,
} from '@weir/analysis';

export interface PolicyVersion {
  version: number;
  at: string;
  by: string;
  comment: string;
}

export interface PolicyResponse {
  document: PolicyDocument | null;
  version: PolicyVersion | null;
  file: string;
  problems: PolicyProblem[];
  watch: {
    judgedToMs: number | null;
    alerts: number;
    skippedMs: number;
    lastFailure: string | null;
  };
}

export interface CheckResponse {
  document: PolicyDocument | null;
  problems: PolicyProblem[];
}

export interface MatrixResponse {
  fromMs: number;
  toMs: number;
  records: number;
  elapsedMs: number;
  notes: string[];
  version: PolicyVersion;
  matrix: PolicyMatrix;
}

export interface EvidencePair {
  fromAddr: string;
  toAddr: string;
  fromName: string | null;
  toName: string | null;
  protocol: number;
  value: number;
  forwarded: SeenSums;
  dropped: SeenSums;
  rule: string | null;
  rules: number;
  direction: string;
  filter: string;
}

export interface EvidenceResponse {
  pairs: EvidencePair[];
  pairCount: number;
  sources: number;
  destinations: number;
  filter: string;
  exact: boolean;
  kind: 'forwarded' | 'dropped' | 'all';
}

export interface ChangeResponse {
  fromMs: number;
  toMs: number;
  records: number;
  notes: string[];
  change: PolicyChange;
}

export interface TrendDay {
  day: string;
  version: number;
  totals: Record<Outcome, SeenSums>;
  judgedMs: number;
}

export interface DroppedSource {
  rule: string;
  srcAddr: string;
  name: string | null;
  records: number;
  destinations: number;
  packets: number;
  octets: number;
  first: number | null;
  last: number | null;
}

export interface ImportResponse {
  document: PolicyDocument;
  notMapped: { what: string; reason: string }[];
  notes: string[];
  problems: PolicyProblem[];
}
