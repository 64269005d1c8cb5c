/**
 * Damaged input, RFC 7011 section 10 and the crashers of other collectors: whatever the octets are, decoding
 * ends, throws nothing, costs no more than their number allows, and the next good datagram is decoded.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createFlowBatch } from './flow-batch.ts';
import { createFlowDecoder } from './flow-decoder.ts';
import { elementByName } from './information-model.ts';
import { createMessageEncoder, type MessageEncoder } from './message-encoder.ts';
import { exportPackets, fixturesBelow, hasFixtures } from './oracle.test-support.ts';
import { createRecordDecoder } from './record-decoder.ts';
import { type Template, VARIABLE_LENGTH } from './template.ts';
import type { TransportSession } from './transport-session.ts';

const SESSION: TransportSession = {
  exporterAddress: '192.0.2.1',
  localSocket: '',
  transport: 'udp',
  source: 'test',
};
/** A domain that no fixture and no damaged header of one has. */
const GOOD_DOMAIN = 0x7eedbeef;
/** The work for one octet is bounded: each can be a record of one field at most. */
const RECORDS_PER_OCTET_MAX = 1;

const PORT: Template = {
  templateId: 65000,
  scopeFieldCount: 0,
  fields: [{ enterpriseNumber: 0, elementId: 7, length: 2 }],
};

function message(domain: number, fill: (encoder: MessageEncoder) => void): Uint8Array {
  const messages: Uint8Array[] = [];
  const encoder = createMessageEncoder({
    observationDomainId: domain,
    messageOctetsMax: 65535,
    exportTimeMs: () => 1_700_000_000_000,
    onMessage: (bytes, octets) => {
      messages.push(bytes.slice(0, octets));
      return bytes;
    },
  });
  fill(encoder);
  encoder.flush();
  return messages[0] ?? expect.fail('one message');
}

const GOOD_TEMPLATE = message(GOOD_DOMAIN, (encoder) => encoder.addTemplate(PORT));
const GOOD_DATA = message(GOOD_DOMAIN, (encoder) =>
  encoder.addRecord(PORT, { fields: { sourceTransportPort: 4739 } }),
);

/** Both decoders side by side, and what the last datagram gave in each. */
function victims() {
  const records = createRecordDecoder();
  const flows = createFlowDecoder();
  let batch = createFlowBatch(8192);
  const rows = { count: 0, problems: 0, records: 0 };
  const sink = {
    batch,
    full() {
      rows.count += batch.rowCount;
      batch = createFlowBatch(8192);
      sink.batch = batch;
      return batch;
    },
    problem: () => rows.problems++,
  };
  function feed(bytes: Uint8Array) {
    Object.assign(rows, { count: -batch.rowCount, problems: 0, records: 0 });
    let dataRecords = 0;
    records.decodeDatagram(bytes, SESSION, 1_700_000_000_000, {
      record: ({ scope }) => {
        rows.records++;
        if (scope === undefined) dataRecords++;
      },
      problem: () => rows.problems++,
    });
    flows.decodeDatagram(bytes, SESSION, 1_700_000_000_000, sink);
    rows.count += batch.rowCount;
    return { ...rows, dataRecords };
  }
  feed(GOOD_TEMPLATE);
  feed(GOOD_DATA);
  return {
    feed(bytes: Uint8Array) {
      const found = feed(bytes);
      expect(found.count, 'both ways of reading find the same records').toBe(found.dataRecords);
      expect(found.records).toBeLessThanOrEqual(bytes.length * RECORDS_PER_OCTET_MAX + 65536);
      return found;
    },
    stillDecodes: () => expect(feed(GOOD_DATA)).toMatchObject({ records: 1, count: 1, problems: 0 }),
  };
}

const captures = fixturesBelow('exporters/_pcap', '.pcap').filter((name) => !name.includes('ipfixcol2'));

describe.skipIf(!hasFixtures)('every public capture, or: no shared fixtures', () => {
  test('truncated at every octet', () => {
    for (const capture of captures) {
      const victim = victims();
      for (const datagram of exportPackets(capture)) {
        victim.feed(datagram);
        for (let octets = 0; octets < datagram.length; octets += datagram.length > 600 ? 3 : 1) {
          victim.feed(datagram.slice(0, octets));
        }
      }
      victim.stillDecodes();
    }
  });

  test('with every bit of its first 64 octets flipped', () => {
    for (const capture of captures) {
      const victim = victims();
      for (const datagram of exportPackets(capture)) {
        for (let bit = 0; bit < Math.min(64, datagram.length) * 8; bit++) {
          const damaged = datagram.slice();
          damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (128 >> (bit & 7));
          victim.feed(damaged);
        }
      }
      victim.stillDecodes();
    }
  });

  test('with octets overwritten at random', () => {
    const datagrams = captures.flatMap(exportPackets);
    const damage = fc.array(fc.tuple(fc.nat(1500), fc.nat(255)), { minLength: 1, maxLength: 8 });
    const victim = victims();
    fc.assert(
      fc.property(fc.constantFrom(...datagrams), damage, (datagram, changes) => {
        const damaged = datagram.slice();
        for (const [at, octet] of changes) damaged[at % damaged.length] = octet;
        victim.feed(damaged);
      }),
      { numRuns: 3000 },
    );
    victim.stillDecodes();
  });
});

test('any octets behind the header of any version', () => {
  const victim = victims();
  fc.assert(
    fc.property(fc.constantFrom(1, 5, 7, 9, 10), fc.uint8Array({ maxLength: 400 }), (version, octets) => {
      victim.feed(Uint8Array.from([0, version, ...octets]));
    }),
    { numRuns: 3000 },
  );
  victim.stillDecodes();
});

function field(name: string, length: number) {
  const element = elementByName(name) ?? expect.fail(name);
  return { enterpriseNumber: element.enterpriseNumber, elementId: element.elementId, length };
}

describe('what stopped other collectors', () => {
  const bomb = (fields: Template['fields'], body: Uint8Array): Uint8Array =>
    message(1, (encoder) => {
      const templateId = 300;
      encoder.addTemplate({ templateId, scopeFieldCount: 0, fields });
      const at = encoder.reserve(templateId, body.length);
      encoder.bytes.set(body, at);
    });
  const zeros = (octets: number) => new Uint8Array(octets);

  test.each([
    ['only zero-length fields', [field('octetDeltaCount', 0), field('packetDeltaCount', 0)]],
    ['a single field of length 0', [field('sourceIPv4Address', 0)]],
  ])('a template of %s, then data', (_, fields) => {
    const victim = victims();
    expect(victim.feed(bomb(fields, zeros(60000))).records).toBe(0);
    victim.stillDecodes();
  });

  test('a template of variable-length fields only', () => {
    const victim = victims();
    const found = victim.feed(bomb([field('interfaceName', VARIABLE_LENGTH)], zeros(60000)));
    expect(found.records).toBe(60000);
    victim.stillDecodes();
  });

  test('two thousand empty fields in front of one octet cost 16 values a record', () => {
    const victim = victims();
    const fields = [...new Array(2000).fill(field('ingressInterface', 0)), field('ipTTL', 1)];
    expect(victim.feed(bomb(fields, zeros(40000))).records).toBe(40000);
    victim.stillDecodes();
  });

  test('a list in each record that is no list', () => {
    const victim = victims();
    const body = new Uint8Array(60000).fill(0x05);
    const { problems, records } = victim.feed(bomb([field('subTemplateMultiList', VARIABLE_LENGTH)], body));
    expect(records).toBe(10000);
    expect(problems).toBe(10000);
    victim.stillDecodes();
  });

  test('a subTemplateMultiList of empty entries', () => {
    const victim = victims();
    const body = new Uint8Array(4 + 4 * 15000);
    body.set([255, (body.length - 3) >> 8, (body.length - 3) & 255, 3]);
    for (let at = 4; at < body.length; at += 4) body.set([1, 44, 0, 4], at);
    expect(victim.feed(bomb([field('subTemplateMultiList', VARIABLE_LENGTH)], body))).toMatchObject({
      records: 1,
      problems: 0,
    });
    victim.stillDecodes();
  });
});
