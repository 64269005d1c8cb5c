/** The shapes of `/api/v1/session` and `/api/v1/access`. */

export const ROLES = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export interface SessionUser {
  name: string;
  /** `local`: on this machine nobody has to log in. */
  kind: 'local' | 'user' | 'oidc' | 'token' | 'process';
  role: Role;
  rowFilter: string;
}

export interface SessionResponse {
  loginNeeded: boolean;
  user: SessionUser | null;
  /** Whether there are users who log in with a password. */
  passwords: boolean;
  /** Name of the program by which one can log in. */
  oidc: string | null;
}

export interface AccessUser {
  name: string;
  role: Role;
  rowFilter: string;
  createdAt: string;
  passwordChangedAt: string;
}

export interface UsersResponse {
  users: AccessUser[];
  rowFilters: Partial<Record<Role, string>>;
}

export interface AccessToken {
  id: string;
  name: string;
  owner: string;
  role: Role;
  createdAt: number;
  expiresAt: number;
  lastUsedAt: number | null;
  lastUsedFrom: string | null;
}

export interface AuditEntry {
  at: string;
  by: string;
  kind: string;
  from: string;
  action: string;
  outcome: 'done' | 'refused' | 'failed';
  detail?: unknown;
}

export const ROLE_MEANINGS: Readonly<Record<Role, string>> = {
  viewer: 'looks',
  operator: 'looks and changes',
  admin: 'also keeps users, tokens and the audit log',
};

export const ROLE_OPTIONS = ROLES.map((role) => ({ value: role, text: `${role}: ${ROLE_MEANINGS[role]}` }));
