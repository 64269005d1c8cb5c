/**
 * What the exporter says of itself (RFC 7011 sections 4.1 to 4.3), as option records: how much it exported,
 * what it could not send to this collector, what the meter could not meter, and when its uptime was 0.
 */
import {
  type EncodableRecord,
  type FieldSpecifier,
  type Template,
  WEIR_ENTERPRISE_NUMBER,
} from '@weir/ipfix';
import { OPTIONS_TEMPLATE_ID_FIRST } from './export-template.ts';
import { PROCESS_DOMAIN_ID } from './template-message.ts';

/** Packets that were seen but not metered: RFC 7011 section 4.2. Times in milliseconds since the Unix epoch. */
export interface MeteringLoss {
  readonly ignoredPackets: number;
  readonly ignoredOctets: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

/** The Metering Process as it is now. */
export interface MeteringState {
  /** Flows in its cache, and the most that there were. */
  readonly cacheFlows: number;
  readonly cacheFlowsPeak: number;
  /** Frames that policy dropped, since the start. */
  readonly droppedPackets: number;
  readonly droppedOctets: number;
}

function iana(elementId: number, length: number): FieldSpecifier {
  return { enterpriseNumber: 0, elementId, length };
}

const OBSERVATION_DOMAIN_ID = iana(149, 4);
const EXPORTING_PROCESS_ID = iana(144, 4);
const OBSERVATION_TIME_MILLISECONDS = iana(323, 8);

/** exportedMessageTotalCount, exportedFlowRecordTotalCount, exportedOctetTotalCount. */
const METERING_STATISTICS: Template = {
  templateId: OPTIONS_TEMPLATE_ID_FIRST,
  scopeFieldCount: 1,
  fields: [OBSERVATION_DOMAIN_ID, iana(41, 8), iana(42, 8), iana(40, 8)],
};

/** ignoredPacketTotalCount, ignoredOctetTotalCount, time of the first and of the last. */
const METERING_RELIABILITY: Template = {
  templateId: OPTIONS_TEMPLATE_ID_FIRST + 1,
  scopeFieldCount: 1,
  fields: [
    OBSERVATION_DOMAIN_ID,
    iana(164, 8),
    iana(165, 8),
    OBSERVATION_TIME_MILLISECONDS,
    OBSERVATION_TIME_MILLISECONDS,
  ],
};

/** notSentFlowTotalCount, notSentPacketTotalCount, notSentOctetTotalCount, time of the first and of the last. */
const EXPORTING_RELIABILITY: Template = {
  templateId: OPTIONS_TEMPLATE_ID_FIRST + 2,
  scopeFieldCount: 1,
  fields: [
    EXPORTING_PROCESS_ID,
    iana(166, 8),
    iana(167, 8),
    iana(168, 8),
    OBSERVATION_TIME_MILLISECONDS,
    OBSERVATION_TIME_MILLISECONDS,
  ],
};

/**
 * systemInitTimeMilliseconds, to which flowStartSysUpTime and flowEndSysUpTime are relative. Here and not in
 * every record: records have absolute times, and nfcapd 1.7.1 swaps start and end when it adds this up.
 */
const SYSTEM_INITIALIZATION: Template = {
  templateId: OPTIONS_TEMPLATE_ID_FIRST + 3,
  scopeFieldCount: 1,
  fields: [EXPORTING_PROCESS_ID, iana(160, 8)],
};

function ours(elementId: number, length: number): FieldSpecifier {
  return { enterpriseNumber: WEIR_ENTERPRISE_NUMBER, elementId, length };
}

/** droppedPacketTotalCount, droppedOctetTotalCount, flowCacheEntries, flowCachePeakEntries. */
export const METERING_STATE: Template = {
  templateId: OPTIONS_TEMPLATE_ID_FIRST + 8,
  scopeFieldCount: 1,
  fields: [OBSERVATION_DOMAIN_ID, iana(135, 8), iana(134, 8), ours(19, 8), ours(20, 8)],
};

/** exportingProcessId, observationDomainId: whose totals they are, when records of several processes are replayed. */
const FINAL_SCOPE = [EXPORTING_PROCESS_ID, OBSERVATION_DOMAIN_ID];
/** When they were so; messages, flow records and octets exported; flows, packets and octets not sent. */
const FINAL_TOTALS = [
  OBSERVATION_TIME_MILLISECONDS,
  ...[41, 42, 40, 166, 167, 168].map((elementId) => iana(elementId, 8)),
];
/** Ignored packets and octets; what METERING_STATE has. */
const FINAL_METERING = [
  ...[164, 165, 135, 134].map((elementId) => iana(elementId, 8)),
  ours(19, 8),
  ours(20, 8),
];

/** What a process had exported and lost when it ended, with what its Metering Process tells and without. */
const FINAL_STATISTICS: Template = {
  templateId: OPTIONS_TEMPLATE_ID_FIRST + 9,
  scopeFieldCount: FINAL_SCOPE.length,
  fields: [...FINAL_SCOPE, ...FINAL_TOTALS],
};
const FINAL_STATISTICS_METERED: Template = {
  templateId: OPTIONS_TEMPLATE_ID_FIRST + 10,
  scopeFieldCount: FINAL_SCOPE.length,
  fields: [...FINAL_SCOPE, ...FINAL_TOTALS, ...FINAL_METERING],
};

/** The Options Templates that `statisticsRecords` always needs; METERING_STATE only when it is given one. */
export const STATISTICS_TEMPLATES: readonly Template[] = [
  METERING_STATISTICS,
  METERING_RELIABILITY,
  EXPORTING_RELIABILITY,
  SYSTEM_INITIALIZATION,
];

/** Totals since the start, of one collector unless said otherwise. */
export interface Statistics {
  readonly observationDomainId: number;
  readonly exportingProcessId: number;
  readonly systemInitTimeMs: number;
  readonly messagesSent: number;
  readonly flowsSent: number;
  readonly octetsSent: number;
  readonly flowsNotSent: number;
  readonly packetsNotSent: number;
  readonly octetsNotSent: number;
  /** First and last time that a flow was not sent; 0 for never. */
  readonly notSentFirstMs: number;
  readonly notSentLastMs: number;
  /** Of the Metering Process; undefined where it does not tell. */
  readonly loss: MeteringLoss | undefined;
  readonly state: MeteringState | undefined;
}

/** The option records of one collector. */
export function statisticsRecords(statistics: Statistics): { template: Template; record: EncodableRecord }[] {
  const { observationDomainId, exportingProcessId, loss, state } = statistics;
  const records: { template: Template; record: EncodableRecord }[] = [
    {
      template: METERING_STATISTICS,
      record: {
        scope: { observationDomainId },
        fields: {
          exportedMessageTotalCount: statistics.messagesSent,
          exportedFlowRecordTotalCount: statistics.flowsSent,
          exportedOctetTotalCount: statistics.octetsSent,
        },
      },
    },
    {
      template: EXPORTING_RELIABILITY,
      record: {
        scope: { exportingProcessId },
        fields: {
          notSentFlowTotalCount: statistics.flowsNotSent,
          notSentPacketTotalCount: statistics.packetsNotSent,
          notSentOctetTotalCount: statistics.octetsNotSent,
          observationTimeMilliseconds: [
            new Date(statistics.notSentFirstMs),
            new Date(statistics.notSentLastMs),
          ],
        },
      },
    },
  ];
  if (observationDomainId !== PROCESS_DOMAIN_ID) {
    const fields = { systemInitTimeMilliseconds: new Date(statistics.systemInitTimeMs) };
    records.push({ template: SYSTEM_INITIALIZATION, record: { scope: { exportingProcessId }, fields } });
  }
  if (loss !== undefined) {
    records.push({
      template: METERING_RELIABILITY,
      record: {
        scope: { observationDomainId },
        fields: {
          ignoredPacketTotalCount: loss.ignoredPackets,
          ignoredOctetTotalCount: loss.ignoredOctets,
          observationTimeMilliseconds: [new Date(loss.firstMs), new Date(loss.lastMs)],
        },
      },
    });
  }
  if (state !== undefined) {
    records.push({
      template: METERING_STATE,
      record: {
        scope: { observationDomainId },
        fields: {
          droppedPacketTotalCount: state.droppedPackets,
          droppedOctetTotalCount: state.droppedOctets,
          flowCacheEntries: state.cacheFlows,
          flowCachePeakEntries: state.cacheFlowsPeak,
        },
      },
    });
  }
  return records;
}

/**
 * All of the totals as they were at `atMs`, in one record that says so and says whose they are: for a collector
 * that reads it later, when another process sends totals of its own.
 */
export function finalStatisticsRecord(
  statistics: Statistics,
  atMs: number,
): { template: Template; record: EncodableRecord } {
  const { observationDomainId, exportingProcessId, loss, state } = statistics;
  const fields: EncodableRecord['fields'] = {
    observationTimeMilliseconds: new Date(atMs),
    exportedMessageTotalCount: statistics.messagesSent,
    exportedFlowRecordTotalCount: statistics.flowsSent,
    exportedOctetTotalCount: statistics.octetsSent,
    notSentFlowTotalCount: statistics.flowsNotSent,
    notSentPacketTotalCount: statistics.packetsNotSent,
    notSentOctetTotalCount: statistics.octetsNotSent,
  };
  const scope = { exportingProcessId, observationDomainId };
  if (loss === undefined || state === undefined) {
    return { template: FINAL_STATISTICS, record: { scope, fields } };
  }
  const metering: EncodableRecord['fields'] = {
    ignoredPacketTotalCount: loss.ignoredPackets,
    ignoredOctetTotalCount: loss.ignoredOctets,
    droppedPacketTotalCount: state.droppedPackets,
    droppedOctetTotalCount: state.droppedOctets,
    flowCacheEntries: state.cacheFlows,
    flowCachePeakEntries: state.cacheFlowsPeak,
  };
  return { template: FINAL_STATISTICS_METERED, record: { scope, fields: { ...fields, ...metering } } };
}
