import { UserError } from '@weir/base';
import { clearFlowBatch, createFlowBatch, type FlowBatch } from '@weir/ipfix';
import { type FlowFields, flowFields, type MeterFileSummary, meterFile } from '@weir/metering';
import { createLineWriter } from '../line-writer.ts';
import { openOctetInput, STANDARD_INPUT } from '../octet-input.ts';
import { parseDurationMs } from '../quantity.ts';
import { formatRow, type TableColumn } from '../text-table.ts';

interface MeterOptions {
  json?: true;
  write?: string;
  idleTimeout: string;
  activeTimeout: string;
}

/** Rows of the batch between meter and output: their columns stay in a second-level cache of 1 MiB. */
const BATCH_ROWS = 1024;

/** Takes what a batch holds; what it does with it may take time. */
interface FlowOutput {
  take(batch: FlowBatch): void;
  room(): Promise<void> | undefined;
  end(summary: MeterFileSummary): Promise<void>;
}

/**
 * `weir meter`: meters a capture, or what is piped in for `-`. Flows go to stdout, one a line, or into an IPFIX
 * file; what was before a damage in the capture is kept, and the damage is an exit code of 1.
 */
export async function meter(file: string, options: MeterOptions): Promise<void> {
  const timeouts = {
    idleTimeoutMs: parseDurationMs(options.idleTimeout, '--idle-timeout'),
    activeTimeoutMs: parseDurationMs(options.activeTimeout, '--active-timeout'),
  };
  const output = options.write === undefined ? lines(options.json === true) : await ipfixFile(options.write);
  const batch = createFlowBatch(BATCH_ROWS);
  const sink = {
    batch,
    full(): FlowBatch {
      output.take(batch);
      clearFlowBatch(batch);
      return batch;
    },
  };
  const input = file === STANDARD_INPUT ? await openOctetInput(file) : { name: file, octets: undefined };
  const reading = { afterChunk: output.room, octets: input.octets };
  const summary = await meterFile(input.name, { ...timeouts, ...reading }, sink);
  output.take(batch);
  await output.end(summary);
  if (summary.problem !== undefined) {
    const { code, offset, message } = summary.problem;
    throw new UserError(
      code,
      `${input.name}: at octet ${offset}: ${message}; what was before it has been metered`,
    );
  }
}

function lines(json: boolean): FlowOutput {
  const writer = createLineWriter();
  if (!json) writer.write(formatRow(COLUMNS, undefined));
  return {
    take(batch) {
      for (let row = 0; row < batch.rowCount; row++) {
        const fields = flowFields(batch, row);
        writer.write(json ? JSON.stringify(fields) : formatRow(COLUMNS, fields));
      }
    },
    room: writer.room,
    end: writer.end,
  };
}

/** Exporting is loaded for this alone: lines need nothing of it. */
async function ipfixFile(path: string): Promise<FlowOutput> {
  const { createIpfixFile } = await import('@weir/exporting');
  const file = createIpfixFile(path);
  return {
    take: file.write,
    room: () => undefined,
    async end({ counters: { records, packets, octets } }) {
      file.close();
      process.stdout.write(`${JSON.stringify({ flows: records, packets, octets })}\n`);
    },
  };
}

const COLUMNS: readonly TableColumn<FlowFields>[] = [
  { title: 'start', width: 24, value: (fields) => fields['flowStartMilliseconds'] },
  { title: 'end', width: 24, value: (fields) => fields['flowEndMilliseconds'] },
  { title: 'proto', width: 5, right: true, value: (fields) => fields['protocolIdentifier'] },
  { title: 'source', width: 24, value: (fields) => endpoint(fields, 'source') },
  { title: 'destination', width: 24, value: (fields) => endpoint(fields, 'destination') },
  { title: 'packets', width: 10, right: true, value: (fields) => fields['packetDeltaCount'] },
  { title: 'octets', width: 12, right: true, value: (fields) => fields['octetDeltaCount'] },
];

function endpoint(fields: FlowFields, side: 'source' | 'destination'): string {
  const ipv6 = fields[`${side}IPv6Address`];
  const address = ipv6 === undefined ? `${fields[`${side}IPv4Address`] ?? ''}` : `[${ipv6}]`;
  return `${address}:${fields[`${side}TransportPort`] ?? 0}`;
}
