import { type CapturedPayload, replayPayloads } from '@weir/collecting';
import { parseUdpDestination } from '../endpoint.ts';
import { readExportPackets } from '../export-packets.ts';
import { parseWholeNumber } from '../quantity.ts';
import { stopSignal } from '../stop-signal.ts';

interface ReplayOptions {
  to: string;
  rate?: string;
}

/** Datagrams read ahead of those sent: 1,000 of 1,400 octets are 1.4 MB. */
const READ_AHEAD_MAX = 1000;

/** `weir replay`: sends the export packets of a file again and prints how many. */
export async function replay(file: string, options: ReplayOptions): Promise<void> {
  const to = parseUdpDestination(options.to, '--to');
  const rate = options.rate === undefined ? {} : { rate: parseWholeNumber(options.rate, '--rate', 1, 1e7) };
  const result = await replayPayloads(payloadsOf(file), to, { ...rate, signal: stopSignal() });
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

/** The reader pushes, the sender pulls: a bounded queue between them. */
async function* payloadsOf(file: string): AsyncGenerator<CapturedPayload> {
  const queue: CapturedPayload[] = [];
  let wakeSender = () => {};
  let wakeReader = () => {};
  let isRead = false;
  const reading = readExportPackets(file, {
    packet(bytes, { timestampMs }) {
      queue.push({ bytes: bytes.slice(), timestampMs: timestampMs ?? exportTimeMs(bytes) });
      wakeSender();
    },
    problem: ({ code, offset, message }) =>
      process.stderr.write(`weir: ${file}: ${code} at ${offset}: ${message}\n`),
    room() {
      if (queue.length < READ_AHEAD_MAX) return undefined;
      return new Promise((resolve) => {
        wakeReader = resolve;
      });
    },
  }).finally(() => {
    isRead = true;
    wakeSender();
  });
  reading.catch(() => {}); // it is awaited below; until then its failure must not be one of the process
  while (!isRead || queue.length > 0) {
    const payload = queue.shift();
    if (payload !== undefined) yield payload;
    else if (!isRead)
      await new Promise<void>((resolve) => {
        wakeSender = resolve;
      });
    if (queue.length < READ_AHEAD_MAX / 2) wakeReader();
  }
  await reading;
}

/** The export time in a header, where nothing else says when the packet was sent. */
function exportTimeMs(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at = view.getUint16(0) === 10 ? 4 : 8;
  return bytes.length >= at + 4 ? view.getUint32(at) * 1000 : 0;
}
