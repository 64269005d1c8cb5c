/** The values of a filter: from the text of a token to the constant that a field is compared with. */
import { formatAddress, type Network, parseAddress, parseNetwork } from './address.ts';
import { type FieldDefinition, valueMax } from './field.ts';
import { FilterError } from './filter-expression.ts';
import type { Token } from './filter-lexer.ts';
import { didYouMean } from './near-miss.ts';
import {
  FORWARDING_STATE_NAMES,
  numberNamed,
  PROTOCOL_WORDS,
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

/** What others call the same: nfdump's events of firewalls, answers to yes or no. */
const VALUE_ALIASES: Readonly<Record<string, string>> = {
  __proto__: null as never,
  create: 'created',
  delete: 'deleted',
  term: 'deleted',
  deny: 'denied',
  true: 'yes',
  false: 'no',
};

/** The number that a token means for `field`. Throws a FilterError that says what the field takes. */
export function numberValue(field: FieldDefinition, token: Token): bigint | number {
  const value = readNumber(field, token.text);
  if (value === undefined || value > valueMax(field)) {
    throw new FilterError(
      `${JSON.stringify(token.text)} is no value of ${field.name}${didYouMean(token.text, valueWords(field))}`,
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

/** The words that are values of a field: names of protocols, of end reasons and so on. */
export function valueWords(field: FieldDefinition): readonly string[] {
  if (field.kind === 'protocol') return PROTOCOL_WORDS;
  if (field.name === 'forwardingStatus') return Object.values(FORWARDING_STATE_NAMES);
  return Object.values(field.valueNames ?? {});
}

/** A range such as `1024-65535`, of fields that are whole numbers. */
export function rangeValue(field: FieldDefinition, token: Token): readonly [bigint, bigint] | undefined {
  const match = field.kind === 'number' ? /^(\d+)-(\d+)$/.exec(token.text) : null;
  if (match === null) return undefined;
  const ends = [match[1]!, match[2]!].map((text) => integerValue(field, { ...token, text }));
  if (ends[0]! > ends[1]!)
    throw new FilterError('this range ends before it begins', token.position, ['a range']);
  return [ends[0]!, ends[1]!];
}

/** A text; a country in capital letters, addresses of Information Elements in their usual form. */
export function textValue(field: FieldDefinition, token: Token): string {
  if (field.kind === 'country') return countryValue(field, token);
  const isAddress = field.source.from === 'element' && /^ipv[46]Address$/.test(field.source.element.dataType);
  const address = isAddress ? parseAddress(token.text) : undefined;
  return address === undefined ? token.text : formatAddress(address);
}

function countryValue(field: FieldDefinition, { text, position }: Token): string {
  if (/^[a-z]{2}$/i.test(text)) return text.toUpperCase();
  throw new FilterError(`${JSON.stringify(text)} is no value of ${field.name}`, position, [
    'two letters of ISO 3166, such as DE',
  ]);
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

/** Whether a word was meant to be an address or a number, be it a wrong one. */
export function looksNumeric(text: string): boolean {
  return /^(0x[0-9a-f]+|\d+(\.\d.*|[/-].*|))$/i.test(text) || text.includes(':');
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
      return namedValue(field, text) ?? integer(text);
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

function namedValue({ valueNames = {} }: FieldDefinition, text: string): bigint | undefined {
  const number =
    numberNamed(valueNames, text) ?? numberNamed(valueNames, VALUE_ALIASES[text.toLowerCase()] ?? text);
  return toBigInt(number);
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
    case 'text':
    case 'country':
      return ['a text'];
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
