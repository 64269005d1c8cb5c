/** Which sampling rate a record gets, by everything that exporters say about sampling. */
import { describe, expect, test } from 'vitest';
import {
  type Field,
  harness,
  ipfix,
  optionsTemplateSet,
  set,
  templateSet,
  u16,
  u32,
  v9,
  v9OptionsTemplateSet,
  v9TemplateSet,
} from './datagram-builder.test-support.ts';

/** The rate of a flow record that follows an options record with these fields, exporter-wide. */
function rateAfter(fields: readonly Field[], octets: readonly number[]): unknown {
  const { send, rows } = harness();
  const options = optionsTemplateSet(257, 1, [144, 4], ...fields);
  send(ipfix([...options, ...set(257, [...u32(1), ...octets])]));
  send(ipfix([...templateSet(256, [1, 4]), ...set(256, u32(5))]));
  return rows[0]?.samplingRate;
}

/** The rate of a flow record that has these fields itself. */
function rateWithin(fields: readonly Field[], octets: readonly number[]): unknown {
  const { send, rows } = harness();
  send(ipfix([...templateSet(256, [1, 4], ...fields), ...set(256, [...u32(5), ...octets])]));
  return rows[0]?.samplingRate;
}

describe('what options records say', () => {
  test.each<[string, Field[], number[], number]>([
    ['34', [[34, 4]], u32(1000), 1000],
    [
      '34 of two octets, with 35',
      [
        [34, 2],
        [35, 1],
      ],
      [...u16(512), 2],
      512,
    ],
    [
      '50 with 49',
      [
        [49, 1],
        [50, 4],
      ],
      [2, ...u32(128)],
      128,
    ],
    [
      '305 with 306',
      [
        [305, 4],
        [306, 4],
      ],
      [...u32(10), ...u32(990)],
      100,
    ],
    [
      '305 with 306 of zero: every packet',
      [
        [305, 4],
        [306, 4],
      ],
      [...u32(10), ...u32(0)],
      1,
    ],
    ['305 without 306', [[305, 4]], u32(1000), 1000],
    [
      '307 with 308',
      [
        [307, 4],
        [308, 4],
      ],
      [...u32(100), ...u32(300)],
      4,
    ],
    [
      '309 with 310',
      [
        [309, 4],
        [310, 4],
      ],
      [...u32(2), ...u32(500)],
      250,
    ],
    [
      '304 names n out of N: the packet interval beside it is not the rate',
      [
        [304, 2],
        [305, 4],
        [309, 4],
        [310, 4],
      ],
      [...u16(3), ...u32(1), ...u32(1), ...u32(256)],
      256,
    ],
    [
      '304 names systematic: the population beside it is not the rate',
      [
        [304, 2],
        [305, 4],
        [306, 4],
        [309, 4],
        [310, 4],
      ],
      [...u16(1), ...u32(1), ...u32(99), ...u32(1), ...u32(256)],
      100,
    ],
  ])('%s', (_, fields, octets, rate) => {
    expect(rateAfter(fields, octets)).toBe(rate);
  });
});

describe('what records say themselves', () => {
  test.each<[string, Field[], number[], number | undefined]>([
    ['34', [[34, 4]], u32(64), 64],
    ['50', [[50, 4]], u32(64), 64],
    ['305 alone', [[305, 4]], u32(64), 64],
    [
      '305 with 306',
      [
        [305, 4],
        [306, 4],
      ],
      [...u32(1), ...u32(63)],
      64,
    ],
    [
      '309 with 310',
      [
        [309, 4],
        [310, 4],
      ],
      [...u32(1), ...u32(63)],
      63,
    ],
    ['a rate of 0 says nothing', [[34, 4]], u32(0), undefined],
  ])('%s', (_, fields, octets, rate) => {
    expect(rateWithin(fields, octets)).toBe(rate);
  });

  test('a record that says 0 has the rate of its domain', () => {
    const { send, rows } = harness();
    const options = optionsTemplateSet(257, 1, [144, 4], [34, 4]);
    send(ipfix([...options, ...set(257, [...u32(1), ...u32(10)])]));
    const records = [...u32(5), ...u32(0), ...u32(6), ...u32(20)];
    send(ipfix([...templateSet(256, [1, 4], [34, 4]), ...set(256, records)]));
    expect(rows.map((row) => row.samplingRate)).toEqual([10, 20]);
  });
});

describe('for whom it holds', () => {
  test('a sampler that is told in one domain and used in another (chassis)', () => {
    const { send, rows } = harness();
    const options = v9OptionsTemplateSet(
      257,
      [[1, 4]],
      [
        [48, 2],
        [49, 1],
        [50, 2],
      ],
    );
    const sampler = set(257, [...u32(0), ...u16(1), 2, ...u16(100)]);
    send(v9([...options, ...sampler], { domainId: 7 }));
    send(v9([...v9TemplateSet(256, [1, 4], [48, 2]), ...set(256, [...u32(5), ...u16(1)])], { domainId: 8 }));
    expect(rows[0]?.samplingRate).toBe(100);
  });

  test('a record that names an unknown sampler does not get that of the only known one', () => {
    const { send, rows } = harness();
    const options = optionsTemplateSet(257, 1, [302, 2], [305, 4], [306, 4]);
    send(ipfix([...options, ...set(257, [...u16(1), ...u32(1), ...u32(99)])]));
    send(
      ipfix([
        ...templateSet(256, [1, 4], [302, 2]),
        ...set(256, [...u32(5), ...u16(2), ...u32(6), ...u16(1)]),
      ]),
    );
    expect(rows.map((row) => row.samplingRate)).toEqual([undefined, 100]);
  });

  test('an interface, by the one that the flow came in or went out through', () => {
    const { send, rows } = harness();
    const options = optionsTemplateSet(257, 1, [10, 4], [34, 4]);
    send(ipfix([...options, ...set(257, [...u32(3), ...u32(30), ...u32(4), ...u32(40)])]));
    const flows = [3, 9, 9, 4, 9, 9].flatMap((ifIndex) => u32(ifIndex));
    send(ipfix([...templateSet(256, [10, 4], [14, 4]), ...set(256, flows)]));
    expect(rows.map((row) => row.samplingRate)).toEqual([30, 40, undefined]);
  });

  test('the domain that is the scope, not the one that tells', () => {
    const { send, rows } = harness();
    const options = optionsTemplateSet(257, 1, [149, 4], [34, 4]);
    send(ipfix([...options, ...set(257, [...u32(9), ...u32(90)])], { domainId: 1 }));
    for (const domainId of [1, 9]) {
      send(ipfix([...templateSet(256, [1, 4]), ...set(256, u32(5))], { domainId }));
    }
    expect(rows.map((row) => row.samplingRate)).toEqual([undefined, 90]);
  });
});
