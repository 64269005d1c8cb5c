import type { Network } from './address.ts';

export type ComparisonOperator = '=' | '!=' | '<' | '<=' | '>' | '>=';
export type TextOperator = '=' | 'like' | 'ilike' | '~';

/**
 * A filter, parsed. Field names are those that `fieldNamed` knows. A condition on a field that a record does
 * not have is false; `!=`, `!~` and `not in` are the negations of `=`, `~` and `in`, so they hold for such a
 * record.
 */
export type FilterExpression =
  | { readonly kind: 'all' }
  | { readonly kind: 'and' | 'or'; readonly operands: readonly FilterExpression[] }
  | { readonly kind: 'not'; readonly operand: FilterExpression }
  /** A number against a constant; `value` is an integer, or a fraction for rates. */
  | {
      readonly kind: 'compare';
      readonly field: string;
      readonly operator: ComparisonOperator;
      readonly value: bigint | number;
    }
  | { readonly kind: 'in'; readonly field: string; readonly values: readonly bigint[] }
  /** Two fields of one kind; texts and addresses only by `=`. */
  | {
      readonly kind: 'compareFields';
      readonly left: string;
      readonly operator: ComparisonOperator;
      readonly right: string;
    }
  /** An address in any of the networks. */
  | { readonly kind: 'network'; readonly field: string; readonly networks: readonly Network[] }
  /** All bits of `mask` are set. */
  | { readonly kind: 'bits'; readonly field: string; readonly mask: number }
  | {
      readonly kind: 'text';
      readonly field: string;
      readonly operator: TextOperator;
      readonly value: string;
    }
  | { readonly kind: 'textIn'; readonly field: string; readonly values: readonly string[] }
  /** The record has the field. */
  | { readonly kind: 'present'; readonly field: string };

/** What was wrong with a filter, where (a UTF-16 offset into the text), and what could have stood there. */
export class FilterError extends Error {
  override readonly name = 'FilterError';
  readonly position: number;
  readonly expected: readonly string[];

  constructor(message: string, position: number, expected: readonly string[] = []) {
    super(message);
    this.position = position;
    this.expected = expected;
  }
}

export const ALL_FLOWS: FilterExpression = { kind: 'all' };

/** Either of the expressions; one expression stands for itself. */
export function anyOf(operands: readonly FilterExpression[]): FilterExpression {
  return operands.length === 1 ? operands[0]! : { kind: 'or', operands };
}

export function allOf(operands: readonly FilterExpression[]): FilterExpression {
  return operands.length === 1 ? operands[0]! : { kind: 'and', operands };
}

export function negate(operand: FilterExpression): FilterExpression {
  return operand.kind === 'not' ? operand.operand : { kind: 'not', operand };
}

export function equals(field: string, value: bigint): FilterExpression {
  return { kind: 'compare', field, operator: '=', value };
}
