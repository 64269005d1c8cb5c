import { useMemo } from 'react';
import { useSession } from '../access/use-session.ts';
import { PAGES, type PageEntry } from './pages.tsx';

/** The pages that whoever looks may open. */
export function usePages(): readonly PageEntry[] {
  const user = useSession()?.user;
  return useMemo(
    () => PAGES.filter(({ shownTo }) => shownTo === undefined || (user != null && shownTo(user))),
    [user],
  );
}
