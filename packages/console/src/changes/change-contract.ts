/** What the API tells of what changed between two periods. */
export interface TrafficChange {
  dimension: string;
  label: string;
  key: Record<string, string | number | null>;
  kind: 'new' | 'gone' | 'grown' | 'shrunk' | 'same';
  actual: number;
  before: number;
  expected: number;
  flowsNow: number;
  flowsBefore: number;
  filter: string;
}

export interface ChangesResponse {
  now: { from: number; to: number };
  before: { from: number; to: number };
  comparable: { factor: number; by: string; why: string };
  sentences: string[];
  total: TrafficChange | null;
  causes: { dimension: string; explanatoryPower: number; surprise: number }[];
  dimensions: { dimension: string; changes: TrafficChange[] }[];
}
