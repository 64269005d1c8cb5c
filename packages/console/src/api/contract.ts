/** The shapes of `/api/v1` that the console reads; `/api/v1/openapi.json` describes them in full. */

/** A value of a dimension as the API gives it: text, a number, or null where the record had none. */
export type DimensionValue = string | number | null;

export interface Measures {
  octets: number;
  packets: number;
  flows: number;
}
export type MeasureName = keyof Measures;

export interface SeriesLine {
  /** Values of the dimensions in the order of `SeriesResponse.by`; null for all the rest together. */
  key: DimensionValue[] | null;
  octets: number[];
  packets: number[];
  flows: number[];
}

/** Sums for each step of time; `times` are the starts of the steps in ms since the epoch. */
export interface SeriesResponse {
  from: number;
  to: number;
  stepMs: number;
  by: string[];
  times: number[];
  series: SeriesLine[];
  tookMs: number;
  /** What the store was asked. */
  sql?: string;
}

/** From `fromTime` on the series is replaced; what is older than `from` has left the window. */
export interface SeriesPatch extends SeriesResponse {
  fromTime: number;
}

export type QueryRow = Record<string, DimensionValue>;

export interface QueryResponse {
  from: number;
  to: number;
  by: string[];
  rows: QueryRow[];
  total: Measures;
  tookMs: number;
  sql: string;
  /** What counts and what not, a sentence each. */
  notes?: string[];
  /** Where the answer comes from: records, or roll-ups of them, and why. */
  source?: { source: 'raw' | 'rollup'; why: string; errorShare?: number; rows: number; octets: number };
}

export type FlowRecord = Record<string, DimensionValue>;

export interface FlowsResponse {
  flows: FlowRecord[];
  next: string | null;
  tookMs: number;
  sql?: string;
}

export interface MeteredInterface {
  name: string;
  state: 'up' | 'down' | 'gone';
  packets: number;
  kernelDrops: number;
}

export interface ListenerStatus {
  source: string;
  transport: string;
  address: string;
  port: number;
  state: 'listening' | 'failed';
  problem?: string;
  /** Over TCP and TLS messages. */
  datagrams: number;
  kernelDrops: number;
  /** Datagrams of versions that the source does not accept; 0 stands for no export protocol. */
  refused?: { version: number; datagrams: number }[];
  /** Only of a source that reads files. */
  files?: {
    path: string;
    taken: number;
    failed: number;
    waiting: number;
    problem?: string;
    current?: string;
  };
  /** Only of a source that forwards. */
  relay?: {
    datagrams: number;
    dropped: number;
    destinations: { address: string; port: number; sent: number; failed: number; problem?: string }[];
  };
  /** Over TCP and TLS. */
  connections?: { address: string; port: number; records: number }[];
}

export interface ExporterStatus {
  address: string;
  observationDomainId: number;
  source: string;
  version: number;
  records: number;
  recordsPerSecond: number;
  /** Records; of NetFlow v9 messages. */
  lost: number;
  lastSeenAt: number;
}

export interface StatusResponse {
  version: string;
  now: number;
  startedAt: number;
  demo: boolean;
  metering:
    | { state: 'on'; interfaces: MeteredInterface[]; openFlows: number }
    | { state: 'off'; reason: string; howToGrant?: string };
  listeners: ListenerStatus[];
  exporters: ExporterStatus[];
  store: {
    dataDirectory: string;
    records: number;
    octets: number;
    oldestAt: number | null;
    newestAt: number | null;
  };
}

/** The newest rates: means over the last `windowMs`. */
export interface Pulse extends Measures {
  at: number;
  windowMs: number;
  exporters: number;
}

export interface ApiProblem {
  code: string;
  message: string;
  /** Filter errors only: offset in the filter's text, and what could have stood there. */
  position?: number;
  expected?: string[];
}

/** A flow source as it stands in an edit: its parameters, which may be unfinished. */
export type FlowSourceDraft = Record<string, unknown>;

export interface FlowSourceChange {
  kind: 'added' | 'removed' | 'changed' | 'enabled' | 'disabled';
  name: string;
  parameters: { path: string; from?: unknown; to?: unknown }[];
  restarts: boolean;
}

/** What hinders a deployment; `parameter` is a path such as `forwarding.port`, empty for the whole source. */
export interface FlowSourceProblem {
  source: string;
  parameter: string;
  message: string;
}

export interface FlowSourcesResponse {
  deployed: FlowSourceDraft[];
  staged: FlowSourceDraft[];
  changes: FlowSourceChange[];
  problems: FlowSourceProblem[];
  editable: boolean;
  whyNotEditable?: string;
}

export interface DeployResult {
  name: string;
  outcome: 'unchanged' | 'adapted' | 'started' | 'stopped' | 'restarted' | 'failed';
  message?: string;
}

export interface DeployResponse extends FlowSourcesResponse {
  results: DeployResult[];
}

export interface Alarm {
  code: string;
  message: string;
  since: number;
}

/** An observation domain of an exporter, as `/exporters` tells of it. */
export interface Exporter {
  address: string;
  name: string;
  nameFrom: string;
  source: string;
  observationDomainId: number;
  versions: number[];
  firstSeen: number;
  lastSeen: number;
  rates: { recordsPerSecond: number; octetsPerSecond: number; loss: number | null };
  totals: {
    messages: number;
    records: number;
    optionsRecords: number;
    octets: number;
    undecodedSets: number;
    templateChanges: number;
    templatesRefused: number;
    problems: number;
  };
  problems: { code: string; count: number; lastAt: number; lastMessage: string }[];
  sequence: { lost: number; duplicates: number; reordered: number; restarts: number };
  clockSkewMs: number | null;
  usualGapMs: number | null;
  sampling: { scope: 'domain' | 'sampler' | 'interface'; id?: number; name?: string; rate: number }[];
  interfaces: number;
  applications: number;
  vrfs: number;
  peers: number;
  templates: { id: number; options: boolean; fields: string[]; missing: Partial<Record<string, string[]>> }[];
  templateCount: number;
  silentSince?: number;
  alarms: Alarm[];
}

export interface ExportersResponse {
  now: number;
  exporters: Exporter[];
  total: number;
  sources: {
    source: string;
    kernelDrops: number | null;
    refusedVersions: { version: number; datagrams: number }[];
    alarms: Alarm[];
  }[];
}
