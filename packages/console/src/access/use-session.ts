import { useApi } from '../api/use-api.ts';
import type { SessionResponse } from './access-contract.ts';

/** Who looks at the page; undefined until that is known. */
export function useSession(): SessionResponse | undefined {
  return useApi<SessionResponse>(['session', {}]).data;
}

/** Whether whoever looks may see all flows; false until that is known. */
export const useSeesAll = (): boolean => useSession()?.user?.rowFilter === '';
