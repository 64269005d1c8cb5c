/** Batches for tests and benchmarks: from plain records, and realistic ones from a seed. */
import {
  createFlowBatch,
  type ExporterIdentity,
  type ExtraLayout,
  FLOW_BATCH_ROWS_DEFAULT,
  FLOW_COLUMN_INDEX,
  FLOW_COLUMNS,
  type FlowBatch,
  type FlowColumnName,
  setPresent,
} from '@weir/ipfix';

/** A record by column names; numbers up to 2^53 - 1 or BigInt. Absent columns are null. */
export type PlainRecord = Partial<Record<FlowColumnName, number | bigint>> & { extra?: Uint8Array };

export const TEST_EXPORTER: ExporterIdentity = {
  address: '192.0.2.1',
  observationDomainId: 7,
  source: 'test',
  version: 10,
};

/** Fills a batch with records, as many as fit (`records.length` must not be more). */
export function batchOf(
  records: readonly PlainRecord[],
  exporters: readonly ExporterIdentity[] = [TEST_EXPORTER],
  layouts: readonly ExtraLayout[] = [],
  capacity = FLOW_BATCH_ROWS_DEFAULT,
  labels: readonly string[] = [],
): FlowBatch {
  const batch = createFlowBatch(capacity);
  batch.exporters.push(...exporters);
  batch.layouts.push(...layouts);
  batch.labels.push(...labels);
  let extraEnd = 0;
  records.forEach((record, row) => {
    for (const { name, type } of FLOW_COLUMNS) {
      const value = record[name];
      if (value === undefined) continue;
      const bits = BigInt(value);
      const column = batch.columns[name];
      if (type === 'u64') {
        column[row * 2] = Number(bits & 0xffff_ffffn);
        column[row * 2 + 1] = Number(bits >> 32n);
      } else column[row] = Number(bits);
      setPresent(batch, FLOW_COLUMN_INDEX[name], row, row + 1);
    }
    if (record.extra !== undefined) {
      batch.extra.set(record.extra, extraEnd);
      extraEnd += record.extra.length;
    }
    batch.extraEnd[row] = extraEnd;
  });
  batch.rowCount = records.length;
  return batch;
}

const SERVICES = [443, 443, 443, 443, 80, 53, 53, 22, 25, 123, 3389, 8080, 993, 5060, 1935, 445];
const IPV4_MAPPED = 0xffff_0000_0000n;

/**
 * A record of the mix that the collector benchmarks use: 20 elements, skewed addresses and services, short
 * flows with a tail. `random` gives numbers from 0 (inclusive) to 1 (exclusive).
 */
export function realisticRecord(random: () => number, startMs: number): PlainRecord {
  const skewed = (count: number) => Math.floor(count * random() ** 3);
  const inside = IPV4_MAPPED | BigInt(0x0a00_0000 + skewed(60_000));
  const outside = IPV4_MAPPED | BigInt((0xc000_0000 + (Math.imul(skewed(200_000), 0x9e37_79b1) >>> 8)) >>> 0);
  const service = SERVICES[Math.floor(random() * 16)]!;
  const ephemeral = 32_768 + Math.floor(random() * 28_000);
  const outbound = random() < 0.5;
  const udp = service === 53 || service === 123 || service === 5060;
  const packets = service === 53 ? 1 : 1 + Math.floor(Math.exp(-Math.log(1 - random() * 0.999999) * 1.1));
  const durationMs = packets === 1 ? 0 : Math.floor(random() * 60_000);
  return {
    receivedAt: startMs + 60_000,
    flowStart: startMs,
    flowEnd: startMs + durationMs,
    exporter: 0,
    srcAddrHi: 0,
    srcAddrLo: outbound ? inside : outside,
    dstAddrHi: 0,
    dstAddrLo: outbound ? outside : inside,
    srcPort: outbound ? ephemeral : service,
    dstPort: outbound ? service : ephemeral,
    protocol: udp ? 17 : 6,
    tcpFlags: udp ? 0 : packets < 3 ? 0x02 : 0x1b,
    tos: random() < 1 / 16 ? 0xb8 : 0,
    octets: Math.floor(packets * (60 + random() * 1000)),
    packets,
    inIf: outbound ? 1 : 2 + Math.floor(random() * 4),
    outIf: outbound ? 2 + Math.floor(random() * 4) : 1,
    direction: outbound ? 1 : 0,
    endReason: 1 + Math.floor(random() * 4),
    srcAs: outbound ? 64_512 : 1 + skewed(60_000),
    dstAs: outbound ? 1 + skewed(60_000) : 64_512,
    srcMask: 24,
    dstMask: 16,
  };
}

/** Numbers from 0 to 1 that are the same for the same seed (xorshift32). */
export function seededRandom(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4_294_967_296;
  };
}
