/** A number for people, in two parts so that the unit can be set smaller. */
export interface Quantity {
  figure: string;
  unit: string;
}

const PREFIXES = ['', 'k', 'M', 'G', 'T', 'P', 'E'] as const;

/** Three significant digits with an SI prefix (1000, never 1024): 12.3 M. */
export function quantity(value: number, unit: string): Quantity {
  if (!Number.isFinite(value)) return { figure: '–', unit };
  let step = 0;
  let scaled = Math.abs(value);
  while (scaled >= 999.5 && step < PREFIXES.length - 1) {
    scaled /= 1000;
    step += 1;
  }
  const digits = step === 0 && Number.isInteger(value) ? 0 : scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2;
  return {
    figure: `${value < 0 ? '−' : ''}${scaled.toFixed(digits)}`,
    unit: `${PREFIXES[step] ?? ''}${unit}`,
  };
}

export function formatQuantity(value: number, unit: string): string {
  const { figure, unit: prefixed } = quantity(value, unit);
  return prefixed === '' ? figure : `${figure} ${prefixed}`;
}

/** Octets with an SI prefix: `1.20 MB`. */
export const formatOctets = (octets: number): string => formatQuantity(octets, 'B');

/** A count, short above 10,000: `9,812`, `12.3 k`. */
export function formatCount(count: number): string {
  return Math.abs(count) < 10_000 ? Math.round(count).toLocaleString('en-US') : formatQuantity(count, '');
}

/** Events per second: `0.25 /s`, `5.9 /s`, `1,310 /s`. */
export function formatPerSecond(rate: number): string {
  return `${rate < 100 ? formatQuantity(rate, '') : formatCount(rate)} /s`;
}

/** Shares for people: `<0.1 %` rather than a zero that is none. */
export function formatShare(part: number, whole: number): string {
  if (whole <= 0) return '–';
  const percent = (part / whole) * 100;
  if (percent > 0 && percent < 0.1) return '<0.1 %';
  return `${percent.toFixed(percent >= 99.95 || percent === 0 ? 0 : 1)} %`;
}
