import { describe, expect, test } from 'vitest';
import { matchingCommands, type PaletteCommand } from './palette-match.ts';

const command = (title: string, hint?: string): PaletteCommand => ({
  id: title,
  group: 'Page',
  title,
  run: () => {},
  ...(hint === undefined ? {} : { hint }),
});
const COMMANDS = [
  command('Overview'),
  command('Flows', 'raw records'),
  command('Show all flows'),
  command('Map (C++)'),
];
const titles = (text: string) => matchingCommands(COMMANDS, text).map(({ title }) => title);

describe('the palette', () => {
  test('offers everything while nothing is typed', () => {
    expect(titles(' ')).toEqual(COMMANDS.map(({ title }) => title));
  });

  test('puts what begins with the text first, and finds words of hints', () => {
    expect(titles('flo')).toEqual(['Flows', 'Show all flows']);
    expect(titles('raw')).toEqual(['Flows']);
    expect(titles('all show')).toEqual(['Show all flows']);
    expect(titles('nothing')).toEqual([]);
    expect(titles('(c++')).toEqual(['Map (C++)']);
  });

  test('always offers what is marked so', () => {
    const typed = { ...command('port 53'), always: true };
    expect(matchingCommands([...COMMANDS, typed], 'xyz')).toEqual([typed]);
  });
});
