import { expect, test } from 'vitest';
import { Admission } from './admission.ts';

const never = new AbortController().signal;

test('lets in so many, keeps so many waiting in order, turns the rest away', async () => {
  const admission = new Admission(1, 2);
  const order: string[] = [];
  expect(await admission.enter(never)).toBe(true);
  const second = admission.enter(never).then(() => order.push('second'));
  const third = admission.enter(never).then(() => order.push('third'));
  expect(await admission.enter(never)).toBe(false);
  admission.leave();
  await second;
  expect(order).toEqual(['second']);
  admission.leave();
  await third;
  admission.leave();
  expect(await admission.enter(never)).toBe(true);
});

test('one who gives up waiting leaves the place to the next', async () => {
  const admission = new Admission(1, 2);
  await admission.enter(never);
  const controller = new AbortController();
  const second = admission.enter(controller.signal);
  const third = admission.enter(never);
  controller.abort(new Error('gone'));
  await expect(second).rejects.toThrow('gone');
  admission.leave();
  expect(await third).toBe(true);
  await expect(admission.enter(AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
});
