/** Input that was made, or went wrong, to hurt a collector: what stopped others, and what could stop this one. */
import { describe, expect, test } from 'vitest';
import {
  EXPORT_TIME,
  type Field,
  harness,
  hex,
  ipfix,
  optionsTemplateSet,
  sessionOf,
  set,
  templateSet,
  u16,
  u32,
  V5_RECORD,
  v5,
  v9,
  v9OptionsTemplateSet,
  v9TemplateSet,
} from './datagram-builder.test-support.ts';
import type { DomainSnapshot } from './decoder-snapshot.ts';
import { DOMAINS_PER_EXPORTER_MAX, ESTABLISHED_MESSAGES, EXPORTERS_UNPROVEN_MAX } from './exporter-table.ts';
import { createFlowBatch } from './flow-batch.ts';
import { createFlowDecoder } from './flow-decoder.ts';
import { decodeRecords } from './record-decoder.ts';
import {
  TEMPLATE_FIELDS_PER_EXPORTER_MAX,
  TEMPLATE_FIELDS_PER_UNESTABLISHED_MAX,
  TEMPLATE_FIELDS_UNESTABLISHED_MAX,
} from './template-budget.ts';
import { FIELDS_PER_TEMPLATE_MAX } from './template-set.ts';
import { TEMPLATES_PER_DOMAIN_MAX } from './template-store.ts';

/** A template of addresses and octets, and its record: what must still be read after any attack. */
const GOOD_FIELDS: readonly Field[] = [
  [8, 4],
  [12, 4],
  [1, 4],
];
const GOOD_TEMPLATE = templateSet(300, ...GOOD_FIELDS);
const GOOD_RECORD = [...u32(0x0a000001), ...u32(0x0a000002), ...u32(99)];
const GOOD_DATA = set(300, GOOD_RECORD);

/** Sends what an exporter sends until it is established. */
function establish(send: (datagram: Uint8Array) => void): void {
  for (let sequenceNumber = 0; sequenceNumber <= ESTABLISHED_MESSAGES; sequenceNumber++) {
    send(ipfix([...GOOD_TEMPLATE, ...GOOD_DATA], { sequenceNumber }));
  }
}

function fieldsOf({ templates }: DomainSnapshot): number[] {
  return templates.map(({ fields }) => fields.length);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** Sends the attack between a template and its data, in one message and in datagrams of their own. */
function survives(attack: readonly number[], version: 9 | 10 = 10) {
  const message = version === 10 ? ipfix : v9;
  const template = version === 10 ? GOOD_TEMPLATE : v9TemplateSet(300, ...GOOD_FIELDS);
  const tested = harness();
  tested.send(message([...template, ...attack, ...GOOD_DATA]));
  const inOneMessage = tested.rows.filter((row) => row.octets === 99).length;
  tested.send(message(attack, { sequenceNumber: 1 }));
  tested.send(message(GOOD_DATA, { sequenceNumber: 2 }));
  const afterwards = tested.rows.filter((row) => row.octets === 99).length - inOneMessage;
  return { ...tested, inOneMessage, afterwards };
}

describe('templates that describe nothing', () => {
  test('a zero-field IPFIX template (a withdrawal) and its data', () => {
    const attack = [...templateSet(256, [8, 4]), ...set(2, [...u16(256), ...u16(0)]), ...set(256, u32(1))];
    const { problems, inOneMessage, afterwards } = survives(attack);
    expect(problems.filter((problem) => problem.startsWith('template_withdrawal_invalid'))).toHaveLength(2);
    expect([inOneMessage, afterwards]).toEqual([1, 1]);
  });

  test('a zero-field v9 template and its data', () => {
    const attack = [...v9TemplateSet(256), ...set(256, u32(1))];
    const { problems, inOneMessage, afterwards } = survives(attack, 9);
    expect(problems).toContain('template_record_empty@44');
    expect([inOneMessage, afterwards]).toEqual([1, 1]);
  });

  test('a template of zero-length fields and its data', () => {
    const attack = [...templateSet(256, [8, 0], [12, 0]), ...set(256, u32(1))];
    const { problems, inOneMessage, afterwards } = survives(attack);
    expect(problems).toContain('template_record_empty@40');
    expect([inOneMessage, afterwards]).toEqual([1, 1]);
  });

  test('a template of one variable-length field reads records of one octet, not more', () => {
    const attack = [...templateSet(256, [82, 65535]), ...set(256, [0, 0, 3, 65, 66, 67])];
    const { rows, inOneMessage, afterwards } = survives(attack);
    expect(rows.map((row) => row.extra).slice(0, 3)).toEqual([[0], [0], [3, 65, 66, 67]]);
    expect([inOneMessage, afterwards]).toEqual([1, 1]);
  });

  test('a data Set full of zeros against a variable-length template ends at the Set', () => {
    const { decoder } = survives([...templateSet(256, [82, 65535]), ...set(256, new Array(1000).fill(0))]);
    const [domain] = decoder.domainCounters();
    expect(domain?.counters.records).toBe(2002);
  });
});

describe('withdrawals', () => {
  const all = [...set(2, [...u16(2), ...u16(0)]), ...set(3, [...u16(3), ...u16(0)])];

  test('withdraw-all over UDP destroys nothing', () => {
    const { inOneMessage, afterwards, decoder } = survives(all);
    expect([inOneMessage, afterwards]).toEqual([1, 1]);
    const [domain] = decoder.domainCounters();
    expect(domain?.counters).toMatchObject({ templateWithdrawals: 0, templatesRefused: 4 });
  });

  test('data after a withdrawal does not wait for the next template of the same ID', () => {
    const { send, rows, problems, decoder } = harness({ session: sessionOf('tcp') });
    send(ipfix([...templateSet(256, [1, 4]), ...set(2, [...u16(256), ...u16(0)]), ...set(256, u32(5))]));
    send(ipfix([...templateSet(256, [2, 4]), ...set(256, u32(6))]));
    expect(rows).toMatchObject([{ packets: 6 }]);
    expect(problems).toEqual(['set_template_unknown@36']);
    expect(decoder.counters().pendingKept).toBe(0);
  });

  test('withdraw-all over TCP is obeyed, of the kind it names', () => {
    const { send, rows, optionsRecords, decoder } = harness({ session: sessionOf('tcp') });
    const options = [...optionsTemplateSet(400, 1, [10, 4], [34, 4]), ...set(400, [...u32(1), ...u32(5)])];
    send(ipfix([...GOOD_TEMPLATE, ...options, ...set(2, [...u16(2), ...u16(0)]), ...GOOD_DATA]));
    send(ipfix(set(400, [...u32(2), ...u32(6)])));
    expect(rows).toHaveLength(0);
    expect(optionsRecords).toHaveLength(2);
    const [domain] = decoder.domainCounters();
    expect(domain?.counters).toMatchObject({ templateWithdrawals: 1, undecodedSets: 1, problems: 1 });
    expect(decoder.counters().pendingKept).toBe(0);
  });

  test('a single withdrawal over TCP frees the ID; of an unknown one it is a problem', () => {
    const { send, rows, problems } = harness({ session: sessionOf('tcp') });
    const withdrawal = set(2, [...u16(300), ...u16(0)]);
    send(ipfix([...GOOD_TEMPLATE, ...GOOD_DATA, ...withdrawal, ...withdrawal, ...GOOD_DATA]));
    expect(rows).toHaveLength(1);
    expect(problems).toEqual(['template_withdrawal_invalid@64', 'set_template_unknown@68']);
  });
});

describe('one ID for two things', () => {
  test('an ID of a template announced as options template: its data is no flow any more', () => {
    const { send, rows, optionsRecords, problems } = harness();
    send(ipfix([...templateSet(256, [8, 4], [1, 4]), ...set(256, [...u32(1), ...u32(2)])]));
    send(ipfix([...optionsTemplateSet(256, 1, [10, 4], [34, 4]), ...set(256, [...u32(1), ...u32(2)])]));
    expect(rows).toHaveLength(1);
    expect(optionsRecords.map((record) => record.scope)).toEqual([{ ingressInterface: 1 }]);
    expect(problems).toEqual(['template_conflict@20']);
  });

  test('a template swapped inside a message holds for the Sets behind it', () => {
    const { send, rows } = harness();
    const first = [...templateSet(256, [1, 4], [2, 4]), ...set(256, [...u32(1), ...u32(2)])];
    const second = [...templateSet(256, [2, 4], [1, 4]), ...set(256, [...u32(1), ...u32(2)])];
    send(ipfix([...first, ...second, ...second]));
    expect(rows.map(({ octets, packets }) => [octets, packets])).toEqual([
      [1, 2],
      [2, 1],
      [2, 1],
    ]);
  });

  test('a forged template does not destroy the good one: Sets that fit only the good one are read with it', () => {
    const { send, rows } = harness();
    send(ipfix([...GOOD_TEMPLATE, ...GOOD_DATA]));
    send(ipfix(templateSet(300, [8, 4], [12, 4], [1, 8], [27, 16])));
    send(ipfix(GOOD_DATA));
    expect(rows.map((row) => row.octets)).toEqual([99, 99]);
    send(ipfix([...GOOD_TEMPLATE, ...GOOD_DATA]));
    expect(rows).toHaveLength(3);
  });
});

describe('lengths that lie', () => {
  test('65535 in v9 is a variable length, and one that overruns its Set costs that Set', () => {
    const template = v9TemplateSet(256, [8, 4], [82, 65535]);
    const good = set(256, [...u32(0x0a000001), 2, 65, 66]);
    const bad = set(256, [...u32(0x0a000001), 255, 255, 255, 0]);
    const { rows, problems, inOneMessage, afterwards } = survives([...template, ...bad, ...good], 9);
    expect(problems[0]).toMatch(/^record_truncated@/);
    expect(rows.filter((row) => row.extra.length === 3)).toHaveLength(2);
    expect([inOneMessage, afterwards]).toEqual([1, 1]);
  });

  test('a scope count above the field count', () => {
    const attack = set(3, [...u16(256), ...u16(1), ...u16(9), ...u16(10), ...u16(4)]);
    const { problems, inOneMessage, afterwards } = survives(attack);
    expect(problems[0]).toBe('template_scope_count_invalid@40');
    expect([inOneMessage, afterwards]).toEqual([1, 1]);
  });

  test('an options template without a scope', () => {
    const { problems } = survives(set(3, [...u16(256), ...u16(1), ...u16(0), ...u16(10), ...u16(4)]));
    expect(problems[0]).toBe('template_scope_count_invalid@40');
  });

  test('v9 option lengths whose sum wraps 16 bits', () => {
    const attack = set(1, [...u16(256), ...u16(65532), ...u16(8), ...u16(1), ...u16(4)]);
    const { problems, inOneMessage, afterwards } = survives(attack, 9);
    expect(problems[0]).toMatch(/^template_truncated@/);
    expect([inOneMessage, afterwards]).toEqual([1, 1]);
  });

  test('v9 option lengths that are no multiple of 4 (pmacct nfprobe wrote 9)', () => {
    const { send, optionsRecords } = harness();
    const template = set(1, [...u16(256), ...u16(4), ...u16(9), ...hex('0001 0004 0022 0004 0023 0001 00')]);
    send(v9([...template, ...set(256, [...u32(0), ...u32(100), 2])]));
    expect(optionsRecords[0]?.fields).toMatchObject({ samplingInterval: 100, samplingAlgorithm: 2 });
  });

  test('a v5 count of 65535 reads the records that are there', () => {
    const { send, rows, problems } = harness();
    send(v5(V5_RECORD, { count: 65535 }));
    expect(rows).toHaveLength(1);
    expect(problems).toEqual(['message_count_invalid@2']);
    send(v5(V5_RECORD));
    expect(rows).toHaveLength(2);
  });

  test.each([0, 1, 2, 3])('a Set Length of %i ends its message, not the collector', (length) => {
    const { send, rows, problems } = harness();
    send(ipfix([...GOOD_TEMPLATE, ...GOOD_DATA, ...set(300, GOOD_RECORD, length), ...GOOD_DATA]));
    expect(rows).toHaveLength(1);
    expect(problems).toEqual(['set_length_invalid@54']);
    send(ipfix(GOOD_DATA, { sequenceNumber: 1 }));
    expect(rows).toHaveLength(2);
  });

  test('a Set Length beyond the message keeps the whole records that are there', () => {
    const { send, rows, problems } = harness();
    send(ipfix([...GOOD_TEMPLATE, ...set(300, [...GOOD_RECORD, 1, 2, 3], 400)]));
    expect(rows).toHaveLength(1);
    expect(problems).toEqual(['set_length_invalid@38']);
  });

  test('a message length beyond the datagram, below the header, and of a datagram cut to nothing', () => {
    const { send, rows, problems } = harness();
    send(ipfix([...GOOD_TEMPLATE, ...GOOD_DATA], { length: 65535 }));
    expect(rows).toHaveLength(1);
    send(ipfix(GOOD_DATA, { length: 15 }));
    send(Uint8Array.of(0));
    send(new Uint8Array(0));
    expect(problems).toEqual(['message_truncated@52', 'message_length_invalid@2', 'message_truncated@0']);
  });

  test('a template with more fields than the limit, and one that promises more than its Set has', () => {
    const many = templateSet(
      256,
      ...Array.from({ length: FIELDS_PER_TEMPLATE_MAX + 1 }, (): Field => [8, 4]),
    );
    const cut = set(2, [...u16(257), ...u16(3), ...u16(8), ...u16(4)]);
    expect(survives(many).problems[0]).toMatch(/^template_fields_excessive@/);
    const { problems, inOneMessage, afterwards } = survives(cut);
    expect(problems[0]).toMatch(/^template_truncated@/);
    expect([inOneMessage, afterwards]).toEqual([1, 1]);
  });

  test('Data Sets whose template never comes: told at the end, once for each template', () => {
    const datagrams = [ipfix(set(300, u32(1))), ipfix(set(300, u32(2))), v9(set(300, u32(3)))];
    const found = [...decodeRecords(datagrams, sessionOf())];
    expect(found).toMatchObject([
      { error: { code: 'set_template_unknown', offset: 16 } },
      { error: { code: 'set_template_unknown', offset: 20 } },
    ]);
    expect(JSON.stringify(found[0])).toContain('template 300 of 192.0.2.1, domain 0: 2 Sets, 8 octets');
  });

  test('a message without any Set is a message, and no problem (RFC 7011 section 3)', () => {
    const { send, rows, problems, decoder } = harness();
    send(Uint8Array.from([...ipfix([]), ...ipfix(templateSet(256, [1, 4])), ...ipfix([]), 0, 0, 0, 0]));
    send(v9([]));
    send(ipfix(set(256, u32(7))));
    expect(problems).toEqual([]);
    expect(rows.map((row) => row.octets)).toEqual([7]);
    expect(decoder.counters().messages).toBe(5);
  });

  test('a flood of forged exporters, each with a template and a record, displaces none that delivers', () => {
    const limits = { exportersMax: 64, exportersUnprovenMax: 16 };
    const decoder = createFlowDecoder({ limits });
    const batch = createFlowBatch(4096);
    const sink = { batch, full: () => batch };
    const sendAs = (address: string, datagram: Uint8Array) =>
      decoder.decodeDatagram(datagram, sessionOf('udp', address), EXPORT_TIME * 1000, sink);
    const exporters = Array.from({ length: 40 }, (_, index) => `192.0.2.${index}`);
    for (const address of exporters) {
      sendAs(address, ipfix([...GOOD_TEMPLATE, ...GOOD_DATA]));
      sendAs(address, ipfix(GOOD_DATA));
    }
    for (let index = 0; index < 1000; index++) {
      sendAs(`2001:db8::${index}`, ipfix([...GOOD_TEMPLATE, ...GOOD_DATA]));
    }
    const before = batch.rowCount;
    for (const address of exporters) sendAs(address, ipfix(GOOD_DATA));
    expect(batch.rowCount - before).toBe(exporters.length);
    expect(decoder.counters().exportersEvicted).toBeGreaterThan(900);
  });

  test('reserved Set IDs are skipped', () => {
    const { problems, inOneMessage, afterwards } = survives([...set(4, u32(1)), ...set(255, u32(1))]);
    expect(problems.slice(0, 2)).toEqual(['set_id_reserved@36', 'set_id_reserved@44']);
    expect([inOneMessage, afterwards]).toEqual([1, 1]);
  });

  test('a record whose fields take more than an empty batch has room for: the row goes without them', () => {
    const { send, rows, decoder } = harness({ capacity: 64 });
    const long = [...u16(5000), ...new Array(5000).fill(7)];
    send(ipfix([...templateSet(256, [1, 4], [82, 65535]), ...set(256, [...u32(9), 255, ...long])]));
    expect(rows.map((row) => [row.octets, row.extra.length, row.extraLayout])).toEqual([[9, 0, undefined]]);
    expect(decoder.counters().extrasDropped).toBe(1);
  });
});

describe('structured data in options records', () => {
  /** basicList (291) in basicList, `depth` deep. */
  function nested(depth: number): number[] {
    const inner = depth === 0 ? [] : nested(depth - 1);
    return [
      3,
      ...u16(291),
      ...u16(65535),
      ...(inner.length === 0 ? [] : [255, ...u16(inner.length), ...inner]),
    ];
  }

  test('a nesting bomb is shown as octets and is a problem', () => {
    const list = nested(2000);
    const data = set(256, [...u32(1), 255, ...u16(list.length), ...list]);
    const { optionsRecords, problems, inOneMessage } = survives([
      ...optionsTemplateSet(256, 1, [10, 4], [291, 65535]),
      ...data,
    ]);
    expect(problems.some((problem) => problem.startsWith('list_nesting_excessive'))).toBe(true);
    expect(optionsRecords).toHaveLength(2);
    expect(inOneMessage).toBe(1);
  });
});

describe('floods', () => {
  test('a million template IDs occupy what the limits say', () => {
    const { send, decoder, rows } = harness();
    send(ipfix([...GOOD_TEMPLATE, ...GOOD_DATA]));
    const idsPerDatagram = 2000;
    const datagrams = Array.from({ length: 30 }, (_, number) => {
      const ids = Array.from(
        { length: idsPerDatagram },
        (_, index) => 1000 + number * idsPerDatagram + index,
      );
      return ipfix(
        set(
          2,
          ids.flatMap((id) => [...u16(id), ...u16(1), ...u16(82), ...u16(4)]),
        ),
      );
    });
    let sent = 0;
    for (; sent < 1_000_000; sent += idsPerDatagram) send(datagrams[(sent / idsPerDatagram) % 30]!);
    const [domain] = decoder.domainCounters();
    const refused = domain?.counters.templatesRefused ?? 0;
    expect(domain?.counters.templateRecords).toBe(sent + 1);
    expect(refused).toBeGreaterThan(900_000);
    send(ipfix(GOOD_DATA));
    expect(rows.filter((row) => row.octets === 99)).toHaveLength(2);
    const [exporter] = decoder.snapshot().exporters;
    expect(exporter?.domains[0]?.templates).toHaveLength(TEMPLATES_PER_DOMAIN_MAX);
  });

  test('templates of thousands of fields meet the limit of fields, which established exporters have a greater one of', () => {
    const fields = Array.from({ length: FIELDS_PER_TEMPLATE_MAX }, (): Field => [210, 1]);
    const limits = [false, true].map((isEstablished) => {
      const { send, decoder } = harness();
      if (isEstablished) establish((datagram) => send(datagram));
      for (let id = 1000; id < 1200; id++) send(ipfix(templateSet(id, ...fields)));
      const [domain] = decoder.domainCounters();
      const kept = 200 - (domain?.counters.templatesRefused ?? 0);
      return kept * FIELDS_PER_TEMPLATE_MAX;
    });
    expect(limits).toEqual([
      TEMPLATE_FIELDS_PER_UNESTABLISHED_MAX,
      TEMPLATE_FIELDS_PER_EXPORTER_MAX - FIELDS_PER_TEMPLATE_MAX, // its own template has some
    ]);
  });

  test('an exporter is established by messages that follow each other, not by records alone', () => {
    const decoder = createFlowDecoder();
    const batch = createFlowBatch(512);
    const sink = { batch, full: () => batch };
    const [good, forged] = [sessionOf('udp', '192.0.2.1'), sessionOf('udp', '192.0.2.2')];
    establish((datagram) => decoder.decodeDatagram(datagram, good, 0, sink));
    for (const sequenceNumber of [7, 900, 3, 3, 3, 3, 3, 1_000_000, 12]) {
      const datagram = ipfix([...GOOD_TEMPLATE, ...GOOD_DATA], { sequenceNumber });
      decoder.decodeDatagram(datagram, forged, 0, sink);
    }
    expect([good, forged].map((session) => decoder.isEstablished(session))).toEqual([true, false]);
    const restored = createFlowDecoder();
    restored.restore(decoder.snapshot());
    for (const session of [good, forged]) restored.decodeDatagram(ipfix(GOOD_DATA), session, 0, sink);
    expect([good, forged].map((session) => restored.isEstablished(session))).toEqual([true, false]);
  });

  test('forged templates leave room for those of a new exporter, and take none from one that is established', () => {
    const decoder = createFlowDecoder();
    const batch = createFlowBatch(512);
    const sink = { batch, full: () => batch };
    const good = sessionOf('udp', '192.0.2.1');
    establish((datagram) => decoder.decodeDatagram(datagram, good, 0, sink));
    const fields = Array.from({ length: FIELDS_PER_TEMPLATE_MAX }, (): Field => [210, 1]);
    const forged = Array.from({ length: 8 }, (_, index) => ipfix(templateSet(300 + index, ...fields)));
    const addresses = (2 * TEMPLATE_FIELDS_UNESTABLISHED_MAX) / TEMPLATE_FIELDS_PER_UNESTABLISHED_MAX;
    for (let number = 0; number < addresses; number++) {
      const session = sessionOf('udp', `198.51.100.${number}`);
      for (const datagram of forged) decoder.decodeDatagram(datagram, session, 0, sink);
    }
    const before = batch.rowCount;
    decoder.decodeDatagram(ipfix([...GOOD_TEMPLATE, ...GOOD_DATA]), sessionOf('udp', '192.0.2.2'), 0, sink);
    decoder.decodeDatagram(ipfix(GOOD_DATA), good, 0, sink);
    expect(batch.rowCount - before).toBe(2);
    const kept = decoder.snapshot().exporters.flatMap(({ domains }) => domains.flatMap(fieldsOf));
    expect(sum(kept)).toBeLessThanOrEqual(TEMPLATE_FIELDS_UNESTABLISHED_MAX + GOOD_FIELDS.length);
    expect(sum(kept)).toBeGreaterThan(TEMPLATE_FIELDS_UNESTABLISHED_MAX / 2);
  });

  test('new source ports share the templates of their address', () => {
    const decoder = createFlowDecoder();
    const batch = createFlowBatch(512);
    const sink = { batch, full: () => batch };
    decoder.decodeDatagram(ipfix(GOOD_TEMPLATE), sessionOf(), 0, sink);
    for (let port = 0; port < 100; port++) decoder.decodeDatagram(ipfix(GOOD_DATA), sessionOf(), 0, sink);
    expect(batch.rowCount).toBe(100);
    expect([...decoder.domainCounters()]).toHaveLength(1);
  });

  test('forged addresses push each other out, not the exporters that deliver', () => {
    const decoder = createFlowDecoder();
    const batch = createFlowBatch(512);
    const sink = { batch, full: () => batch };
    const good = sessionOf('udp', '192.0.2.1');
    decoder.decodeDatagram(ipfix([...GOOD_TEMPLATE, ...GOOD_DATA]), good, 0, sink);
    for (let number = 0; number < EXPORTERS_UNPROVEN_MAX * 3; number++) {
      const forged = sessionOf('udp', `198.51.${number >> 8}.${number & 255}`);
      decoder.decodeDatagram(ipfix(GOOD_TEMPLATE), forged, 0, sink);
    }
    decoder.decodeDatagram(ipfix(GOOD_DATA), good, 0, sink);
    expect(batch.rowCount).toBe(2);
    expect([...decoder.domainCounters()]).toHaveLength(EXPORTERS_UNPROVEN_MAX + 1);
    expect(decoder.counters().exportersEvicted).toBe(EXPORTERS_UNPROVEN_MAX * 2);
  });

  test('observation domains are bounded, those that delivered go last', () => {
    const { send, rows, decoder } = harness();
    send(ipfix([...GOOD_TEMPLATE, ...GOOD_DATA], { domainId: 7 }));
    for (let domainId = 1000; domainId < 1000 + DOMAINS_PER_EXPORTER_MAX * 2; domainId++) {
      send(ipfix(GOOD_TEMPLATE, { domainId }));
    }
    send(ipfix(GOOD_DATA, { domainId: 7 }));
    expect(rows).toHaveLength(2);
    expect([...decoder.domainCounters()]).toHaveLength(DOMAINS_PER_EXPORTER_MAX);
  });

  test('domains of all exporters are bounded, and the first of an exporter always finds room', () => {
    const decoder = createFlowDecoder({ limits: { domainsMax: 20 } });
    const batch = createFlowBatch(512);
    const sink = { batch, full: () => batch };
    for (let number = 0; number < 30; number++) {
      const session = sessionOf('udp', `198.51.100.${number}`);
      for (let domainId = 0; domainId < 5; domainId++) {
        decoder.decodeDatagram(ipfix(GOOD_TEMPLATE, { domainId }), session, 0, sink);
      }
    }
    expect([...decoder.domainCounters()]).toHaveLength(20 + 26);
    decoder.decodeDatagram(ipfix(GOOD_DATA, { domainId: 4 }), sessionOf('udp', '198.51.100.29'), 0, sink);
    expect(batch.rowCount).toBe(1);
  });

  test('Sets without a template fill their exporter’s share and no more', () => {
    const { send, decoder } = harness({ limits: { octetsPerExporterMax: 1000, setsPerExporterMax: 10 } });
    for (let index = 0; index < 50; index++) send(ipfix(set(999, new Array(90).fill(1))));
    expect(decoder.counters()).toMatchObject({ pendingKept: 10, pendingDropped: 40 });
  });

  test('Sets without a template are given up after their time', () => {
    const { send, decoder, rows } = harness({ limits: { ageMsMax: 60_000 } });
    send(ipfix(GOOD_DATA), EXPORT_TIME * 1000);
    send(ipfix(GOOD_TEMPLATE), EXPORT_TIME * 1000 + 60_001);
    expect(rows).toHaveLength(0);
    expect(decoder.counters()).toMatchObject({ pendingKept: 1, pendingExpired: 1, pendingReplayed: 0 });
  });

  test('options templates that change scope counts over v9 keep their memory bounded', () => {
    const { send, decoder } = harness();
    for (let round = 0; round < 1000; round++) {
      send(v9(v9OptionsTemplateSet(256, [[1, round % 60]], [[34, 4]])));
    }
    const [exporter] = decoder.snapshot().exporters;
    expect(exporter?.domains[0]?.templates).toHaveLength(1);
  });
});
