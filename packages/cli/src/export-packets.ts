/** Export packets from files, whatever kind of file: what `weir decode` and `weir replay` read. */
import { UserError } from '@weir/base';
import type { PacketOrigin, PacketTaker } from '@weir/collecting';
import { createMessageSplitter, type DecodeProblem } from '@weir/ipfix';
import { type PayloadOrigin, readPayloads } from '@weir/metering';
import { type OctetInput, openOctetInput } from './octet-input.ts';

const VERSIONS = new Set([1, 5, 7, 9, 10]);
/** Where collectors listen by custom: what arrives there and is no export packet is reported, not passed over. */
const CUSTOMARY_PORTS = new Set([2055, 2056, 4432, 4739, 9555, 9995, 9996]);
const IPFIX_HEADER_OCTETS = 16;
/** The captures' magic numbers as their first four octets: pcap in its variants, pcapng. */
const CAPTURE_MAGIC = new Set([
  'd4c3b2a1',
  'a1b2c3d4',
  '4d3cb2a1',
  'a1b23c4d',
  '34cdb2a1',
  'a1b2cd34',
  '0a0d0d0a',
]);

/**
 * Gives every export packet of the file to `taker`; the path `-` is standard input. Throws UserError
 * `file_unreadable` when there is no such file and `file_not_recognized` when it holds none; damage after good
 * packets is a problem told to the taker.
 */
export async function readExportPackets(path: string, taker: PacketTaker): Promise<void> {
  const input = await openOctetInput(path);
  const { head, name } = input;
  if (CAPTURE_MAGIC.has(Buffer.from(head.subarray(0, 4)).toString('hex')))
    await readCapturedPackets(input, taker);
  else if (head.length >= 2 && VERSIONS.has(versionOf(head)))
    await readPlainFile(input, versionOf(head), taker);
  else {
    input.close();
    const allowed = 'pcap, pcapng, an IPFIX file, or one export datagram, plain, gzip or Zstandard';
    throw new UserError('file_not_recognized', `${name}: no export packets (allowed: ${allowed})`);
  }
}

async function readCapturedPackets({ name, octets }: OctetInput, taker: PacketTaker): Promise<void> {
  const streams = new Map<string, ReturnType<typeof createMessageSplitter>>();
  const summary = await readPayloads(
    name,
    {
      datagram(bytes, payload) {
        const isExport = bytes.length >= 2 && VERSIONS.has(versionOf(bytes));
        if (!isExport && !CUSTOMARY_PORTS.has(payload.destinationPort)) return;
        const { sourceAddress, destinationAddress, destinationPort } = payload;
        const stream = `${sourceAddress} ${destinationAddress}:${destinationPort}`;
        taker.packet(bytes, originOf(payload, 'udp', stream));
      },
      segment(bytes, stream, payload, missing) {
        const known = streams.get(stream);
        const isExport = CUSTOMARY_PORTS.has(payload.destinationPort) || beginsIpfixStream(bytes);
        if (known === undefined && !isExport) return;
        // What stands on both sides of a gap is no message.
        if (missing > 0) known?.end();
        const goesOn = known !== undefined && missing === 0;
        const splitter = goesOn
          ? known
          : createMessageSplitter(takerOf(taker, originOf(payload, 'tcp', stream)));
        streams.set(stream, splitter);
        splitter.push(bytes);
      },
      userMessage(bytes, stream, payload) {
        if (!beginsIpfixStream(bytes) && !CUSTOMARY_PORTS.has(payload.destinationPort)) return;
        // Templates live as long as the association, as those of a TCP connection do (RFC 7011 section 8.1).
        taker.packet(bytes, originOf(payload, 'tcp', `sctp ${stream}`));
      },
    },
    { afterChunk: taker.room, octets },
  );
  for (const splitter of streams.values()) splitter.end();
  if (summary.problem !== undefined) taker.problem(summary.problem, fileOrigin(name));
}

function originOf(
  { sourceAddress, destinationAddress, destinationPort, timestampMs }: PayloadOrigin,
  transport: 'udp' | 'tcp',
  stream: string,
): PacketOrigin {
  return {
    exporterAddress: sourceAddress,
    localSocket: `${destinationAddress}:${destinationPort}`,
    transport,
    timestampMs,
    stream,
  };
}

/** An IPFIX file is a stream of messages; any other export packet in a file of its own is one datagram. */
async function readPlainFile(
  { name, octets }: OctetInput,
  version: number,
  taker: PacketTaker,
): Promise<void> {
  const chunks: Uint8Array[] = [];
  const origin = fileOrigin(name);
  const splitter = createMessageSplitter(takerOf(taker, origin));
  try {
    for await (const chunk of octets) {
      if (version !== 10) chunks.push(chunk);
      else if (chunks.length === 0 && isOneMessage(chunk, name)) taker.packet(chunk, DATAGRAM_ORIGIN);
      else splitter.push(chunk);
      await taker.room();
    }
  } catch (error) {
    taker.problem({ code: 'file_damaged', offset: splitter.counters.octets, message: String(error) }, origin);
  }
  if (version === 10) splitter.end();
  else taker.packet(Buffer.concat(chunks), DATAGRAM_ORIGIN);
}

/** Datagrams in files of their own belong together: a template may be in one and its records in the next. */
const DATAGRAM_ORIGIN: PacketOrigin = {
  exporterAddress: '0.0.0.0',
  localSocket: 'file',
  transport: 'udp',
  timestampMs: undefined,
  stream: 'datagrams',
};

function fileOrigin(path: string): PacketOrigin {
  return {
    exporterAddress: '0.0.0.0',
    localSocket: path,
    transport: 'file',
    timestampMs: undefined,
    stream: path,
  };
}

function takerOf(taker: PacketTaker, origin: PacketOrigin) {
  return {
    message: (bytes: Uint8Array) => taker.packet(bytes, origin),
    problem: (problem: DecodeProblem) => taker.problem(problem, origin),
  };
}

function versionOf(bytes: Uint8Array): number {
  return ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
}

function beginsIpfixStream(bytes: Uint8Array): boolean {
  return (
    bytes.length >= IPFIX_HEADER_OCTETS && versionOf(bytes) === 10 && lengthOf(bytes) >= IPFIX_HEADER_OCTETS
  );
}

function lengthOf(bytes: Uint8Array): number {
  return ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
}

/** Whether the file is no more than this chunk, and the chunk no more than one message. */
function isOneMessage(chunk: Uint8Array, path: string): boolean {
  return lengthOf(chunk) === chunk.length && !path.endsWith('.ipfix') && !path.endsWith('.ipfix.gz');
}
