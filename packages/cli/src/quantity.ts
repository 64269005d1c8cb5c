import { EXIT_USAGE, type LogLevel, UserError } from '@weir/base';

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** `90s`, `5m`, `1h`, `7d`, `2w`, `500ms`, in milliseconds. A bare number is in seconds. */
export function parseDurationMs(text: string, option: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)?$/.exec(text);
  const unitMs = UNIT_MS[match?.[2] ?? 's'];
  if (match?.[1] === undefined || unitMs === undefined) {
    const allowed = 'a number and a unit: ms, s, m, h, d or w, as in 90s or 1h';
    throw new UserError(
      'usage_duration',
      `${option}: '${text}' is no duration (allowed: ${allowed})`,
      EXIT_USAGE,
    );
  }
  return Number(match[1]) * unitMs;
}

/** A whole number between `min` and `max`. */
export function parseWholeNumber(text: string, option: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    const allowed = `a whole number from ${min} to ${max}`;
    throw new UserError(
      'usage_number',
      `${option}: '${text}' is not allowed (allowed: ${allowed})`,
      EXIT_USAGE,
    );
  }
  return value;
}

const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

export function parseLogLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((candidate) => candidate === text);
  if (level !== undefined) return level;
  const allowed = LOG_LEVELS.join(', ');
  throw new UserError(
    'usage_log_level',
    `--log-level: '${text}' is not allowed (allowed: ${allowed})`,
    EXIT_USAGE,
  );
}
