/**
 * An intended policy: what its author wants the network to carry. Plain JSON, `docs/policy.md` describes
 * it.
 */

export type PolicyAction = 'allow' | 'deny';

/** Addresses, peers, users, sites: what a rule speaks of, and a row and a column of the matrix. */
export interface PolicyGroup {
  readonly name: string;
  /** `10.0.0.0/8`, `10.0.0.1-10.0.0.9`, `peer:NAME`, `user:NAME`, `site:NAME`, `network:NAME`, `@LIST`. */
  readonly members: readonly string[];
  readonly comment?: string;
}

export interface PolicyService {
  readonly name: string;
  /** `tcp/443`, `udp/5000-5100`, `icmp/8`, `gre`, `any`. */
  readonly members: readonly string[];
  readonly comment?: string;
}

/**
 * The first rule that matches a connection decides: from its initiator, to its responder, with its service.
 */
export interface PolicyRule {
  readonly name: string;
  /** Names of groups, members of groups, or `any`. */
  readonly from: readonly string[];
  readonly to: readonly string[];
  /** Names of services, members of services, or `any`. */
  readonly services: readonly string[];
  readonly action: PolicyAction;
  /** Allowed traffic that must be seen: none of it is a finding. */
  readonly expected?: boolean;
  /** What drop records call the firewall's rule that enforces this one. */
  readonly firewall?: string;
  readonly comment?: string;
}

export interface PolicyDocument {
  readonly version: 1;
  readonly name?: string;
  readonly comment?: string;
  readonly groups: readonly PolicyGroup[];
  readonly services: readonly PolicyService[];
  readonly rules: readonly PolicyRule[];
  /** What holds for connections between groups that no rule matches. */
  readonly default: PolicyAction;
}

/** What stands for everything in `from`, `to` and `services`. */
export const ANY = 'any';

/** A matrix of 200 × 200 is more than anybody reads; each pair of groups is a cell. */
export const GROUPS_MAX = 200;
export const SERVICES_MAX = 500;
/** A large firewall has a thousand; each is looked at once for each kind of connection. */
export const RULES_MAX = 2000;
export const MEMBERS_MAX = 5000;
export const NAME_CHARACTERS_MAX = 100;
export const COMMENT_CHARACTERS_MAX = 2000;

/** Where in the document a problem is, and what it is. */
export interface PolicyProblem {
  /** `rules[3].from[0]`; empty: the document as a whole. */
  readonly path: string;
  /** From 1; only of a text. */
  readonly line?: number;
  readonly column?: number;
  readonly severity: 'error' | 'warning';
  readonly message: string;
}
