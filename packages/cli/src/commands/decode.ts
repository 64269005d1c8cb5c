import { UserError } from '@weir/base';
import type { PacketOrigin } from '@weir/collecting';
import { createRecordDecoder, type DecodedRecord, type TransportSession } from '@weir/ipfix';
import { readExportPackets } from '../export-packets.ts';
import { createLineWriter } from '../line-writer.ts';

interface DecodeOptions {
  json?: true;
}

/** Damage of the file itself, not of a packet in it: the rest of the file is lost. */
const FILE_DAMAGE = new Set(['capture_truncated', 'capture_corrupt', 'file_damaged']);

/**
 * `weir decode`: one data record a line. A problem is a line too, and decoding goes on; a file that is damaged or
 * holds no export packets is a failure, told after everything has been decoded.
 */
export async function decode(files: readonly string[], options: DecodeOptions): Promise<void> {
  const writer = createLineWriter();
  const decoder = createRecordDecoder();
  const sessions = new Map<string, TransportSession>();
  const failures: UserError[] = [];
  const format = options.json === true ? JSON.stringify : readableLine;
  const sink = {
    record: (record: DecodedRecord) => writer.write(format(record)),
    problem: (error: object) => writer.write(format({ error })),
  };
  const taker = {
    packet(bytes: Uint8Array, origin: PacketOrigin) {
      decoder.decodeDatagram(bytes, sessionOf(origin), origin.timestampMs ?? Date.now(), sink);
    },
    problem(
      problem: { code: string; offset: number; message: string },
      { transport, localSocket }: PacketOrigin,
    ) {
      sink.problem(problem);
      if (transport === 'file' && FILE_DAMAGE.has(problem.code)) {
        const place = `${localSocket}: at octet ${problem.offset}: ${problem.message}`;
        failures.push(new UserError(problem.code, `${place}; what was before it has been decoded`));
      }
    },
    room: writer.room,
  };

  function sessionOf({ stream, exporterAddress, localSocket, transport }: PacketOrigin): TransportSession {
    const known = sessions.get(stream);
    if (known !== undefined) return known;
    const session = { exporterAddress, localSocket, transport, source: 'decode' };
    sessions.set(stream, session);
    return session;
  }

  for (const file of files) {
    try {
      await readExportPackets(file, taker);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      failures.push(error);
    }
  }
  decoder.reportUndecoded(sink);
  await writer.end();
  if (failures.length > 0)
    throw new UserError('decode_failed', failures.map(({ message }) => message).join('\nweir: '));
}

/** For people: who sent it, then the fields. */
function readableLine(line: DecodedRecord | { error: object }): string {
  if ('error' in line) return `error ${JSON.stringify(line.error)}`;
  const { exportTime, exporter, version, observationDomainId, templateId, scope, fields } = line;
  const head = `${exportTime} ${exporter} v${version} domain ${observationDomainId} template ${templateId}`;
  const scopes = scope === undefined ? '' : ` scope(${pairs(scope)})`;
  return `${head}${scopes} ${pairs(fields)}`;
}

function pairs(fields: object): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
    .join(' ');
}
