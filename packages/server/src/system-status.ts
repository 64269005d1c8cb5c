/** What the process tells about itself; counters are totals since the start, times ms since the epoch. */
import type { FileSourceStatus, RelayStatus } from '@weir/collecting';

export interface MeteredInterfaceStatus {
  readonly name: string;
  readonly state: 'up' | 'down' | 'gone';
  readonly packets: number;
  /** Packets that were never metered because the meter was behind. */
  readonly kernelDrops: number;
}

export type MeteringStatus =
  /** `openFlows`: flows that have not ended. */
  | {
      readonly state: 'on';
      readonly interfaces: readonly MeteredInterfaceStatus[];
      readonly openFlows: number;
    }
  /** `reason` is one sentence; `howToGrant` says what removes it, a command line in double quotes. */
  | { readonly state: 'off'; readonly reason: string; readonly howToGrant?: string };

/** One open connection of an exporter over TCP or TLS. */
export interface ConnectionStatus {
  readonly address: string;
  readonly port: number;
  /** Name in the exporter's certificate, where one was shown. */
  readonly subject: string | undefined;
  readonly sinceMs: number;
  readonly lastMessageMs: number;
  readonly octets: number;
  readonly messages: number;
  /** Flow records taken from this connection. */
  readonly records: number;
}

export interface ListenerStatus {
  /** Name of the flow source. */
  readonly source: string;
  /** `udp`, `tcp`, `tls`. */
  readonly transport: string;
  readonly address: string;
  readonly port: number;
  readonly state: 'listening' | 'failed';
  /** Why it does not listen: one sentence. */
  readonly problem?: string;
  /** What is not as its operator may think, a sentence each. */
  readonly remarks?: readonly string[];
  /** Only of a source file path. */
  readonly files?: FileSourceStatus;
  /** Only of a source that forwards. */
  readonly relay?: RelayStatus;
  /** Over TCP and TLS messages. */
  readonly datagrams: number;
  /** Only over TCP and TLS. */
  readonly connections?: readonly ConnectionStatus[];
  /** Datagrams that were lost on this machine because the collector was behind. */
  readonly kernelDrops: number;
  /** Datagrams whose version the source's type does not accept; version 0 for what is no export protocol. */
  readonly refused?: readonly { readonly version: number; readonly datagrams: number }[];
}

export interface ExporterStatus {
  readonly address: string;
  readonly observationDomainId: number;
  readonly source: string;
  /** 1, 5, 7, 9, 10; 0 for this machine's own meter. */
  readonly version: number;
  readonly records: number;
  /** What the exporter sent and did not arrive, by its sequence numbers: records, of NetFlow v9 messages. */
  readonly lost: number;
  readonly lastSeenAt: number;
}

export interface StoreStatus {
  readonly dataDirectory: string;
  readonly records: number;
  /** Octets on disk. */
  readonly octets: number;
  readonly oldestAt: number | null;
  readonly newestAt: number | null;
}

export interface SystemStatus {
  readonly version: string;
  readonly startedAt: number;
  /** Made-up traffic is being replayed. */
  readonly demo: boolean;
  readonly metering: MeteringStatus;
  readonly listeners: readonly ListenerStatus[];
  readonly exporters: readonly ExporterStatus[];
  readonly store: StoreStatus;
}

/** SystemStatus as the API answers it: with the server's time and rates. */
export interface StatusAnswer extends Omit<SystemStatus, 'exporters'> {
  readonly now: number;
  readonly exporters: readonly (ExporterStatus & { readonly recordsPerSecond: number })[];
}

/** What somebody with a row filter is told of the process: nothing that counts flows of others. */
export function narrowStatus(status: StatusAnswer): StatusAnswer {
  const { version, now, startedAt, demo } = status;
  return {
    version,
    now,
    startedAt,
    demo,
    metering: {
      state: 'off',
      reason: 'what is metered is not shown to accounts limited to a part of the flows',
    },
    listeners: [],
    exporters: [],
    store: {
      dataDirectory: '',
      records: 0,
      octets: 0,
      oldestAt: status.store.oldestAt,
      newestAt: status.store.newestAt,
    },
  };
}

/** Rates are means over at least this long, so that a batch that just arrived is not a spike. */
const RATE_WINDOW_MS = 5000;

/** Turns totals into rates by remembering an earlier status. */
export function createStatusRates(): (status: SystemStatus, nowMs: number) => StatusAnswer {
  let base: { atMs: number; records: Map<string, number> } | undefined;
  let next: { atMs: number; records: Map<string, number> } | undefined;

  return (status, nowMs) => {
    const records = new Map(status.exporters.map((exporter) => [exporterKey(exporter), exporter.records]));
    if (next === undefined || nowMs - next.atMs >= RATE_WINDOW_MS) {
      base = next;
      next = { atMs: nowMs, records };
    }
    const from = base ?? next;
    const seconds = (nowMs - from.atMs) / 1000;
    const exporters = status.exporters.map((exporter) => {
      const before = from.records.get(exporterKey(exporter)) ?? 0;
      const recordsPerSecond = seconds > 0 ? Math.max(0, exporter.records - before) / seconds : 0;
      return { ...exporter, recordsPerSecond };
    });
    return { ...status, now: nowMs, exporters };
  };
}

const exporterKey = (exporter: ExporterStatus): string =>
  JSON.stringify([exporter.address, exporter.observationDomainId, exporter.source, exporter.version]);
