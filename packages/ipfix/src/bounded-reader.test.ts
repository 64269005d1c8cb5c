import { describe, expect, test } from 'vitest';
import { BoundedReader } from './bounded-reader.ts';
import { DECODE_ERRORS, DecodeError, decodeProblem, problemOf } from './decode-error.ts';

describe('BoundedReader', () => {
  test('reads in network byte order and stops at the window end with the absolute offset', () => {
    const reader = new BoundedReader(
      Uint8Array.of(9, 1, 2, 0xff, 0xff, 0xff, 0xfe, 7),
      'record_truncated',
      1,
      7,
      100,
    );
    expect(reader.uint16()).toBe(0x0102);
    expect(reader.uint32()).toBe(0xfffffffe);
    expect(reader.remaining).toBe(0);
    expect(() => reader.uint8()).toThrow(
      new DecodeError('record_truncated', 107, '(1 octets needed, 0 left)'),
    );
  });

  test('a window cannot be larger than the window it is cut from', () => {
    const reader = new BoundedReader(new Uint8Array(4), 'set_length_invalid');
    expect(() => reader.window(5)).toThrow(DecodeError);
    expect(reader.window(3, 'list_truncated').remaining).toBe(3);
    expect(reader.remaining).toBe(1);
  });

  test('both forms of a variable length', () => {
    const reader = new BoundedReader(Uint8Array.of(254, 255, 0, 255, 255, 1, 0), 'record_truncated');
    expect([reader.variableLength(), reader.variableLength(), reader.variableLength()]).toEqual([
      254, 255, 256,
    ]);
  });
});

describe('DecodeError', () => {
  test('has the same words as a thrown error and as a problem', () => {
    const thrown = problemOf(new DecodeError('set_length_invalid', 20, '(length 3)'));
    expect(thrown).toEqual(decodeProblem('set_length_invalid', 20, '(length 3)'));
    expect(thrown.message).toBe(`${DECODE_ERRORS.set_length_invalid} (length 3)`);
  });

  test('does not hide a defect as malformed input', () => {
    const defect = new TypeError('x is not a function');
    expect(() => problemOf(defect)).toThrow(defect);
  });
});
