import { createRequire } from 'node:module';
import type { DestinationStream } from 'pino';
import type { Logger } from './logger.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Logs to stderr (stdout belongs to data): JSON lines, or sentences where a person is at the terminal. */
export function createStderrLogger(name: string, level: LogLevel = 'info'): Logger {
  const { pino } = loadPino();
  const json = pino.destination({ fd: 2, sync: true });
  const destination = process.stderr.isTTY ? readable(json) : json;
  return pino({ level, base: { name }, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}

/** Loaded when something is to be logged: commands that log nothing start without it. */
function loadPino(): typeof import('pino') {
  return createRequire(import.meta.url)('pino');
}

function readable(stream: DestinationStream): DestinationStream {
  return { write: (line) => stream.write(`${sentenceOf(line)}\n`) };
}

/** pino's numbers for its levels. */
const LEVEL_NAMES: Readonly<Record<number, string>> = { 20: 'debug', 30: 'info', 40: 'warn', 50: 'error' };

/** A JSON log line as `12:34:56 warn  sentence (fact=value …)`. */
export function sentenceOf(line: string): string {
  const { level, time, name: _, msg, ...facts } = JSON.parse(line);
  const told = Object.entries(facts).map(([fact, value]) => {
    return `${fact}=${typeof value === 'object' ? JSON.stringify(value) : value}`;
  });
  const rest = told.length === 0 ? '' : ` (${told.join(' ')})`;
  return `${String(time).slice(11, 19)} ${(LEVEL_NAMES[level] ?? String(level)).padEnd(5)} ${msg}${rest}`;
}
