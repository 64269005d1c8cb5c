import { closeSync, mkdtempSync, readFileSync, rmSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { complaintIn, logOctets, openLog, shortenLog } from './background-log.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'weir-log-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a log that has grown too large begins again, and who writes goes on at its start', () => {
  const file = path.join(folder, 'export.log');
  expect(logOctets(file)).toBe(0);
  const log = openLog(file);
  writeSync(log, 'old\n');
  shortenLog(file, 100);
  expect(logOctets(file)).toBe(4);
  shortenLog(file, 4);
  writeSync(log, 'new\n');
  closeSync(log);
  expect(readFileSync(file, 'utf8')).toBe('new\n');
  expect(readFileSync(`${file}.1`, 'utf8')).toBe('old\n');
});

test('a complaint is what was said to a person since then, or the last lines', () => {
  const file = path.join(folder, 'complaint.log');
  const log = openLog(file);
  writeSync(log, 'weir: an old one\n');
  const from = logOctets(file);
  writeSync(log, '{"level":30}\n');
  expect(complaintIn(file, from)).toBe('{"level":30}');
  writeSync(log, 'weir: first line\nsecond line\n');
  closeSync(log);
  expect(complaintIn(file, from)).toBe('first line\nsecond line');
});
