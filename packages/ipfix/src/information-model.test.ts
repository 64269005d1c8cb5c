import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createElementRegistry, elementOfTypeRecord } from './element-registry.ts';
import { ABSTRACT_DATA_TYPES, type InformationElement } from './information-element.ts';
import { builtInElements, elementById, elementByName, reverseOf, valueName } from './information-model.ts';

describe('the information model', () => {
  test('knows elements by number and by name', () => {
    expect(elementById(0, 1)).toEqual({
      enterpriseNumber: 0,
      elementId: 1,
      name: 'octetDeltaCount',
      dataType: 'unsigned64',
      semantics: 'deltaCounter',
      units: 'octets',
    });
    expect(elementByName('flowEndReason')?.elementId).toBe(136);
    expect(elementByName('0/8')?.name).toBe('sourceIPv4Address');
    expect(elementByName('8')?.name).toBe('sourceIPv4Address');
    expect(elementByName('6871/14')).toBe(elementById(6871, 14));
  });

  test('does not know what nobody assigned', () => {
    expect(elementById(0, 0)).toBeUndefined();
    expect(elementById(0, 32767)).toBeUndefined();
    expect(elementById(4294967295, 1)).toBeUndefined();
    expect(elementByName('toString')).toBeUndefined();
    expect(elementByName('reverse')).toBeUndefined();
  });

  test.each([
    [9, 'Cisco'],
    [637, 'Nokia'],
    [2011, 'Huawei'],
    [5951, 'NetScaler'],
    [6871, 'CERT'],
    [6876, 'VMware'],
    [8057, 'CESNET'],
    [35632, 'ntop'],
    [56506, 'Antrea'],
  ])('has the registry of enterprise %i (%s)', (enterpriseNumber) => {
    const members = [...builtInElements()].filter((element) => element.enterpriseNumber === enterpriseNumber);
    expect(members.length).toBeGreaterThan(1);
  });

  test('has the elements of the newest RFCs', () => {
    expect(elementById(0, 500)?.name).toBe('srhIPv6ActiveSegmentType');
    expect(elementByName('tcpOptionsFull')?.dataType).toBe('unsigned256');
    expect(elementByName('natQuotaExceededEvent')?.elementId).toBe(466);
  });

  test('every element is found by its number and by its name, and no two share a name', () => {
    const elements = [...builtInElements()];
    expect(new Set(elements.map((element) => element.name)).size).toBe(elements.length);
    for (const element of elements) {
      expect(elementById(element.enterpriseNumber, element.elementId)).toBe(element);
      expect(elementByName(element.name)).toBe(element);
    }
  });

  test('RFC 5103: elements of the reverse direction', () => {
    const reverse = elementById(29305, 1);
    expect(reverse).toMatchObject({
      name: 'reverseOctetDeltaCount',
      dataType: 'unsigned64',
      units: 'octets',
    });
    expect(elementByName('reverseOctetDeltaCount')).toBe(reverse);
    expect(reverseOf(elementById(0, 1) as InformationElement)).toBe(reverse);
    expect(elementById(6871, 16424)?.name).toBe('reverseFlowAttributes');
    expect(elementById(29305, 32767)).toBeUndefined();
  });

  test('NetFlow v9 fields beyond the IPFIX id range', () => {
    expect(elementById(0, 40005)?.name).toBe('fwEvent');
    expect(elementById(0, 57590)).toBe(elementByName('35632/118'));
    expect(elementById(0, 33000)).toMatchObject({ name: 'ingressAclId', dataType: 'octetArray' });
  });

  test.each([
    ['protocolIdentifier', 6, 'TCP'],
    ['flowEndReason', 3, 'end of Flow detected'],
    ['forwardingStatus', 0x80, 'Dropped: Unknown'],
    ['forwardingStatus', 0x42, 'Forwarded: Not Fragmented'],
    ['firewallEvent', 3, 'Flow Denied'],
    ['natEvent', 4, 'NAT44 session create'],
    ['flowDirection', 1, 'egress'],
    ['selectorAlgorithm', 1, 'Systematic count-based Sampling'],
    ['biflowDirection', 1, 'initiator'],
    ['flowEndReason', 77, undefined],
    ['octetDeltaCount', 1, undefined],
  ])('%s %i is called %s', (name, value, expected) => {
    expect(valueName(elementByName(name) as InformationElement, value)).toBe(expected);
  });
});

describe('ElementRegistry, RFC 5610', () => {
  const record = {
    privateEnterpriseNumber: 64000,
    informationElementId: 7,
    informationElementDataType: ABSTRACT_DATA_TYPES.indexOf('unsigned32'),
    informationElementSemantics: 3,
    informationElementUnits: 2,
    informationElementName: 'lostOctets',
  };

  test('an unknown enterprise element becomes typed', () => {
    const registry = createElementRegistry();
    expect(registry.elementById(64000, 7)).toBeUndefined();
    const element = elementOfTypeRecord(record) as InformationElement;
    expect(registry.define(element)).toBe(true);
    expect(registry.elementById(64000, 7)).toEqual({
      enterpriseNumber: 64000,
      elementId: 7,
      name: 'lostOctets',
      dataType: 'unsigned32',
      semantics: 'deltaCounter',
      units: 'octets',
    });
    expect(registry.revision).toBe(1);
    expect(registry.define(element)).toBe(false);
    expect(registry.counters).toEqual({ defined: 1, refused: 1, refusedLimit: 0 });
  });

  test('cannot change the built-in model, nor take a name from it', () => {
    const registry = createElementRegistry();
    expect(registry.define({ ...elementOfTypeRecord(record)!, enterpriseNumber: 6871, elementId: 14 })).toBe(
      false,
    );
    const named = { ...elementOfTypeRecord(record)!, name: 'sourceIPv4Address' };
    expect(registry.define(named)).toBe(true);
    expect(registry.elementById(64000, 7)?.name).toBe('64000/7');
    expect(registry.define({ ...named, elementId: 8, name: '__proto__' })).toBe(true);
    expect(registry.elementById(64000, 8)?.name).toBe('64000/8');
  });

  test('is bounded', () => {
    const registry = createElementRegistry({ definitionsMax: 3 });
    for (let id = 1; id <= 10; id++) registry.define({ ...elementOfTypeRecord(record)!, elementId: id });
    expect(registry.counters).toEqual({ defined: 3, refused: 0, refusedLimit: 7 });
    expect([...registry.defined()].map((element) => element.name)).toEqual([
      'lostOctets',
      '64000/2',
      '64000/3',
    ]);
  });

  test('any record is an element or none, never an exception', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...Object.keys(record)), fc.anything()), (fields) => {
        const element = elementOfTypeRecord(fields);
        if (element !== undefined) createElementRegistry().define(element);
      }),
    );
  });
});
