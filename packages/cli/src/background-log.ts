/** The log of a process in the background: a file that others append to, kept small by who watches it. */
import { copyFileSync, openSync, readFileSync, statSync, truncateSync } from 'node:fs';

/** Two files of this at most: days of an exporter that says only what changes. */
const LOG_OCTETS_MAX = 4 * 1024 * 1024;
/** What is read back when a start failed. */
const TAIL_LINES = 8;

/** A descriptor that appends: who holds it goes on writing where a shortened file then ends. */
export function openLog(file: string): number {
  return openSync(file, 'a', 0o640);
}

/** Moves what the file holds to `FILE.1` when it has grown too large. */
export function shortenLog(file: string, octetsMax = LOG_OCTETS_MAX): void {
  if (logOctets(file) < octetsMax) return;
  copyFileSync(file, `${file}.1`);
  truncateSync(file);
}

export function logOctets(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/**
 * Why a process that wrote from octet `from` on has ended: the line that it said to a person, or else the
 * last lines of its log.
 */
export function complaintIn(file: string, from: number): string {
  const lines = readFileSync(file).subarray(from).toString('utf8').trim().split('\n');
  const complaint = lines.findLastIndex((line) => line.startsWith('weir: '));
  if (complaint >= 0) return lines.slice(complaint).join('\n').slice('weir: '.length);
  return lines.slice(-TAIL_LINES).join('\n');
}
