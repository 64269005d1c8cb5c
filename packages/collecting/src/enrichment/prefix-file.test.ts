import { UserError } from '@weir/base';
import { describe, expect, test } from 'vitest';
import { readPrefixFile } from './prefix-file.ts';
import { userTableOf } from './prefix-tables.ts';

const COLUMNS = ['network', 'site'];

function textsOf(text: string) {
  return readPrefixFile(text, 'nets', COLUMNS).map(({ line, texts }) => [line, texts]);
}

function messageOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
  return 'no error';
}

describe('files of prefixes', () => {
  test('CSV, with comments, quotation marks and columns left out', () => {
    const text = '# plan\nprefix, network ,site\r\n\n10.0.0.0/8,"a, ""b""",\n2001:db8::/32,c,d\n192.0.2.1\n';
    expect(textsOf(text)).toEqual([
      [4, { prefix: '10.0.0.0/8', network: 'a, "b"' }],
      [5, { prefix: '2001:db8::/32', network: 'c', site: 'd' }],
      [6, { prefix: '192.0.2.1' }],
    ]);
  });

  test('JSON', () => {
    const text = '[\n  {"prefix": "10.0.0.0/8", "network": "a"},\n  {"site": "s", "prefix": "::/0"}\n]';
    expect(textsOf(text)).toEqual([
      [2, { prefix: '10.0.0.0/8', network: 'a' }],
      [3, { prefix: '::/0', site: 's' }],
    ]);
  });

  test.each([
    ['net,site\n', 'nets:1: found "net"; allowed: a first line with columns of prefix,network,site'],
    [
      'network\n',
      'nets:1: found no column "prefix"; allowed: a first line with columns of prefix,network,site',
    ],
    [
      'prefix\n\n10.0.0.0/33\n',
      'nets:3: prefix: found "10.0.0.0/33"; allowed: 192.0.2.0/24, 2001:db8::/32 or an address',
    ],
    [
      'prefix,site\n,x\n',
      'nets:2: prefix: found nothing; allowed: 192.0.2.0/24, 2001:db8::/32 or an address',
    ],
    ['prefix\n10.0.0.0/8,x\n', 'nets:2: found 2 fields; allowed: 1'],
    ['{"prefix": "::/0"}', 'nets:1: allowed: a list of objects'],
    ['[\n{"prefix": "::/0"\n', 'nets:3: not JSON'],
    ['[\n{"prefix": "::/0", "net": "x"}]', 'nets:2: found "net"; allowed: prefix, network, site'],
    ['[\n{"prefix": 7}]', 'nets:2: prefix: allowed: a text'],
    ['["x"]', 'nets:1: prefix: found nothing; allowed: 192.0.2.0/24, 2001:db8::/32 or an address'],
  ])('%j', (text, message) => {
    expect(messageOf(() => textsOf(text))).toBe(message);
  });

  test('times of users', () => {
    const read = (line: string) => messageOf(() => userTableOf(`prefix,user,from\n${line}\n`, 'users'));
    expect(read('::1,ada,2026-01-31T08:00:00Z')).toBe('no error');
    expect(read('::1,ada,tomorrow')).toBe(
      'users:2: found "tomorrow"; allowed: a time such as 2026-01-31T08:00:00Z',
    );
    expect(read('::1,,2026-01-31')).toBe('users:2: user: found nothing; allowed: a name');
  });
});
