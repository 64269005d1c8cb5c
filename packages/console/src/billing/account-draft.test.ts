import { expect, test } from 'vitest';
import { accountOf, draftOf, NEW_ACCOUNT, problemOf } from './account-draft.ts';

const draft = { ...NEW_ACCOUNT, name: 'Acme', networks: '192.0.2.0/24, 2001:db8::/32\n' };

test('an account reads back as it was, by networks, interface and filters', () => {
  for (const each of [
    draft,
    { ...draft, by: 'interface', exporter: '192.0.2.1', ifIndex: '3', networks: '' } as const,
    { ...draft, by: 'filters', inFilter: 'dst port 443', outFilter: 'src port 443', networks: '' } as const,
    { ...draft, kind: 'flat', fee: '49.90', overageRate: '3' } as const,
  ]) {
    const account = { ...accountOf(each), id: 'acme' };
    expect(accountOf(draftOf(account))).toEqual(accountOf(each));
    expect(problemOf(each)).toBeUndefined();
  }
});

test('what is wrong of it is said', () => {
  expect(problemOf({ ...draft, name: ' ' })).toBe('It needs a name.');
  expect(problemOf({ ...draft, networks: '192.0.2.0/99' })).toContain('192.0.2.0/24 would be');
  expect(problemOf({ ...draft, commit: '1,5' })).toContain('commit is "1,5"');
  expect(problemOf({ ...draft, percentile: '100' })).toContain('50 to 99');
  expect(problemOf({ ...draft, filter: 'prot tcp' })).toContain('A filter cannot be read');
  expect(problemOf({ ...draft, by: 'interface', exporter: 'x' })).toContain('ifIndex');
});
