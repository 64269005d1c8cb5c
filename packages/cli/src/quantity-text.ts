/** Numbers with units, for tables that people read. */

const PREFIXES = ['', 'k', 'M', 'G', 'T', 'P', 'E'];

/** Three significant digits and a power of 1000: `1.23 G`; whole numbers below 1000 as they are. */
export function scaledText(value: number, unit = ''): string {
  let [scaled, index] = [Math.abs(value), 0];
  while (scaled >= 999.5 && index < PREFIXES.length - 1) {
    scaled /= 1000;
    index += 1;
  }
  const digits = index === 0 && Number.isInteger(scaled) ? String(scaled) : threeDigits(scaled);
  const suffix = `${PREFIXES[index]}${unit}`;
  return `${value < 0 ? '-' : ''}${digits}${suffix === '' ? '' : ` ${suffix}`}`;
}

function threeDigits(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

/** `850 ms`, `12.3 s`, `4m 05s`, `2h 03m`, `3d 04h`. */
export function durationText(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const pair = (value: number, unit: string, rest: number, small: string) =>
    `${value}${unit} ${String(rest).padStart(2, '0')}${small}`;
  const whole = Math.round(seconds);
  if (whole < 3600) return pair(Math.floor(whole / 60), 'm', whole % 60, 's');
  if (whole < 86_400) return pair(Math.floor(whole / 3600), 'h', Math.floor(whole / 60) % 60, 'm');
  return pair(Math.floor(whole / 86_400), 'd', Math.floor(whole / 3600) % 24, 'h');
}

/** `12.3 %`; what is not nothing is not shown as nothing. */
export function shareText(share: number): string {
  const percent = share * 100;
  return percent > 0 && percent < 0.05 ? '<0.1 %' : `${percent.toFixed(1)} %`;
}

/** `2026-05-03 10:30:00.123` in the machine's time zone, to the second when `seconds`. */
export function momentText(timeMs: number, seconds = false): string {
  const local = new Date(timeMs - new Date(timeMs).getTimezoneOffset() * 60_000);
  return local
    .toISOString()
    .slice(0, seconds ? 19 : 23)
    .replace('T', ' ');
}
