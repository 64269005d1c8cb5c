import { timeParts } from './time-zone.ts';

const pad = (value: number): string => String(value).padStart(2, '0');

/** Time of day, `14:03:07`, in the zone of the page. */
export function formatTimeOfDay(timeMs: number): string {
  const { hour, minute, second } = timeParts(timeMs);
  return `${pad(hour)}:${pad(minute)}:${pad(second)}`;
}

/** Time of day without seconds, `14:03`. */
export const formatMinute = (timeMs: number): string => formatTimeOfDay(timeMs).slice(0, 5);

/** `05-03`: month and day. */
export function formatDay(timeMs: number): string {
  const { month, day } = timeParts(timeMs);
  return `${pad(month)}-${pad(day)}`;
}

/** Date and time, `2026-05-03 14:03:07`. */
export function formatDateTime(timeMs: number): string {
  const { year, month, day } = timeParts(timeMs);
  return `${year}-${pad(month)}-${pad(day)} ${formatTimeOfDay(timeMs)}`;
}

/** As short as it is clear: the time of day today, with the date on any other day. */
export function formatMoment(timeMs: number, nowMs: number): string {
  const sameDay = formatDateTime(timeMs).slice(0, 10) === formatDateTime(nowMs).slice(0, 10);
  return sameDay ? formatTimeOfDay(timeMs) : formatDateTime(timeMs).slice(0, 16);
}

/** A length of time: `0.8 ms`, `120 ms`, `4.2 s`, `3 min 05 s`, `2 h 10 min`, `3 d 4 h`. */
export function formatDuration(durationMs: number): string {
  if (durationMs <= 0) return '0 ms';
  if (durationMs < 1) return `${durationMs.toFixed(1)} ms`;
  if (durationMs < 1000) return `${Math.round(durationMs)} ms`;
  if (durationMs < 59_950) return `${(durationMs / 1000).toFixed(1)} s`;
  const seconds = Math.round(durationMs / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${pad(seconds % 60)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
  const hours = Math.floor(minutes / 60);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** How long ago, in the largest unit that fits: `now`, `12 s ago`, `5 min ago`, `3 h ago`. */
export function formatAgo(timeMs: number, nowMs: number): string {
  const seconds = Math.max(0, Math.round((nowMs - timeMs) / 1000));
  if (seconds < 3) return 'now';
  if (seconds < 100) return `${seconds} s ago`;
  if (seconds < 6000) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86_400)} d ago`;
}
