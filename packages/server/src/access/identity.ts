/** Who a request comes from, and what routes say of who may ask them. */
import type { FastifyRequest } from 'fastify';
import type { Role } from './role.ts';

export interface Identity {
  /** The user's name; of somebody on this machine who need not log in `local`. */
  readonly name: string;
  /**
   * `local`: nobody logged in, nobody need to; `user`: a user of `users.json`; `oidc`: one that another program vouched
   * for; `token`: a program with a user's token; `process`: a command on this machine that may read the data folder.
   */
  readonly kind: 'local' | 'user' | 'oidc' | 'token' | 'process';
  readonly role: Role;
  /** Only flows that meet this filter exist for them; empty: all. */
  readonly rowFilter: string;
}

/** Somebody on this machine, where loopback demands no login. */
export const LOCAL: Identity = { name: 'local', kind: 'local', role: 'admin', rowFilter: '' };

/** `public`: also who has not logged in. */
export type NeededRole = Role | 'public';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; null on public routes that were asked without a login. */
    identity: Identity | null;
    /** What the audit log says of this request beside its route; never a secret. */
    auditDetail: object | undefined;
  }
  interface FastifyContextConfig {
    /** Who may ask; by default viewers may read and operators write. */
    role?: NeededRole;
    /**
     * Whether somebody with a row filter may ask: the answer is narrowed to his rows, or tells of none. By default he
     * may not.
     */
    narrowed?: boolean;
    /** Asked for by people only: a token is refused, so that a stolen one cannot make others. */
    peopleOnly?: boolean;
  }
}

/** The row filter of who asks; empty: he may see all. */
export function rowFilterOf({ identity }: Pick<FastifyRequest, 'identity'>): string {
  if (identity === null)
    throw new Error('the gate lets nobody pass to a route about flows who is not logged in');
  return identity.rowFilter;
}
