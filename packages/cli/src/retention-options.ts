/** How long, and how much, a collector keeps: options that all its commands share. */
import { EXIT_USAGE, UserError } from '@weir/base';
import type { StoreOptions } from '@weir/storage';
import { Option } from 'commander';
import { parseDurationMs } from './quantity.ts';

export interface RetentionOptions {
  keep?: string;
  keepMinutes?: string;
  keepHours?: string;
  keepSize?: string;
}

const UNIT_OCTETS: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };

export function retentionOptions(): Option[] {
  return [
    new Option('--keep <duration>', 'delete records that are older, as in 30d; default: keep all'),
    new Option('--keep-minutes <duration>', 'the same of the sums by minute'),
    new Option('--keep-hours <duration>', 'the same of the sums by hour'),
    new Option('--keep-size <octets>', 'when the store has more, as in 200G, delete the oldest'),
  ];
}

/** Throws a UserError for what is no duration and no size. */
export function readRetention(options: RetentionOptions): Partial<StoreOptions> {
  const { keep, keepMinutes, keepHours, keepSize } = options;
  return {
    ...(keep === undefined ? {} : { retentionMs: parseDurationMs(keep, '--keep') }),
    ...(keepMinutes === undefined
      ? {}
      : { retentionMinutesMs: parseDurationMs(keepMinutes, '--keep-minutes') }),
    ...(keepHours === undefined ? {} : { retentionHoursMs: parseDurationMs(keepHours, '--keep-hours') }),
    ...(keepSize === undefined ? {} : { octetsMax: parseOctets(keepSize) }),
  };
}

function parseOctets(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([kmgt]?)b?$/i.exec(text);
  const unit = UNIT_OCTETS[match?.[2]?.toLowerCase() ?? ''];
  if (match?.[1] !== undefined && unit !== undefined) return Math.round(Number(match[1]) * unit);
  const allowed = 'a number and k, M, G or T, as in 200G';
  throw new UserError('usage_size', `--keep-size: '${text}' is no size (allowed: ${allowed})`, EXIT_USAGE);
}
