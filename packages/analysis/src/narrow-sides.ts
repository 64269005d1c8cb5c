/**
 * `host 10.0.0.1` asks for either of two columns, which an engine that keeps the least and largest of each column
 * of a block of rows cannot use: it reads everything. Asked one after the other, it reads a few blocks.
 */
import { IPV4_PREFIX_BITS, type Network } from './address.ts';
import { ALL_FLOWS, allOf, type FilterExpression } from './filter-expression.ts';

/** A /16 of IPv4 or a /48 of IPv6: what is larger has so many flows that reading them twice costs more. */
const NARROW_BITS_IPV4 = IPV4_PREFIX_BITS + 16;
const NARROW_BITS_IPV6 = 48;
/** Each further network makes it more likely that a block has one of them. */
const NETWORKS_MAX = 16;
const SIDES_MAX = 4;

export interface NarrowSides {
  /** One of these has to hold. */
  readonly sides: readonly FilterExpression[];
  /** And this. */
  readonly rest: FilterExpression;
}

/** The part of a filter that is few addresses in any of several columns; undefined when there is none. */
export function narrowSides(expression: FilterExpression): NarrowSides | undefined {
  if (isNarrow(expression)) return { sides: expression.operands, rest: ALL_FLOWS };
  if (expression.kind !== 'and') return undefined;
  const found = expression.operands.find(isNarrow);
  if (found === undefined) return undefined;
  const others = expression.operands.filter((operand) => operand !== found);
  return { sides: found.operands, rest: allOf(others) };
}

function isNarrow(
  expression: FilterExpression,
): expression is FilterExpression & { kind: 'or'; operands: readonly FilterExpression[] } {
  if (expression.kind !== 'or' || expression.operands.length > SIDES_MAX) return false;
  return expression.operands.every(
    (operand) =>
      operand.kind === 'network' &&
      operand.networks.length <= NETWORKS_MAX &&
      operand.networks.every(isNarrowNetwork),
  );
}

function isNarrowNetwork({ hi, lo, prefixLength }: Network): boolean {
  const isIPv4 = hi === 0n && lo >> 32n === 0xffffn;
  return prefixLength >= (isIPv4 ? NARROW_BITS_IPV4 : NARROW_BITS_IPV6);
}
