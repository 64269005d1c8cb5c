/**
 * What the exporter says of itself (RFC 7011 sections 4.1 to 4.3), as option records: how much it exported,
 * what it could not send to this collector, what the meter could not meter.
 */
import type { ExtraField as FieldSpecifier } from '@weir/ipfix';
import type { CollectorCounters, OptionsMessage } from './collector-connection.ts';
import { OPTIONS_TEMPLATE_ID_FIRST } from './export-template.ts';
import type { AnnouncedTemplate } from './template-message.ts';

/** Packets that were seen but not metered: RFC 7011 section 4.2. Times in milliseconds since the Unix epoch. */
export interface MeteringLoss {
  readonly ignoredPackets: number;
  readonly ignoredOctets: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

function iana(elementId: number, length: number): FieldSpecifier {
  return { enterpriseNumber: 0, elementId, length };
}

const OBSERVATION_DOMAIN_ID = iana(149, 4);
const EXPORTING_PROCESS_ID = iana(144, 4);
const OBSERVATION_TIME_MILLISECONDS = iana(323, 8);

/** exportedMessageTotalCount, exportedFlowRecordTotalCount, exportedOctetTotalCount. */
const METERING_STATISTICS: AnnouncedTemplate = {
  templateId: OPTIONS_TEMPLATE_ID_FIRST,
  scopeFieldCount: 1,
  fields: [OBSERVATION_DOMAIN_ID, iana(41, 8), iana(42, 8), iana(40, 8)],
};

/** ignoredPacketTotalCount, ignoredOctetTotalCount, first and last time. */
const METERING_RELIABILITY: AnnouncedTemplate = {
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

/** notSentFlowTotalCount, notSentPacketTotalCount, notSentOctetTotalCount, first and last time. */
const EXPORTING_RELIABILITY: AnnouncedTemplate = {
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

/** The Options Templates of `encodeStatistics`. */
export const STATISTICS_TEMPLATES: readonly AnnouncedTemplate[] = [
  METERING_STATISTICS,
  METERING_RELIABILITY,
  EXPORTING_RELIABILITY,
];

export interface Statistics {
  readonly observationDomainId: number;
  readonly messageOctetsMax: number;
  readonly counters: Readonly<CollectorCounters>;
  readonly notSentTimes: { readonly firstMs: number; readonly lastMs: number };
  readonly loss: MeteringLoss | undefined;
}

/** The option records of one collector, in one message. */
export function encodeStatistics(statistics: Statistics): OptionsMessage[] {
  const { observationDomainId, counters, notSentTimes, loss } = statistics;
  const records: [AnnouncedTemplate, number[]][] = [
    [
      METERING_STATISTICS,
      [observationDomainId, counters.messagesSent, counters.flowsSent, counters.octetsSent],
    ],
    [
      EXPORTING_RELIABILITY,
      [
        process.pid,
        counters.flowsNotSent,
        counters.packetsNotSent,
        counters.octetsNotSent,
        notSentTimes.firstMs,
        notSentTimes.lastMs,
      ],
    ],
  ];
  if (loss !== undefined) {
    records.push([
      METERING_RELIABILITY,
      [observationDomainId, loss.ignoredPackets, loss.ignoredOctets, loss.firstMs, loss.lastMs],
    ]);
  }
  return [{ bytes: encode(records, observationDomainId), recordCount: records.length }];
}

function encode(records: [AnnouncedTemplate, number[]][], observationDomainId: number): Uint8Array {
  const octets = records.reduce(
    (sum, [{ fields }]) => sum + 4 + fields.reduce((total, { length }) => total + length, 0),
    16,
  );
  const bytes = new Uint8Array(octets);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 10);
  view.setUint16(2, octets);
  view.setUint32(12, observationDomainId);
  let position = 16;
  for (const [{ templateId, fields }, values] of records) {
    const setStart = position;
    view.setUint16(position, templateId);
    position += 4;
    fields.forEach(({ length }, index) => {
      const value = values[index] ?? 0;
      if (length === 8) view.setBigUint64(position, BigInt(Math.floor(value)));
      else view.setUint32(position, value);
      position += length;
    });
    view.setUint16(setStart + 2, position - setStart);
  }
  return bytes;
}
