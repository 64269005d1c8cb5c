import { describe, expect, test } from 'vitest';
import { readExtraFields } from './extra-fields.ts';

const VARIABLE = 65_535;
const field = (elementId: number, length: number, enterpriseNumber = 0) => ({
  enterpriseNumber,
  elementId,
  length,
});

describe('readExtraFields', () => {
  test('names and values of known elements, octets of unknown ones', () => {
    const layout = [field(82, VARIABLE), field(312, 2), field(1, 2, 65_530), field(291, VARIABLE)];
    const octets = Uint8Array.of(4, 0x65, 0x74, 0x68, 0x30, 0x05, 0xdc, 0xab, 0xcd, 255, 0, 2, 1, 2);
    expect(readExtraFields(layout, octets)).toEqual({
      interfaceName: 'eth0',
      dataLinkFrameSize: 1500,
      '65530/1': 'abcd',
      basicList: '"0102"',
    });
  });

  test('a list of values is JSON; lists of records, whose templates are elsewhere, keep their octets in it', () => {
    const layout = [field(291, VARIABLE), field(292, VARIABLE)];
    const basic = [9, 3, 0, 14, 0, 2, 0, 1, 0, 9];
    const octets = Uint8Array.of(...basic, 5, 4, 1, 0, 171, 205);
    const { basicList, subTemplateList } = readExtraFields(layout, octets);
    expect(JSON.parse(String(basicList))).toEqual({ semantic: 'allOf', egressInterface: [1, 9] });
    expect(JSON.parse(String(subTemplateList))).toEqual({
      semantic: 'ordered',
      templateId: 256,
      octets: 'abcd',
    });
  });

  test('an element that comes twice has a list', () => {
    expect(readExtraFields([field(312, 2), field(312, 2)], Uint8Array.of(0, 1, 0, 2))).toEqual({
      dataLinkFrameSize: [1, 2],
    });
  });

  test.each([
    [
      [field(312, 2), field(313, 2)],
      [0, 1, 0],
    ],
    [
      [field(312, 2), field(82, VARIABLE)],
      [0, 1, 5, 65],
    ],
    [
      [field(312, 2), field(82, VARIABLE)],
      [0, 1, 255, 0],
    ],
    [
      [field(312, 2), field(82, VARIABLE)],
      [0, 1],
    ],
  ])('what does not fit the layout is left out', (layout, octets) => {
    expect(readExtraFields(layout, Uint8Array.from(octets))).toEqual({ dataLinkFrameSize: 1 });
  });
});
