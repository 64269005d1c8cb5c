import { pino } from 'pino';
import type { Logger } from './logger.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** JSON lines on stderr (stdout belongs to data). `name` says which component speaks. */
export function createStderrLogger(name: string, level: LogLevel = 'info'): Logger {
  return pino(
    { name, level, base: { name }, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 2, sync: true }),
  );
}
