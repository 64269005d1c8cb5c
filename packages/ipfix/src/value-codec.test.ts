import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatIPv6, parseHex, parseIPv4, parseIPv6 } from './address-text.ts';
import { ABSTRACT_DATA_TYPES, DATA_TYPE_OCTETS } from './information-element.ts';
import {
  decodeValue,
  type EncodableValue,
  encodeValue,
  isStructured,
  type PlainDataType,
  valueOctets,
} from './value-codec.ts';

const PLAIN_DATA_TYPES = ABSTRACT_DATA_TYPES.filter((type): type is PlainDataType => !isStructured(type));

function bytesOf(hex: string): Uint8Array {
  return parseHex(hex.replaceAll(' ', '')) ?? expect.fail(`not hexadecimal: ${hex}`);
}

function decodeHexText(dataType: PlainDataType, hex: string) {
  const bytes = bytesOf(hex);
  return decodeValue(bytes, 0, bytes.length, dataType);
}

function encodeToHex(dataType: PlainDataType, octets: number, value: EncodableValue): string {
  const bytes = new Uint8Array(octets).fill(0xee);
  encodeValue(bytes, 0, { dataType }, octets, value);
  return Buffer.from(bytes).toString('hex');
}

describe('decodeValue', () => {
  test.each<[PlainDataType, string, unknown]>([
    ['unsigned8', 'ff', 255],
    ['unsigned16', 'ffff', 65535],
    ['unsigned32', 'ffffffff', 4294967295],
    ['unsigned64', '001fffffffffffff', 9007199254740991],
    ['unsigned64', '0020000000000000', '9007199254740992'],
    ['unsigned64', 'ffffffffffffffff', '18446744073709551615'],
    ['unsigned256', `${'00'.repeat(31)}05`, 5],
    ['unsigned256', `80${'00'.repeat(31)}`, (1n << 255n).toString()],
    ['signed8', '80', -128],
    ['signed16', 'fffe', -2],
    ['signed32', '80000000', -2147483648],
    ['signed64', 'ffffffffffffffff', -1],
    ['signed64', '8000000000000000', '-9223372036854775808'],
    ['float32', '3fc00000', 1.5],
    ['float64', '3ff8000000000000', 1.5],
    ['float64', '7ff0000000000000', 'Infinity'],
    ['float64', '7ff8000000000000', 'NaN'],
    ['boolean', '01', true],
    ['boolean', '02', false],
    ['boolean', '00', 0],
    ['macAddress', '0002b3aabbcc', '00:02:b3:aa:bb:cc'],
    ['octetArray', '00ff10', '00ff10'],
    ['octetArray', '', ''],
    ['string', '6d6f6e64c3a9', 'mondé'],
    ['string', '', ''],
    ['ipv4Address', 'c0000201', '192.0.2.1'],
    ['ipv6Address', '20010db8000000000000000000000001', '2001:db8::1'],
    ['dateTimeSeconds', '65856ccb', '2023-12-22T11:02:35Z'],
    ['dateTimeSeconds', 'ffffffff', '2106-02-07T06:28:15Z'],
    ['dateTimeMilliseconds', '0000018c6d19909f', '2023-12-15T10:50:41.183Z'],
    ['dateTimeMilliseconds', '0000000000000000', '1970-01-01T00:00:00.000Z'],
  ])('%s %s is %s', (dataType, hex, value) => {
    expect(decodeHexText(dataType, hex)).toBe(value);
  });

  test.each<[PlainDataType, string, unknown]>([
    ['unsigned64', '0100', 256],
    ['unsigned32', '010000', 65536],
    ['unsigned64', 'ffffffffffffff', '72057594037927935'],
    ['signed32', 'ff', -1],
    ['float64', '3fc00000', 1.5],
  ])('reduced-size encoding, RFC 7011 section 6.2: %s in %s is %s', (dataType, hex, value) => {
    expect(decodeHexText(dataType, hex)).toBe(value);
  });

  test.each<[PlainDataType, string, unknown]>([
    ['unsigned8', '00000007', 7],
    ['unsigned16', `${'00'.repeat(40)}`, '00'.repeat(40)],
    ['macAddress', '0002b3aabb', '0002b3aabb'],
    ['ipv4Address', '20010db8000000000000000000000001', '2001:db8::1'],
    ['ipv6Address', 'c0000201', '192.0.2.1'],
    ['ipv4Address', 'c00002', 'c00002'],
    ['float32', '3fc000', '3fc000'],
    ['dateTimeNanoseconds', '00000001', '00000001'],
    ['dateTimeMilliseconds', 'ffffffffffffffff', '18446744073709551615'],
    ['string', '6162000000', 'ab'],
    ['unsigned32', '', null],
    ['ipv4Address', '', null],
  ])('lengths that exporters send against the rules: %s in %s is %s', (dataType, hex, value) => {
    expect(decodeHexText(dataType, hex)).toBe(value);
  });

  test.each<[PlainDataType, string, string]>([
    ['dateTimeMicroseconds', 'dfe86080 80000000', '2019-01-15T13:37:04.500000Z'],
    ['dateTimeMicroseconds', 'dfe86080 800007ff', '2019-01-15T13:37:04.500000Z'],
    ['dateTimeNanoseconds', 'dfe86080 80000004', '2019-01-15T13:37:04.500000001Z'],
    ['dateTimeNanoseconds', 'dfe86080 ffffffff', '2019-01-15T13:37:05.000000000Z'],
    ['dateTimeNanoseconds', '00000000 80000000', '2036-02-07T06:28:16.500000000Z'],
    ['dateTimeMicroseconds', '00000000 00000000', '1900-01-01T00:00:00.000000Z'],
  ])('%s %s is %s', (dataType, hex, text) => {
    expect(decodeHexText(dataType, hex)).toBe(text);
  });
});

describe('encodeValue', () => {
  test.each<[PlainDataType, number, EncodableValue, string]>([
    ['unsigned64', 8, 18446744073709551615n, 'ffffffffffffffff'],
    ['unsigned64', 3, '65536', '010000'],
    ['signed32', 2, -2, 'fffe'],
    ['float64', 4, 1.5, '3fc00000'],
    ['boolean', 1, true, '01'],
    ['boolean', 1, false, '02'],
    ['string', 4, 'ab', '61620000'],
    ['octetArray', 2, Uint8Array.of(1, 2), '0102'],
    ['ipv4Address', 4, '192.0.2.1', 'c0000201'],
    ['macAddress', 6, '00-02-B3-aa-bb-cc', '0002b3aabbcc'],
    ['dateTimeSeconds', 4, new Date('2023-12-22T11:02:35Z'), '65856ccb'],
    ['dateTimeMilliseconds', 8, 1702637441183, '0000018c6d19909f'],
    ['dateTimeMicroseconds', 8, '2019-01-15T13:37:04.5Z', 'dfe8608080000000'],
    ['unsigned32', 0, null, ''],
  ])('%s in %i octets: %s', (dataType, octets, value, hex) => {
    expect(encodeToHex(dataType, octets, value)).toBe(hex);
  });

  test.each<[PlainDataType, number, EncodableValue]>([
    ['unsigned8', 1, 256],
    ['unsigned8', 2, 1],
    ['unsigned32', 2, 65536],
    ['unsigned32', 4, -1],
    ['unsigned32', 4, 1.5],
    ['unsigned32', 4, 'one'],
    ['signed8', 1, 128],
    ['float32', 8, 1],
    ['boolean', 2, true],
    ['string', 2, 'abc'],
    ['octetArray', 2, '0'],
    ['octetArray', 2, '010203'],
    ['ipv4Address', 4, '256.1.1.1'],
    ['ipv4Address', 4, '::1'],
    ['ipv6Address', 16, '1::2::3'],
    ['macAddress', 6, '00:11'],
    ['dateTimeSeconds', 4, 'yesterday'],
    ['dateTimeSeconds', 4, '1969-12-31T23:59:59Z'],
    ['dateTimeSeconds', 8, '1999-12-31T23:59:59Z'],
    ['unsigned32', 4, null],
  ])('%s in %i octets refuses %s', (dataType, octets, value) => {
    expect(() => encodeToHex(dataType, octets, value)).toThrow(RangeError);
  });

  test('never writes outside its octets', () => {
    expect(() => encodeValue(new Uint8Array(3), 0, { dataType: 'unsigned32' }, 4, 1)).toThrow(RangeError);
  });
});

/** Values of a type in the form in which decoding gives them. */
function valuesOf(dataType: PlainDataType): fc.Arbitrary<EncodableValue> {
  const octets = DATA_TYPE_OCTETS[dataType];
  const json = (value: bigint) => (Number.isSafeInteger(Number(value)) ? Number(value) : value.toString());
  switch (dataType) {
    case 'octetArray':
      return fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('hex'));
    case 'string':
      return fc.string({ unit: 'binary', maxLength: 100 }).filter((text) => !text.endsWith('\0'));
    case 'boolean':
      return fc.oneof(fc.boolean(), fc.constantFrom(0, 3, 255));
    case 'float32':
      return fc.float().map((value) => (Number.isFinite(value) ? value : String(value)));
    case 'float64':
      return fc.double().map((value) => (Number.isFinite(value) ? value : String(value)));
    case 'macAddress':
    case 'ipv4Address':
    case 'ipv6Address':
      return fc
        .uint8Array({ minLength: octets, maxLength: octets })
        .map((bytes) => decodeValue(bytes, 0, octets, dataType));
    case 'dateTimeSeconds':
      return fc
        .integer({ min: 0, max: 0xffffffff })
        .map((seconds) => isoText(BigInt(seconds) * 10n ** 9n, 0));
    case 'dateTimeMilliseconds':
      return fc.integer({ min: 0, max: 8.64e15 - 1 }).map((ms) => isoText(BigInt(ms) * 1000000n, 3));
    case 'dateTimeMicroseconds':
      return fc.bigInt({ min: 0n, max: 4102444799999999n }).map((us) => isoText(us * 1000n, 6));
    case 'dateTimeNanoseconds':
      return fc.bigInt({ min: 0n, max: 4102444799999999999n }).map((ns) => isoText(ns, 9));
    default: {
      const bits = BigInt(octets * 8);
      const [min, max] = dataType.startsWith('signed')
        ? [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n]
        : [0n, (1n << bits) - 1n];
      return fc.bigInt({ min, max }).map(json);
    }
  }
}

function isoText(nanoseconds: bigint, digits: number): string {
  const fraction = String(nanoseconds % 10n ** 9n).padStart(9, '0');
  const whole = new Date(Number(nanoseconds / 10n ** 9n) * 1000).toISOString().slice(0, -5);
  return digits === 0 ? `${whole}Z` : `${whole}.${fraction.slice(0, digits)}Z`;
}

describe('round trips', () => {
  test.each(PLAIN_DATA_TYPES)('%s: encode, decode, encode is the identity', (dataType) => {
    fc.assert(
      fc.property(valuesOf(dataType), (value) => {
        const octets = valueOctets(dataType, value);
        const first = new Uint8Array(octets);
        encodeValue(first, 0, { dataType }, octets, value);
        const decoded = decodeValue(first, 0, octets, dataType);
        expect(decoded).toEqual(value);
        const second = new Uint8Array(octets);
        encodeValue(second, 0, { dataType }, octets, decoded);
        expect(second).toEqual(first);
      }),
      { numRuns: 300 },
    );
  });

  test.each(PLAIN_DATA_TYPES)('%s: any octets of any length decode to JSON', (dataType) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
        const value = decodeValue(bytes, 0, bytes.length, dataType);
        expect(JSON.parse(JSON.stringify(value))).toEqual(Object.is(value, -0) ? 0 : value);
      }),
    );
  });

  test('reduced-size integers keep their value at every length that holds it', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
        fc.integer({ min: 1, max: 8 }),
        (value, octets) => {
          fc.pre(value < 1n << BigInt(octets * 8));
          const bytes = new Uint8Array(octets);
          encodeValue(bytes, 0, { dataType: 'unsigned64' }, octets, value);
          expect(BigInt(decodeValue(bytes, 0, octets, 'unsigned64') as number)).toBe(value);
        },
      ),
    );
  });
});

describe('addresses as text', () => {
  test.each([
    ['0:0:0:0:0:0:0:0', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['fe80::ABCD', 'fe80::abcd'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ])('RFC 5952: %s is written %s', (text, expected) => {
    expect(formatIPv6(parseIPv6(text) ?? expect.fail(text), 0)).toBe(expected);
  });

  test.each([
    '',
    ':',
    ':::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    'g::',
    '12345::',
    '::1.2.3',
    '::1%eth0',
  ])('%s is no IPv6 address', (text) => {
    expect(parseIPv6(text)).toBeUndefined();
  });

  test('IPv4 text has four decimal octets', () => {
    expect(parseIPv4('1.2.3')).toBeUndefined();
    expect(parseIPv4('1.2.3.')).toBeUndefined();
    expect(parseIPv4('0x1.2.3.4')).toBeUndefined();
    expect(parseIPv4('255.0.10.1')).toEqual(Uint8Array.of(255, 0, 10, 1));
  });

  test('any text parses to an address or to nothing', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9a-f:.]{0,24}$/), (text) => {
        const bytes = parseIPv6(text);
        if (bytes !== undefined) expect(parseIPv6(formatIPv6(bytes, 0))).toEqual(bytes);
      }),
    );
  });
});
