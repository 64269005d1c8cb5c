import { Link } from 'wouter';
import { pageAddress, useSharedView } from '../use-view-state.ts';

interface EvidenceLinksProps {
  /** What the links are about, for those who cannot see where they stand. */
  about: string;
  filter: string;
  from: number;
  to: number;
}

const LINK = 'text-accent text-xs hover:underline';

/** The flows behind a figure: in Explore, and as records. */
export function EvidenceLinks({ about, filter, from, to }: EvidenceLinksProps) {
  const [shared] = useSharedView();
  const view = {
    ...shared,
    filter,
    range: { kind: 'fixed' as const, from: Math.round(from), to: Math.round(to) },
  };
  return (
    <span className="whitespace-nowrap">
      <Link href={pageAddress('/explore', view)} aria-label={`Explore ${about}`} className={LINK}>
        Explore
      </Link>{' '}
      <Link href={pageAddress('/flows', view)} aria-label={`Flows of ${about}`} className={LINK}>
        Flows
      </Link>
    </span>
  );
}
