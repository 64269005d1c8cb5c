import { expect, test } from 'vitest';
import { AssertionError, assert, ensure } from './assert.ts';

test('assert and ensure fail loudly and pass values through', () => {
  expect(() => assert(false, 'broken')).toThrow(AssertionError);
  expect(() => ensure(undefined, 'missing')).toThrow('missing');
  expect(ensure(0, 'missing')).toBe(0);
});
