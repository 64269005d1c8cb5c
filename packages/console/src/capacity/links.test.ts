import { expect, test } from 'vitest';
import { linksOf } from './capacity-settings.tsx';

test('links are read from lines, and what is none is said', () => {
  expect(linksOf('Uplinks (20000): 192.0.2.1|3, 2001:db8::1|7\n\nBackup: 192.0.2.1|4')).toEqual([
    {
      id: 'uplinks',
      name: 'Uplinks',
      speedMbit: 20000,
      members: [
        { exporter: '192.0.2.1', ifIndex: 3 },
        { exporter: '2001:db8::1', ifIndex: 7 },
      ],
    },
    { id: 'backup', name: 'Backup', members: [{ exporter: '192.0.2.1', ifIndex: 4 }] },
  ]);
  expect(linksOf('Uplinks 192.0.2.1')).toBe('Not a link: Uplinks 192.0.2.1');
  expect(linksOf('a: x|1\nA: x|2')).toContain('Two links');
});
