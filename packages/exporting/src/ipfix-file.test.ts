import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '@weir/base';
import { createMessageSplitter, createRecordDecoder, type DecodedRecord } from '@weir/ipfix';
import { afterAll, describe, expect, test } from 'vitest';
import { batchOf, type FlowFixture } from './flow-fixture.ts';
import { createIpfixFile } from './ipfix-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'weir-ipfix-file-'));
afterAll(() => rmSync(folder, { recursive: true }));
const NOW_MS = 1_700_000_000_000;
/** More than one message and more than one buffer of the writer. */
const FLOWS = 20_000;

function flow(index: number): FlowFixture {
  const isIpv6 = index % 3 === 0;
  return {
    source: isIpv6 ? '2001:db8::1' : '192.0.2.1',
    destination: isIpv6 ? '2001:db8::2' : '198.51.100.2',
    protocol: index % 2 === 0 ? 6 : 17,
    sourcePort: index % 65_536,
    destinationPort: 443,
    octets: index * 1000,
    packets: index,
    startMs: NOW_MS + index,
    endMs: NOW_MS + index + 5,
  };
}

function recordsOf(path: string): { records: DecodedRecord[]; problems: unknown[] } {
  const records: DecodedRecord[] = [];
  const problems: unknown[] = [];
  const decoder = createRecordDecoder();
  const session = {
    exporterAddress: '0.0.0.0',
    localSocket: path,
    transport: 'file',
    source: 'test',
  } as const;
  const problem = (found: unknown) => void problems.push(found);
  const sink = { record: (record: DecodedRecord) => void records.push(record), problem };
  const message = (bytes: Uint8Array) => decoder.decodeDatagram(bytes, session, NOW_MS, sink);
  const splitter = createMessageSplitter({ message, problem });
  splitter.push(readFileSync(path));
  splitter.end();
  return { records, problems };
}

describe('an IPFIX file', () => {
  test('holds every flow once, its templates first, with sequence numbers that count records', () => {
    const path = join(folder, 'flows.ipfix');
    const file = createIpfixFile(path, () => NOW_MS);
    for (let from = 0; from < FLOWS; from += 5000) {
      file.write(batchOf(Array.from({ length: 5000 }, (_, index) => flow(from + index))));
    }
    file.close();
    const { records, problems } = recordsOf(path);
    expect(problems).toEqual([]);
    expect(records).toHaveLength(FLOWS);
    const octets = records.map(({ fields }) => Number(fields['octetDeltaCount'])).sort((a, b) => a - b);
    expect(octets).toEqual(Array.from({ length: FLOWS }, (_, index) => index * 1000));
    const sequences = [...new Set(records.map(({ sequenceNumber }) => sequenceNumber))];
    expect(sequences[0]).toBe(0);
    for (const [index, sequence] of sequences.entries()) {
      expect(records.findIndex((record) => record.sequenceNumber === sequence)).toBe(
        index === 0 ? 0 : sequence,
      );
    }
  });

  test('that cannot be created is a UserError with its path', () => {
    const path = join(folder, 'nowhere', 'flows.ipfix');
    expect(() => createIpfixFile(path)).toThrow(UserError);
    expect(() => createIpfixFile(path)).toThrow(path);
  });
});
