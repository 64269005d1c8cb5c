import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { pageAddress, useSharedView } from '../use-view-state.ts';

export type SubjectKind = 'host' | 'user' | 'peer';

const KIND_OF: Readonly<Record<string, SubjectKind>> = {
  srcAddr: 'host',
  dstAddr: 'host',
  nextHop: 'host',
  host: 'host',
  srcUser: 'user',
  dstUser: 'user',
  user: 'user',
  srcPeer: 'peer',
  dstPeer: 'peer',
  peer: 'peer',
};

/** Whose page a value of a dimension has; undefined where it has none. */
export const subjectKindOf = (dimension: string): SubjectKind | undefined => KIND_OF[dimension];

/** The parameters of the page Users and hosts that show one of them. */
export const subjectParameters = (kind: SubjectKind, value: string): Record<string, string> => ({
  of: kind,
  is: value,
});

interface SubjectLinkProps {
  kind: SubjectKind;
  value: string;
  children?: ReactNode;
  className?: string;
}

/** An address, user or peer that leads to its page; filters are left behind. */
export function SubjectLink({ kind, value, children, className = '' }: SubjectLinkProps) {
  const [shared] = useSharedView();
  return (
    <Link
      href={pageAddress('/users-and-hosts', { ...shared, filter: '' }, subjectParameters(kind, value))}
      title={`${value}: open its page`}
      className={`text-accent underline decoration-line-strong underline-offset-2 hover:decoration-accent ${className}`}
    >
      {children ?? value}
    </Link>
  );
}
