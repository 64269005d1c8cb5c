import { expect, test } from 'vitest';
import { sentenceOf } from './stderr-logger.ts';

test('a log line for a person has the time, the level, the sentence and the facts', () => {
  const line =
    '{"level":40,"time":"2026-01-31T12:34:56.789Z","name":"up","port":2055,"list":["a"],"msg":"port is taken"}';
  expect(sentenceOf(line)).toBe('12:34:56 warn  port is taken (port=2055 list=["a"])');
});
