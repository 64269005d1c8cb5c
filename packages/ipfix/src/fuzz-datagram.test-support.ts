/** Datagrams for fuzzing: well-formed messages, damaged in a few places. */
import fc from 'fast-check';
import {
  type Field,
  ipfix,
  optionsTemplateSet,
  sessionOf,
  set,
  templateSet,
  V5_RECORD,
  v5,
  v9,
  v9OptionsTemplateSet,
  v9TemplateSet,
} from './datagram-builder.test-support.ts';
import { clearFlowBatch, createFlowBatch } from './flow-batch.ts';
import { createFlowDecoder } from './flow-decoder.ts';
import { createRecordDecoder } from './record-decoder.ts';

/** Few IDs, so that templates, data and options meet, and collide. */
const templateId = fc.integer({ min: 256, max: 259 });
const elementId = fc.oneof(
  fc.constantFrom(
    1,
    2,
    4,
    7,
    8,
    11,
    12,
    22,
    27,
    34,
    48,
    82,
    150,
    152,
    160,
    176,
    177,
    291,
    292,
    293,
    305,
    306,
  ),
  fc.nat(32767),
);
const length = fc.oneof(fc.constantFrom(0, 1, 2, 4, 8, 16, 65535), fc.nat(65535));
const field: fc.Arbitrary<Field> = fc
  .tuple(elementId, length, fc.option(fc.constantFrom(29305, 6871, 4294967295), { nil: undefined }))
  .map(([id, octets, pen]) => (pen === undefined ? [id, octets] : [id, octets, pen]));
const fields = fc.array(field, { maxLength: 12 });
const body = fc
  .oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.nat(300).map((octets) => new Uint8Array(octets)),
  )
  .map((octets) => [...octets]);

const ipfixSet = fc.oneof(
  fc.tuple(templateId, fields).map(([id, list]) => templateSet(id, ...list)),
  fc
    .tuple(templateId, fc.nat(4), fields)
    .map(([id, scopes, list]) => optionsTemplateSet(id, scopes, ...list)),
  fc.tuple(fc.oneof(templateId, fc.nat(65535)), body).map(([id, octets]) => set(id, octets)),
  fc.tuple(templateId, body, fc.nat(400)).map(([id, octets, lie]) => set(id, octets, lie)),
);
const v9Set = fc.oneof(
  fc.tuple(templateId, fields).map(([id, list]) => v9TemplateSet(id, ...list)),
  fc.tuple(templateId, fields, fields).map(([id, scopes, list]) => v9OptionsTemplateSet(id, scopes, list)),
  fc.tuple(fc.oneof(templateId, fc.nat(65535)), body).map(([id, octets]) => set(id, octets)),
);
const header = fc.record({
  exportTime: fc.oneof(fc.constant(1_700_000_000), fc.nat(4294967295)),
  sequenceNumber: fc.nat(4294967295),
  domainId: fc.nat(2),
  uptimeMs: fc.nat(4294967295),
});
const message = fc.oneof(
  fc.tuple(fc.array(ipfixSet, { maxLength: 6 }), header).map(([sets, head]) => ipfix(sets.flat(), head)),
  fc.tuple(fc.array(v9Set, { maxLength: 6 }), header).map(([sets, head]) => v9(sets.flat(), head)),
  fc.tuple(fc.nat(3), fc.nat(65535)).map(([records, count]) => {
    return v5(new Array(records).fill(V5_RECORD).flat(), { count });
  }),
);

/** Puts other octets in some places, or cuts the end off. */
const damage = fc.record({
  octets: fc.array(fc.tuple(fc.nat(65535), fc.nat(255)), { maxLength: 4 }),
  cut: fc.option(fc.nat(2000), { nil: undefined }),
});
const datagram = fc
  .tuple(fc.array(message, { minLength: 1, maxLength: 3 }), damage)
  .map(([messages, harm]) => {
    const bytes = Uint8Array.from(messages.flatMap((octets) => [...octets]));
    for (const [at, octet] of harm.octets) bytes[at % bytes.length] = octet;
    return harm.cut === undefined ? bytes : bytes.subarray(0, harm.cut);
  });

/** What arrives at a collector on a bad day. */
export const hostileDatagrams: fc.Arbitrary<Uint8Array[]> = fc.array(datagram, {
  minLength: 1,
  maxLength: 8,
});

/** Rows, records and problems of a sequence of datagrams, by both readers. */
export function decodeBothWays(datagrams: readonly Uint8Array[]) {
  const flows = createFlowDecoder();
  const records = createRecordDecoder();
  const session = sessionOf();
  const batch = createFlowBatch(64);
  let rowCount = 0;
  let recordCount = 0;
  const rowProblems: string[] = [];
  const recordProblems: string[] = [];
  const take = () => {
    rowCount += batch.rowCount;
    clearFlowBatch(batch);
    return batch;
  };
  const rowSink = {
    batch,
    full: take,
    problem: ({ code, offset }: { code: string; offset: number }) =>
      void rowProblems.push(`${code}@${offset}`),
  };
  const recordSink = {
    record: (record: { scope?: unknown }) => {
      if (record.scope === undefined) recordCount += 1;
    },
    problem: ({ code, offset }: { code: string; offset: number }) =>
      void recordProblems.push(`${code}@${offset}`),
  };
  for (const bytes of datagrams) {
    flows.decodeDatagram(bytes, session, 0, rowSink);
    records.decodeDatagram(bytes, session, 0, recordSink);
  }
  take();
  // Lists are read for people only; columns keep them as octets.
  const withoutLists = (problems: readonly string[]) =>
    problems.filter((problem) => !problem.startsWith('list_') && !problem.startsWith('value_'));
  return {
    rowCount,
    recordCount,
    rowProblems: withoutLists(rowProblems),
    recordProblems: withoutLists(recordProblems),
    octets: datagrams.reduce((sum, bytes) => sum + bytes.length, 0),
  };
}
