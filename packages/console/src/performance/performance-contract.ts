/** What the API tells of how connections perform. Times are in milliseconds. */
export interface PerformanceFigures {
  samples: number;
  roundTripP50: number | null;
  roundTripP95: number | null;
  roundTripP99: number | null;
  clientP50: number | null;
  serverP50: number | null;
  packets: number;
  retransmitted: number | null;
  outOfOrder: number | null;
  zeroWindows: number | null;
}

export interface PerformanceResponse {
  from: number;
  to: number;
  stepMs: number;
  elements: string[];
  why: string | null;
  totals: PerformanceFigures & { records: number; recordsWithTimes: number; recordsWithCounts: number };
  times: number[];
  series: Record<
    'roundTripP50' | 'roundTripP95' | 'roundTripP99' | 'retransmittedShare' | 'outOfOrderShare',
    (number | null)[]
  >;
  heat: { endsMs: number[]; rows: number[][] };
}

export interface PerformanceGroup extends PerformanceFigures {
  key: Record<string, string | number | null>;
  label: string;
  filter: string;
  usualRoundTrip: number | null;
}

export interface PerformanceGroupsResponse {
  from: number;
  to: number;
  rows: PerformanceGroup[];
}

export interface LossRow {
  label: string;
  filter: string;
  runs: number;
  compared: number;
  sentPackets: number;
  receivedPackets: number;
  lost: number;
  surplus: number;
  lossShare: number | null;
  skewMs: number | null;
}

export interface LossResponse {
  from: number;
  to: number;
  coverage: { runs: number; packets: number; matchedRuns: number; matchedPackets: number };
  why: string | null;
  rows: LossRow[];
}
