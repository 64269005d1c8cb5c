/** Money: decimal numbers that are exact, for 0.1 + 0.2 is 0.3 on an invoice. */
import { UserError } from '@weir/base';

/** `units` / 10^`scale`. */
export interface Decimal {
  readonly units: bigint;
  readonly scale: number;
}

/** Thousand billion, and billionths: no rate has more. */
const DECIMAL = /^(\d{1,15})(?:\.(\d{1,9}))?$/;

/** Reads `12`, `12.50`. Throws UserError `decimal_invalid`, which says what `name` is. */
export function parseDecimal(text: string, name: string): Decimal {
  const match = DECIMAL.exec(text.trim());
  if (match === null) {
    const allowed = 'a number such as 12.50, with a point, at most 15 digits before it and 9 behind';
    throw new UserError('decimal_invalid', `${name} is ${JSON.stringify(text)}; it must be ${allowed}`, 2);
  }
  const [, whole = '', fraction = ''] = match;
  return { units: BigInt(whole + fraction), scale: fraction.length };
}

/** `numerator` / `denominator`, both whole, the denominator positive. */
export interface Fraction {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

export const fractionOf = ({ units, scale }: Decimal): Fraction => ({
  numerator: units,
  denominator: 10n ** BigInt(scale),
});

export const wholeFraction = (value: number, denominator: bigint): Fraction => ({
  numerator: BigInt(Math.round(value)),
  denominator,
});

export const times = (a: Fraction, b: Fraction): Fraction => ({
  numerator: a.numerator * b.numerator,
  denominator: a.denominator * b.denominator,
});

/** a − b, zero when b is the larger one. */
export function excess(a: Fraction, b: Fraction): Fraction {
  const numerator = a.numerator * b.denominator - b.numerator * a.denominator;
  return { numerator: numerator > 0n ? numerator : 0n, denominator: a.denominator * b.denominator };
}

export const isMore = (a: Fraction, b: Fraction): boolean => excess(a, b).numerator > 0n;

/** A fraction as a decimal of `scale` places, halves away from zero. Not for negative ones. */
export function rounded({ numerator, denominator }: Fraction, scale: number): Decimal {
  const doubled = 2n * numerator * 10n ** BigInt(scale) + denominator;
  return { units: doubled / (2n * denominator), scale };
}

/** The sum of decimals of one scale. */
export function sumOf(decimals: readonly Decimal[], scale: number): Decimal {
  return { units: decimals.reduce((sum, { units }) => sum + units, 0n), scale };
}

/** `1234.50`: all places, no separators. */
export function formatDecimal({ units, scale }: Decimal): string {
  const sign = units < 0n ? '-' : '';
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, '0');
  if (scale === 0) return sign + digits;
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** `after` − `before`, two amounts of one currency as text, either of which may be negative. */
export function amountDifference(after: string, before: string): string {
  return addAmounts([after, before.startsWith('-') ? before.slice(1) : `-${before}`]);
}

/** The sum of amounts as text. */
export function addAmounts(amounts: readonly string[]): string {
  const decimals = amounts.map(readSigned);
  const scale = Math.max(0, ...decimals.map((decimal) => decimal.scale));
  const aligned = decimals.map(({ units, scale: own }) => ({
    units: units * 10n ** BigInt(scale - own),
    scale,
  }));
  return formatDecimal(sumOf(aligned, scale));
}

function readSigned(amount: string): Decimal {
  const isNegative = amount.startsWith('-');
  const { units, scale } = parseDecimal(isNegative ? amount.slice(1) : amount, 'amount');
  return { units: isNegative ? -units : units, scale };
}

/** How many places a currency has (ISO 4217): 2 for EUR, 0 for JPY. Throws UserError `currency_invalid`. */
export function currencyPlaces(currency: string): number {
  const known = /^[A-Z]{3}$/.test(currency);
  if (!known) {
    const message = `currency is ${JSON.stringify(currency)}; three capital letters are allowed, such as EUR`;
    throw new UserError('currency_invalid', message, 2);
  }
  const format = new Intl.NumberFormat('en', { style: 'currency', currency });
  return format.resolvedOptions().maximumFractionDigits ?? 2;
}
