import { expect, test } from 'vitest';
import { loginAddress, nextAddress } from './login-address.ts';

test('back to the same view', () => {
  const here = { pathname: '/explore', search: '?v=1&filter=port%20443', hash: '#x' };
  expect(nextAddress(new URL(loginAddress(here), 'http://x').search)).toBe(
    '/explore?v=1&filter=port%20443#x',
  );
  expect(loginAddress({ pathname: '/', search: '', hash: '' })).toBe('/login');
});

test.each([
  '//evil.example',
  'https://evil.example',
  '/\\evil.example',
  'javascript:alert(1)',
  '/login?next=/',
  '',
])('never to %j', (next) => {
  expect(nextAddress(`?next=${encodeURIComponent(next)}`)).toBe('/');
});
