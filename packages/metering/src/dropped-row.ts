/** Drop records as a collector reads them, for tests: rows of a batch with their extra fields. */
import { type FlowBatch, formatIPv4, formatIPv6, isPresent, u64AsNumber, WEIR_ELEMENTS } from '@weir/ipfix';

export interface DroppedRow {
  source: string;
  destination: string;
  sourcePort: number;
  destinationPort: number;
  protocol: number;
  direction: number | undefined;
  inIf: number | undefined;
  outIf: number | undefined;
  sourceMask: number | undefined;
  destinationMask: number | undefined;
  frames: number;
  octets: number;
  startMs: number;
  endMs: number;
  tcpFlags: number | undefined;
  icmpTypeCode: number | undefined;
  endReason: number;
  forwardingStatus: number;
  firewallEvent: number;
  exporter: string;
  dropReason: number;
  ruleName: string;
  droppedFrameCount: number | undefined;
  dropOverflow: boolean | undefined;
}

/** The rows of a batch that say that frames were dropped. */
export function droppedRows(batch: FlowBatch): DroppedRow[] {
  return Array.from({ length: batch.rowCount }, (_, row) => row)
    .filter((row) => isPresent(batch, 'forwardingStatus', row))
    .map((row) => droppedRow(batch, row));
}

function droppedRow(batch: FlowBatch, row: number): DroppedRow {
  const { columns } = batch;
  const optional = (
    name: 'direction' | 'inIf' | 'outIf' | 'srcMask' | 'dstMask' | 'tcpFlags' | 'icmpTypeCode',
  ) => (isPresent(batch, name, row) ? columns[name][row] : undefined);
  return {
    source: addressText(columns.srcAddrHi, columns.srcAddrLo, row),
    destination: addressText(columns.dstAddrHi, columns.dstAddrLo, row),
    sourcePort: columns.srcPort[row] ?? -1,
    destinationPort: columns.dstPort[row] ?? -1,
    protocol: columns.protocol[row] ?? -1,
    direction: optional('direction'),
    inIf: optional('inIf'),
    outIf: optional('outIf'),
    sourceMask: optional('srcMask'),
    destinationMask: optional('dstMask'),
    frames: u64AsNumber(columns.packets, row),
    octets: u64AsNumber(columns.octets, row),
    startMs: u64AsNumber(columns.flowStart, row),
    endMs: u64AsNumber(columns.flowEnd, row),
    tcpFlags: optional('tcpFlags'),
    icmpTypeCode: optional('icmpTypeCode'),
    endReason: columns.endReason[row] ?? -1,
    forwardingStatus: columns.forwardingStatus[row] ?? -1,
    firewallEvent: columns.firewallEvent[row] ?? -1,
    exporter: batch.exporters[columns.exporter[row] ?? -1]?.source ?? '',
    ...extraFields(batch, row),
  };
}

function extraFields(batch: FlowBatch, row: number) {
  const fields = new Map<string, Uint8Array>();
  let at = row === 0 ? 0 : (batch.extraEnd[row - 1] ?? 0);
  for (const { elementId, length } of batch.layouts[batch.columns.extraLayout[row] ?? -1] ?? []) {
    const name = WEIR_ELEMENTS.find((element) => element.elementId === elementId)?.name ?? '';
    const prefix = length === 65_535 ? 1 : 0;
    const octets = prefix === 1 ? (batch.extra[at] ?? 0) : length;
    fields.set(name, batch.extra.subarray(at + prefix, at + prefix + octets));
    at += prefix + octets;
  }
  if (at !== batch.extraEnd[row]) throw new Error(`row ${row}: the layout ends at ${at}, the octets do not`);
  const count = fields.get('droppedFrameCount');
  const overflow = fields.get('dropOverflow');
  return {
    dropReason: fields.get('dropReason')?.[0] ?? -1,
    ruleName: new TextDecoder().decode(fields.get('ruleName')),
    droppedFrameCount: count && Number(new DataView(count.buffer, count.byteOffset).getBigUint64(0)),
    dropOverflow: overflow && overflow[0] === 1,
  };
}

function addressText(high: Uint32Array, low: Uint32Array, row: number): string {
  const octets = new Uint8Array(16);
  const view = new DataView(octets.buffer);
  [high[row * 2 + 1], high[row * 2], low[row * 2 + 1], low[row * 2]].forEach((word = 0, index) => {
    view.setUint32(index * 4, word);
  });
  const isMapped = view.getUint32(0) === 0 && view.getUint32(4) === 0 && view.getUint32(8) === 0xffff;
  return isMapped ? formatIPv4(octets, 12) : formatIPv6(octets, 0);
}
