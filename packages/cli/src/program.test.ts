import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { createProgram } from './program.ts';

function helpOf(program: Command, name: string): string | undefined {
  return program.commands.find((command) => command.name() === name)?.helpInformation();
}

describe('the program for one command', () => {
  const whole = createProgram();
  const names = whole.commands.map((command) => command.name());

  test('has each command as the whole program has it', () => {
    expect(names.length).toBeGreaterThan(20);
    for (const name of names) {
      const part = createProgram(name);
      expect(helpOf(part, name)).toBe(helpOf(whole, name));
      expect(part.commands.length).toBeLessThan(names.length / 2);
    }
  });

  test.each(['--help', 'help', 'metre', ''])('is the whole program for %j', (word) => {
    expect(createProgram(word).commands.map((command) => command.name())).toEqual(names);
  });
});
