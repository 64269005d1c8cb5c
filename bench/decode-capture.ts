/** `node bench/decode-capture.ts FILE.pcap`: the export packets of a capture into columns; prints the record count. */
import process from 'node:process';
import { clearFlowBatch, createFlowBatch, createFlowDecoder, type TransportSession } from '@weir/ipfix';
import { readPayloads } from '@weir/metering';

const session: TransportSession = {
  exporterAddress: '127.0.0.1',
  localSocket: 'bench',
  transport: 'udp',
  source: 'bench',
};
const batch = createFlowBatch();
let records = 0;
const sink = {
  batch,
  full() {
    records += batch.rowCount;
    clearFlowBatch(batch);
    return batch;
  },
};
const decoder = createFlowDecoder();
await readPayloads(process.argv[2] ?? '', {
  datagram: (bytes, { timestampMs }) => decoder.decodeDatagram(bytes, session, timestampMs, sink),
  segment: () => {},
  userMessage: () => {},
});
console.log(records + batch.rowCount);
