import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  harness,
  ipfix,
  optionsTemplateSet,
  sessionOf,
  set,
  templateSet,
  u16,
  u32,
  v9,
  v9TemplateSet,
} from './datagram-builder.test-support.ts';
import { createFlowDecoder } from './flow-decoder.ts';

/** An options template for RFC 5610, and the record that names element 77 of enterprise 4242. */
const NAME = [...new TextEncoder().encode('fooCount')];
const TYPE_TEMPLATE = optionsTemplateSet(400, 2, [346, 4], [303, 2], [339, 1], [341, 65535]);
const TYPE_RECORD = set(400, [...u32(4242), ...u16(77), 3, NAME.length, ...NAME]);

describe('snapshot and restore', () => {
  test('templates, sampling and element definitions survive as JSON', () => {
    const before = harness();
    const sampling = optionsTemplateSet(401, 1, [144, 4], [34, 4]);
    before.send(ipfix([...templateSet(256, [1, 4]), ...TYPE_TEMPLATE, ...TYPE_RECORD, ...sampling]));
    before.send(ipfix(set(401, [...u32(1), ...u32(50)])));
    before.send(v9(v9TemplateSet(256, [2, 4])));
    const snapshot: unknown = JSON.parse(JSON.stringify(before.decoder.snapshot()));
    const after = harness();
    expect(after.decoder.restore(snapshot)).toEqual({ templates: 4, refused: 0 });
    expect(after.decoder.snapshot()).toEqual(before.decoder.snapshot());
    after.send(ipfix(set(256, u32(5))));
    after.send(v9(set(256, u32(6))));
    expect(after.rows).toMatchObject([{ octets: 5, samplingRate: 50 }, { packets: 6 }]);
  });

  test('an unknown enterprise element is typed once its options record came', () => {
    const { send, optionsRecords } = harness();
    send(
      ipfix([...optionsTemplateSet(402, 1, [144, 4], [77, 4, 4242]), ...set(402, [...u32(1), ...u32(9)])]),
    );
    send(ipfix([...TYPE_TEMPLATE, ...TYPE_RECORD, ...set(402, [...u32(1), ...u32(9)])]));
    expect(optionsRecords.filter(({ templateId }) => templateId === 402).map(({ fields }) => fields)).toEqual(
      [{ '4242/77': '00000009' }, { fooCount: 9 }],
    );
  });

  test('connections are no part of it: their templates end with them', () => {
    const { send, decoder } = harness({ session: sessionOf('tcp') });
    send(ipfix(templateSet(256, [1, 4])));
    expect(decoder.snapshot().exporters).toEqual([]);
  });

  test('a closed connection forgets its templates', () => {
    const session = sessionOf('tcp');
    const { send, decoder, rows } = harness({ session });
    send(ipfix(templateSet(256, [1, 4])));
    decoder.closeSession(session);
    send(ipfix(set(256, u32(5))));
    expect(rows).toHaveLength(0);
  });

  test('anything else than a snapshot is left out and never throws', () => {
    const hostile = fc.oneof(
      fc.jsonValue(),
      fc.record({
        format: fc.constant(1),
        exporters: fc.array(
          fc.record({
            exporterAddress: fc.string(),
            localSocket: fc.string(),
            source: fc.string(),
            elements: fc.array(fc.jsonValue()),
            domains: fc.array(
              fc.record({
                version: fc.constantFrom(9, 10, 5),
                observationDomainId: fc.integer(),
                sampling: fc.jsonValue(),
                templates: fc.array(
                  fc.record({
                    templateId: fc.integer({ min: 0, max: 70_000 }),
                    scopeFieldCount: fc.integer({ min: -1, max: 3 }),
                    options: fc.boolean(),
                    validFromMs: fc.integer(),
                    fields: fc.array(fc.array(fc.integer({ min: -1, max: 70_000 }), { maxLength: 4 })),
                  }),
                ),
              }),
            ),
          }),
        ),
      }),
    );
    fc.assert(
      fc.property(hostile, (snapshot) => {
        const decoder = createFlowDecoder();
        const { templates } = decoder.restore(snapshot);
        const kept = decoder
          .snapshot()
          .exporters.flatMap(({ domains }) => domains)
          .flatMap((d) => d.templates);
        expect(kept.length).toBeLessThanOrEqual(templates);
      }),
    );
  });
});
