/** Who a page of Users and hosts is about: a host by its address, a user or an overlay peer by name. */
import { formatAddress, parseAddress } from '../address.ts';
import { filterText, isAddressSql } from '../traffic-sql.ts';

export const SUBJECT_KINDS = ['host', 'user', 'peer'] as const;
export type SubjectKind = (typeof SUBJECT_KINDS)[number];

export interface Subject {
  readonly kind: SubjectKind;
  /** An address in its one spelling, or a name as the records have it. */
  readonly value: string;
}

/** Names on the wire are shorter. */
const NAME_LENGTH_MAX = 255;

/** The subject that is meant; undefined for what is no address, or no name. */
export function subjectOf(kind: SubjectKind, value: string): Subject | undefined {
  if (kind !== 'host')
    return value === '' || value.length > NAME_LENGTH_MAX || value.includes('\0')
      ? undefined
      : { kind, value };
  const address = parseAddress(value);
  return address === undefined ? undefined : { kind, value: formatAddress(address) };
}

/** A condition that the subject is at a side of a record. */
export function subjectSql({ kind, value }: Subject, side: 'src' | 'dst'): string {
  if (kind === 'host') return isAddressSql(side, value);
  return `"${side}${kind === 'user' ? 'User' : 'Peer'}" = '${value.replaceAll("'", "''")}'`;
}

/** Its flows in the filter language. */
export function subjectFilter({ kind, value }: Subject): string {
  if (kind === 'host') return `(srcAddr = ${value} or dstAddr = ${value})`;
  const field = kind === 'user' ? 'User' : 'Peer';
  return `(src${field} = ${filterText(value)} or dst${field} = ${filterText(value)})`;
}
