import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { clearFlowBatch, createFlowBatch, type FlowBatch } from '@weir/ipfix';
import { describe, expect, test } from 'vitest';
import { type FlowFields, flowFields } from './flow-fields.ts';
import { type MeterFileSummary, meterFile } from './meter-file.ts';

/**
 * Every packet trace against tshark's dissection, summed per 5-tuple: packets, octets, the union of TCP
 * flags, first and last time. Timeouts cut flows into several records; their sums must not notice.
 */
const fixtures = fileURLToPath(new URL('../../../../shared/fixtures/', import.meta.url));
const golden = `${fixtures}oracle-output/flows/`;
const missing = existsSync(golden) ? '' : ' (no shared fixtures)';

interface Sum {
  packets: number;
  octets: number;
  tcpFlags: number;
  firstMs: number;
  lastMs: number;
}

function keyOf(fields: FlowFields): string {
  const version = fields['sourceIPv4Address'] === undefined ? 6 : 4;
  return [
    version,
    fields['protocolIdentifier'],
    fields[`sourceIPv${version}Address`],
    fields['sourceTransportPort'],
    fields[`destinationIPv${version}Address`],
    fields['destinationTransportPort'],
  ].join(',');
}

function addRows(batch: FlowBatch, sums: Map<string, Sum>): void {
  for (let row = 0; row < batch.rowCount; row += 1) {
    const fields = flowFields(batch, row);
    const sum = sums.get(keyOf(fields)) ?? emptySum();
    sums.set(keyOf(fields), sum);
    sum.packets += Number(fields['packetDeltaCount']);
    sum.octets += Number(fields['octetDeltaCount']);
    sum.tcpFlags |= Number(fields['tcpControlBits'] ?? 0);
    sum.firstMs = Math.min(sum.firstMs, Date.parse(String(fields['flowStartMilliseconds'])));
    sum.lastMs = Math.max(sum.lastMs, Date.parse(String(fields['flowEndMilliseconds'])));
  }
}

function emptySum(): Sum {
  return { packets: 0, octets: 0, tcpFlags: 0, firstMs: Number.POSITIVE_INFINITY, lastMs: 0 };
}

async function meter(path: string): Promise<{ sums: Map<string, Sum>; summary: MeterFileSummary }> {
  const batch = createFlowBatch(64);
  const sums = new Map<string, Sum>();
  const full = () => {
    addRows(batch, sums);
    clearFlowBatch(batch);
    return batch;
  };
  const summary = await meterFile(path, { flowsMax: 65_536 }, { batch, full });
  full();
  return { sums, summary };
}

function expectedSums(csv: string): Map<string, Sum> {
  const rows = csv.trim().split(/\r?\n/).slice(1);
  return new Map(
    rows.map((row) => {
      const cells = row.split(',');
      const [packets, octets, first, last, tcpFlags] = cells.slice(6).map(Number) as number[];
      return [
        cells.slice(0, 6).join(','),
        {
          packets: packets as number,
          octets: octets as number,
          tcpFlags: tcpFlags as number,
          firstMs: (first as number) * 1000,
          lastMs: (last as number) * 1000,
        },
      ];
    }),
  );
}

function countersOf(sums: Map<string, Sum>): Record<string, number[]> {
  return Object.fromEntries(
    [...sums].map(([key, { packets, octets, tcpFlags }]) => [key, [packets, octets, tcpFlags]]),
  );
}

/**
 * Records have whole milliseconds; the sums were kept as seconds in a double and rounded to a microsecond.
 */
function expectTimes(sums: Map<string, Sum>, expected: Map<string, Sum>): void {
  for (const [key, { firstMs, lastMs }] of expected) {
    expect(Math.abs((sums.get(key)?.firstMs ?? 0) - firstMs), key).toBeLessThan(1.01);
    expect(Math.abs((sums.get(key)?.lastMs ?? 0) - lastMs), key).toBeLessThan(1.01);
  }
}

const names =
  missing === ''
    ? readdirSync(golden, { recursive: true })
        .map(String)
        .filter((name) => name.endsWith('.csv.gz'))
        .sort()
    : [];

describe.skipIf(missing !== '')(`sums per 5-tuple equal tshark's${missing}`, () => {
  test('there are traces to compare with', () => expect(names.length).toBeGreaterThan(400));

  test.each(names)('%s', async (name) => {
    const trace = `${fixtures}packets/${name.replace('.flows.csv.gz', '')}`;
    const expected = expectedSums(gunzipSync(readFileSync(golden + name)).toString());
    const { sums, summary } = await meter(trace);
    expect(countersOf(sums)).toEqual(countersOf(expected));
    expectTimes(sums, expected);
    const packets = [...sums.values()].reduce((total, sum) => total + sum.packets, 0);
    const { counters } = summary;
    expect(counters.packets).toBe(packets);
    const { notIp, truncated, malformed, unsupportedLink } = counters;
    expect(counters.frames).toBe(packets + notIp + truncated + malformed + unsupportedLink);
  });
});

/**
 * Traces for which nobody stored sums: none may bring the meter down, and each frame is counted somewhere.
 */
const others =
  missing === ''
    ? readdirSync(`${fixtures}packets`, { recursive: true })
        .map(String)
        .filter((name) => /\.(pcap|pcapng|cap)$/.test(name) && !names.includes(`${name}.flows.csv.gz`))
        .sort()
    : [];

describe.skipIf(missing !== '')(`other traces are metered without a crash${missing}`, () => {
  test('all of them', async () => {
    let problems = 0;
    for (const name of others) {
      const { summary } = await meter(`${fixtures}packets/${name}`);
      const { frames, packets, notIp, truncated, malformed, unsupportedLink } = summary.counters;
      expect(frames, name).toBe(packets + notIp + truncated + malformed + unsupportedLink);
      if (summary.problem !== undefined) problems += 1;
    }
    expect(others.length).toBeGreaterThan(300);
    expect(problems).toBeLessThan(others.length / 4);
  });
});
