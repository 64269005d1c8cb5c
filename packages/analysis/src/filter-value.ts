/** The values of a filter: from the text of a token to the constant that a field is compared with. */
import { type Network, parseNetwork } from './address.ts';
import { type FieldDefinition, valueMax } from './dimension.ts';
import { FilterError } from './filter-expression.ts';
import type { Token } from './filter-lexer.ts';
import {
  FORWARDING_STATE_NAMES,
  numberNamed,
  parseMac,
  parseTcpFlags,
  protocolNumber,
} from './value-name.ts';

const SCALES: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };
const DURATION_UNITS_MS: Readonly<Record<string, number>> = {
  '': 1,
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** The number that a token means for `field`. Throws a FilterError that says what the field takes. */
export function numberValue(field: FieldDefinition, token: Token): bigint | number {
  const value = readNumber(field, token.text);
  if (value === undefined || value > valueMax(field)) {
    throw new FilterError(
      `${JSON.stringify(token.text)} is no value of ${field.name}`,
      token.position,
      expectedValues(field),
    );
  }
  return value;
}

/** Like `numberValue`, for fields that have whole numbers only. */
export function integerValue(field: FieldDefinition, token: Token): bigint {
  const value = numberValue(field, token);
  if (typeof value === 'bigint') return value;
  throw new FilterError(`${field.name} takes whole numbers`, token.position, expectedValues(field));
}

export function networkValue(token: Token): Network {
  const network = parseNetwork(token.text);
  if (network === undefined) {
    throw new FilterError(`${JSON.stringify(token.text)} is no address or prefix`, token.position, [
      'an IPv4 or IPv6 address',
      'a prefix such as 10.0.0.0/8',
    ]);
  }
  return network;
}

/** Whether a word is an address or prefix, so that it can stand alone as a condition. */
export function isNetworkText(text: string): boolean {
  return parseNetwork(text) !== undefined;
}

/** For tcpFlags: letters, or a number. */
export function flagsValue(token: Token): number {
  const bits = /^\d|^0x/i.test(token.text) ? Number(token.text) : parseTcpFlags(token.text);
  if (bits === undefined || !Number.isInteger(bits) || bits < 0 || bits > 0xffff) {
    throw new FilterError(`${JSON.stringify(token.text)} are no TCP flags`, token.position, [
      'letters of F S R P A U E C N',
      'a number',
    ]);
  }
  return bits;
}

/** The forwarding state that a word names (`dropped`), so that forwardingStatus can be compared with it. */
export function forwardingStateValue(text: string): bigint | undefined {
  const state = numberNamed(FORWARDING_STATE_NAMES, text);
  return state === undefined ? undefined : BigInt(state);
}

function readNumber(field: FieldDefinition, text: string): bigint | number | undefined {
  switch (field.kind) {
    case 'protocol':
      return toBigInt(protocolNumber(text)) ?? integer(text);
    case 'named':
      return toBigInt(numberNamed(field.valueNames ?? {}, text)) ?? integer(text);
    case 'mac':
      return parseMac(text);
    case 'tcpFlags':
      return toBigInt(parseTcpFlags(text)) ?? integer(text);
    case 'counter':
      return scaled(text, /^([\d_]+(?:\.\d+)?)([kmgt]?)i?b?$/i, SCALES);
    case 'durationMs':
      return scaled(text, /^([\d_]+(?:\.\d+)?)(ms|s|min|m|h|d)?$/i, DURATION_UNITS_MS);
    case 'timeMs':
      return instant(text);
    default:
      return integer(text.replace(/^as(?=\d)/i, field.name.endsWith('As') ? '' : 'as'));
  }
}

function integer(text: string): bigint | undefined {
  return /^(\d+|0x[0-9a-f]+)$/i.test(text) ? BigInt(text) : undefined;
}

function scaled(text: string, pattern: RegExp, units: Readonly<Record<string, number>>) {
  if (/^0x/i.test(text)) return integer(text);
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const digits = (match[1] ?? '').replaceAll('_', '');
  const unit = units[(match[2] ?? '').toLowerCase()] ?? 1;
  if (!digits.includes('.')) return BigInt(digits) * BigInt(unit);
  const value = Number(digits) * unit;
  return Number.isSafeInteger(value) ? BigInt(value) : value;
}

/** Milliseconds since the epoch of an ISO 8601 text; without a zone it is UTC. */
function instant(text: string): bigint | undefined {
  if (!/^\d{4}-\d\d(-\d\d)?/.test(text)) return integer(text);
  const zoned = /T.*(Z|[+-]\d\d:?\d\d)$/.test(text) || !text.includes('T');
  const milliseconds = Date.parse(zoned ? text : `${text}Z`);
  return Number.isNaN(milliseconds) ? undefined : BigInt(milliseconds);
}

function toBigInt(value: number | undefined): bigint | undefined {
  return value === undefined ? undefined : BigInt(value);
}

function expectedValues(field: FieldDefinition): string[] {
  switch (field.kind) {
    case 'protocol':
      return ['a protocol such as tcp, udp, icmp', 'a protocol number'];
    case 'named':
      return [...Object.values(field.valueNames ?? {}), 'a number'];
    case 'mac':
      return ['a MAC address such as 00:11:22:33:44:55'];
    case 'tcpFlags':
      return ['letters of F S R P A U E C N', 'a number'];
    case 'counter':
      return ['a number, with K, M, G or T for thousands, millions, …'];
    case 'durationMs':
      return ['milliseconds', 'a duration such as 30s, 5m, 2h'];
    case 'timeMs':
      return ['a time such as 2026-05-03T12:00:00Z'];
    default:
      return [Number.isFinite(valueMax(field)) ? `a number from 0 to ${valueMax(field)}` : 'a number'];
  }
}
