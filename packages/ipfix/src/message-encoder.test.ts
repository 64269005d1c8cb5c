import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { elementByName } from './information-model.ts';
import { createMessageEncoder, type MessageEncoderOptions } from './message-encoder.ts';
import type { Template } from './template.ts';

const PORTS: Template = {
  templateId: 256,
  scopeFieldCount: 0,
  fields: ['sourceTransportPort', 'destinationTransportPort'].map((name) => field(name, 2)),
};
const OPTIONS: Template = {
  templateId: 257,
  scopeFieldCount: 1,
  fields: [field('observationDomainId', 4), field('flowAttributes', 2)],
};

function field(name: string, length: number) {
  const element = elementByName(name) ?? expect.fail(name);
  return { enterpriseNumber: element.enterpriseNumber, elementId: element.elementId, length };
}

function encoderInto(messages: string[], options: Partial<MessageEncoderOptions> = {}) {
  return createMessageEncoder({
    observationDomainId: 7,
    exportTimeMs: () => 1_700_000_000_999,
    onMessage: (bytes, octets) => {
      messages.push(Buffer.from(bytes.subarray(0, octets)).toString('hex'));
      return bytes;
    },
    ...options,
  });
}

const HEADER = (octets: string, sequenceNumber: string) => `000a${octets}6553f100${sequenceNumber}00000007`;

describe('MessageEncoder', () => {
  test('packs templates, options and data into one message, a Set for each run of one kind', () => {
    const messages: string[] = [];
    const encoder = encoderInto(messages);
    encoder.addTemplate(PORTS);
    encoder.addTemplate(OPTIONS);
    encoder.addRecord(PORTS, { fields: { sourceTransportPort: 1, destinationTransportPort: 2 } });
    encoder.addRecord(PORTS, { fields: { sourceTransportPort: 3, destinationTransportPort: 4 } });
    encoder.addRecord(OPTIONS, { scope: { observationDomainId: 7 }, fields: { flowAttributes: 9 } });
    encoder.flush();
    expect(messages).toEqual([
      [
        HEADER('0050', '00000000'),
        '0002 0010 0100 0002 0007 0002 000b 0002',
        '0003 0016 0101 0002 0001 0095 0004 8028 0002 00001ad7',
        '0100 000c 0001 0002 0003 0004',
        '0101 000a 00000007 0009',
      ]
        .join('')
        .replaceAll(' ', '')
        .replace('0050', '004c'),
    ]);
    expect(encoder.counters).toEqual({
      messages: 1,
      octets: 76,
      sets: 4,
      dataRecords: 3,
      templateRecords: 2,
      withdrawals: 0,
    });
    expect(encoder.sequenceNumber).toBe(3);
    encoder.flush();
    expect(messages).toHaveLength(1);
  });

  test('withdraws one template, or all of a kind', () => {
    const messages: string[] = [];
    const encoder = encoderInto(messages);
    encoder.addWithdrawal('template', 256);
    encoder.addWithdrawal('optionsTemplate', 'all');
    encoder.flush();
    expect(messages[0]?.slice(32)).toBe('000200080100000000030008' + '00030000');
    expect(encoder.counters).toMatchObject({ withdrawals: 2, dataRecords: 0 });
  });

  test('a message is never longer than allowed, and sequence numbers count the data records before it', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 100 });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 100, max: 300 }), (records, messageOctetsMax) => {
        const taken: { octets: number; sequenceNumber: number; dataRecords: number }[] = [];
        const encoder = encoderInto([], {
          messageOctetsMax,
          onMessage: (bytes, octets, dataRecords) => {
            const view = new DataView(bytes.buffer);
            expect(view.getUint16(2)).toBe(octets);
            taken.push({ octets, sequenceNumber: view.getUint32(8), dataRecords });
            return undefined;
          },
        });
        for (const octets of records) {
          const at = encoder.reserve(256 + (octets % 3), octets);
          encoder.bytes.fill(octets, at, at + octets);
        }
        encoder.flush();
        let before = 0;
        for (const message of taken) {
          expect(message.octets).toBeLessThanOrEqual(messageOctetsMax);
          expect(message.sequenceNumber).toBe(before);
          before += message.dataRecords;
        }
        expect(before).toBe(records.length);
        expect(encoder.counters.octets).toBe(taken.reduce((sum, message) => sum + message.octets, 0));
      }),
    );
  });

  test('the sequence number wraps at 2^32', () => {
    const messages: string[] = [];
    const encoder = encoderInto(messages, { sequenceNumber: 0xffffffff });
    encoder.reserve(256, 4);
    encoder.reserve(256, 4);
    encoder.flush();
    expect(messages[0]?.slice(16, 24)).toBe('ffffffff');
    expect(encoder.sequenceNumber).toBe(1);
  });

  test('a record that does not fit leaves what was built, and adds nothing', () => {
    const messages: string[] = [];
    const encoder = encoderInto(messages, { messageOctetsMax: 64 });
    encoder.reserve(256, 4);
    expect(() => encoder.reserve(256, 45)).toThrow(RangeError);
    expect(() => encoder.addRecord(PORTS, { fields: {} })).toThrow(RangeError);
    encoder.reserve(256, 44);
    encoder.flush();
    expect(messages.map((message) => message.length / 2)).toEqual([24, 64]);
    expect(encoder.counters.dataRecords).toBe(2);
  });

  test('pads Sets where the padding is shorter than any record', () => {
    const messages: string[] = [];
    const encoder = encoderInto(messages, { setAlignment: 4 });
    encoder.addTemplate(OPTIONS);
    encoder.addRecord(OPTIONS, { scope: { observationDomainId: 7 }, fields: { flowAttributes: 9 } });
    encoder.reserve(300, 1);
    encoder.flush();
    expect(messages[0]?.slice(32)).toBe(
      [
        '0003 0018 0101 0002 0001 0095 0004 8028 0002 00001ad7 0000',
        '0101 000c 00000007 0009 0000',
        '012c 0005 00',
      ]
        .join('')
        .replaceAll(' ', ''),
    );
  });

  test('writes the next message into the buffer it is given', () => {
    const spare = new Uint8Array(2000);
    const encoder = encoderInto([], { onMessage: () => spare });
    encoder.reserve(256, 4);
    encoder.flush();
    encoder.reserve(256, 4);
    expect(encoder.bytes).toBe(spare);
  });
});
