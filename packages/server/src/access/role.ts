/** What somebody may do: each role may all that the ones before it may. */
export const ROLES = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export const roleReaches = (role: Role, needed: Role): boolean =>
  ROLES.indexOf(role) >= ROLES.indexOf(needed);

export const lowerRole = (one: Role, other: Role): Role => (roleReaches(one, other) ? other : one);

/** Methods that change nothing (RFC 9110 section 9.2.1). */
const SAFE_METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];

export const isSafeMethod = (method: string): boolean => SAFE_METHODS.includes(method);

/** What a route demands where it says nothing: who looks is a viewer, who changes is an operator. */
export const roleByMethod = (method: string): Role => (isSafeMethod(method) ? 'viewer' : 'operator');
