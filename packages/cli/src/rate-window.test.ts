import { expect, test } from 'vitest';
import { createRateWindow } from './rate-window.ts';

test('a rate is that of the last ten seconds', () => {
  const window = createRateWindow<'packets'>();
  expect(window.perSecond('packets')).toBe(0);
  for (let second = 0; second <= 30; second += 1) {
    window.sample(second * 1000, { packets: second <= 20 ? 0 : (second - 20) * 500 });
  }
  expect(window.perSecond('packets')).toBe(500);
});

test('a counter that began again has no negative rate', () => {
  const window = createRateWindow<'packets'>();
  window.sample(0, { packets: 1000 });
  window.sample(1000, { packets: 5 });
  expect(window.perSecond('packets')).toBe(0);
});
