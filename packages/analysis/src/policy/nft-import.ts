/**
 * A policy made of a firewall's rules. A rule whose meaning a policy cannot have is left out and named,
 * with the reason: what the policy does not say must be known to who holds it against flows.
 */
import { isIPv4 } from '../address.ts';
import { type Conjunction, EVERYTHING, type Narrowing, narrowed } from './nft-conjunction.ts';
import {
  type NftChain,
  type NftRule,
  type NftRuleset,
  type NftStatement,
  type NftVerdict,
  readNftJson,
  statementText,
} from './nft-ruleset.ts';
import { readNftText } from './nft-text.ts';
import { ANY, GROUPS_MAX, NAME_CHARACTERS_MAX, type PolicyDocument, RULES_MAX } from './policy-document.ts';
import { PolicyDraft } from './policy-draft.ts';
import { formatServiceMember, parseRange } from './policy-member.ts';

export interface NftImportOptions {
  /** Addresses of the machine whose firewall it is: what its input and output chains speak of. */
  readonly self?: readonly string[];
  /** The networks behind each interface. */
  readonly interfaces?: Readonly<Record<string, readonly string[]>>;
}

export interface PolicyImport {
  readonly document: PolicyDocument;
  /** Left out, by name, with the reason. */
  readonly notMapped: readonly { readonly what: string; readonly reason: string }[];
  /** What was understood and needs no rule, and what to fill in. */
  readonly notes: readonly string[];
}

/** The group of the machine itself. */
export const THIS_HOST = 'this host';
const IPV4_ALL = '0.0.0.0/0';
const IPV6_ALL = '::/0';
const HOOKS_TO_US = ['input'];
const HOOKS_FROM_US = ['output'];
const HOOKS_THROUGH = ['forward', 'prerouting', 'postrouting'];
/** Deeper than any firewall's chains: a circle of jumps. */
const JUMPS_MAX = 32;

/** `text`: what `nft list ruleset` prints, with or without `--json`. Throws UserError `ruleset_invalid`. */
export function importNftables(text: string, options: NftImportOptions = {}): PolicyImport {
  const ruleset = /^\s*\{/.test(text) ? readNftJson(text) : readNftText(text);
  return new NftImport(ruleset, options).run();
}

class NftImport {
  readonly #ruleset: NftRuleset;
  readonly #options: NftImportOptions;
  readonly #draft = new PolicyDraft();
  readonly #notMapped: { what: string; reason: string }[] = [];
  readonly #notes = new Set<string>();
  readonly #reached = new Set<NftChain>();

  constructor(ruleset: NftRuleset, options: NftImportOptions) {
    this.#ruleset = ruleset;
    this.#options = options;
  }

  run(): PolicyImport {
    const bases = this.#ruleset.chains
      .filter(({ base }) => base !== undefined)
      .sort((left, right) => (left.base?.priority ?? 0) - (right.base?.priority ?? 0));
    const filters = bases.filter((chain) => this.#isFilter(chain));
    for (const chain of filters) {
      const later = filters.find(
        (other) =>
          other !== chain &&
          filters.indexOf(other) > filters.indexOf(chain) &&
          other.base?.hook === chain.base?.hook &&
          sharesFamily(other, chain),
      );
      this.#base(chain, later);
    }
    for (const chain of this.#ruleset.chains) {
      if (!this.#reached.has(chain) && chain.rules.length > 0)
        this.#leaveOut(nameOf(chain), 'no chain that packets pass jumps to it');
    }
    if (filters.length === 0) this.#notes.add('there is no filter chain: everything passes');
    const forwards = filters.filter(({ base }) => HOOKS_THROUGH.includes(base?.hook ?? ''));
    const denies = (forwards.length > 0 ? forwards : filters).some(({ base }) => base?.policy === 'drop');
    return {
      document: this.#draft.document(denies ? 'deny' : 'allow', 'Imported from nftables'),
      notMapped: this.#notMapped,
      notes: [...this.#notes],
    };
  }

  #isFilter(chain: NftChain): boolean {
    const { type = '', hook = '' } = chain.base ?? {};
    const isKnown = [...HOOKS_TO_US, ...HOOKS_FROM_US, ...HOOKS_THROUGH].includes(hook);
    if (type === 'filter' && isKnown && ['inet', 'ip', 'ip6'].includes(chain.family)) return true;
    this.#reached.add(chain);
    if (chain.rules.length > 0)
      this.#leaveOut(
        nameOf(chain),
        `a chain of type ${type} at the hook ${hook} (${chain.family}) decides nothing that a policy says`,
      );
    return false;
  }

  /** `later`: the chain that decides after this one, so that what this one accepts is not decided yet. */
  #base(chain: NftChain, later: NftChain | undefined): void {
    const { hook = '', policy = 'accept' } = chain.base ?? {};
    let scope: Conjunction = { ...EVERYTHING, families: familiesOf(chain.family) };
    if (HOOKS_TO_US.includes(hook)) scope = { ...scope, to: this.#self(), toName: THIS_HOST };
    if (HOOKS_FROM_US.includes(hook)) scope = { ...scope, from: this.#self(), fromName: THIS_HOST };
    const end = new BaseChain(chain, later);
    this.#walk(chain, scope, end, 0);
    if (later !== undefined && policy === 'accept') return;
    this.#decide(`${nameOf(chain)} policy`, { kind: policy }, scope, end, undefined, undefined);
  }

  #self(): readonly string[] {
    const { self = [] } = this.#options;
    if (self.length === 0)
      this.#notes.add(
        `the group "${THIS_HOST}" is empty, so rules of input and output chains match nothing: give it the addresses of the machine (--self)`,
      );
    return self;
  }

  #walk(chain: NftChain, scope: Conjunction, base: BaseChain, depth: number): void {
    this.#reached.add(chain);
    for (const [index, rule] of chain.rules.entries()) {
      if (!this.#rule(chain, rule, index, scope, base, depth)) {
        for (const skipped of chain.rules.slice(index + 1))
          this.#leaveOut(ruleText(chain, skipped), 'it comes after a return, which a policy does not have');
        return;
      }
    }
  }

  /** False: the rest of the chain cannot be mapped. */
  #rule(
    chain: NftChain,
    rule: NftRule,
    index: number,
    outer: Conjunction,
    base: BaseChain,
    depth: number,
  ): boolean {
    let scope = outer;
    let prefix: string | undefined;
    let decided = false;
    for (const statement of rule.statements) {
      if (statement.kind === 'log') prefix = statement.prefix?.trim();
      if (statement.kind === 'match') {
        const narrowing = this.#narrow(chain, scope, statement);
        if (typeof narrowing === 'string') {
          this.#leaveOut(ruleText(chain, rule), narrowing);
          return !this.#isReturn(rule);
        }
        if (narrowing === undefined) return true;
        scope = narrowing;
      }
      if (statement.kind === 'unknown') {
        this.#leaveOut(ruleText(chain, rule), `a policy has nothing like "${statement.text}"`);
        return !this.#isReturn(rule);
      }
      const name = ruleName(chain, rule, index, prefix);
      if (statement.kind === 'verdictMap') {
        decided = true;
        for (const { value, verdict } of statement.entries) {
          const match = { kind: 'match', key: statement.key, negated: false, values: [value] } as const;
          const narrowing = this.#narrow(chain, scope, match);
          if (typeof narrowing === 'string') this.#leaveOut(`${ruleText(chain, rule)} (${value})`, narrowing);
          else if (narrowing !== undefined)
            this.#verdict(`${name} ${value}`, chain, rule, verdict, narrowing, base, depth, prefix);
        }
      }
      if (statement.kind === 'verdict') {
        if (statement.verdict.kind === 'return') return this.#return(chain, rule, scope, outer);
        decided = true;
        this.#verdict(name, chain, rule, statement.verdict, scope, base, depth, prefix);
        break;
      }
    }
    if (!decided) this.#notes.add(`${ruleText(chain, rule)}: it decides nothing`);
    return true;
  }

  #isReturn({ statements }: NftRule): boolean {
    return statements.some(
      ({ kind, ...rest }) => kind === 'verdict' && 'verdict' in rest && rest.verdict.kind === 'return',
    );
  }

  /** A return for all that comes here ends the chain; one for a part of it cannot be said. */
  #return(chain: NftChain, rule: NftRule, scope: Conjunction, outer: Conjunction): boolean {
    if (scope === outer) return false;
    this.#leaveOut(ruleText(chain, rule), 'a policy has no return for a part of the traffic');
    return false;
  }

  #verdict(
    name: string,
    chain: NftChain,
    rule: NftRule,
    verdict: NftVerdict,
    scope: Conjunction,
    base: BaseChain,
    depth: number,
    prefix: string | undefined,
  ): void {
    if (!('chain' in verdict)) {
      if (verdict.kind !== 'return') this.#decide(name, { kind: verdict.kind }, scope, base, rule, prefix);
      return;
    }
    const target = this.#ruleset.chains.find(
      (each) => each.family === chain.family && each.table === chain.table && each.name === verdict.chain,
    );
    if (target === undefined || depth >= JUMPS_MAX) {
      this.#leaveOut(ruleText(chain, rule), `there is no chain "${verdict.chain}", or it jumps in a circle`);
      return;
    }
    this.#walk(target, scope, base, depth + 1);
    if (verdict.kind === 'goto')
      this.#decide(
        `${name} end`,
        { kind: base.chain.base?.policy ?? 'accept' },
        scope,
        base,
        rule,
        undefined,
      );
  }

  #decide(
    name: string,
    { kind }: { readonly kind: 'accept' | 'drop' },
    scope: Conjunction,
    base: BaseChain,
    rule: NftRule | undefined,
    prefix: string | undefined,
  ): void {
    const what = rule === undefined ? name : ruleText(base.chain, rule);
    if (base.later !== undefined && kind === 'accept') {
      base.hasAccepted = true;
      this.#leaveOut(what, `what ${nameOf(base.chain)} accepts is decided by ${nameOf(base.later)}`);
      return;
    }
    if (base.later !== undefined && base.hasAccepted) {
      this.#leaveOut(what, `${nameOf(base.chain)} accepts a part of it before`);
      return;
    }
    if (this.#draft.rules.length >= RULES_MAX || this.#draft.groups.length >= GROUPS_MAX) {
      this.#leaveOut(what, `a policy has at most ${RULES_MAX} rules and ${GROUPS_MAX} groups`);
      return;
    }
    const services = scope.services === undefined ? [ANY] : scope.services.map(formatServiceMember);
    const ends = endsOf(scope);
    this.#draft.add({
      name: name.slice(0, NAME_CHARACTERS_MAX - 6),
      from: { members: ends.from, name: scope.fromName },
      to: { members: ends.to, name: scope.toName },
      services: services.length === 0 ? [ANY] : services,
      action: kind === 'accept' ? 'allow' : 'deny',
      ...(rule?.comment === undefined ? {} : { comment: rule.comment }),
      ...(prefix === undefined || prefix === '' || kind === 'accept' ? {} : { firewall: prefix }),
    });
  }

  /**
   * A text is the reason why it cannot be said; undefined: nothing matches it, or nothing that needs a
   * rule.
   */
  #narrow(
    chain: NftChain,
    scope: Conjunction,
    statement: Extract<NftStatement, { kind: 'match' }>,
  ): Conjunction | string | undefined {
    const { key, negated } = statement;
    if (key === 'ct state') return this.#state(scope, statement);
    if (key === 'iifname' || key === 'iif') return this.#interface(scope, statement, 'from');
    if (key === 'oifname' || key === 'oif') return this.#interface(scope, statement, 'to');
    const resolved = this.#resolve(chain, statement.values);
    if (typeof resolved === 'string') return resolved;
    const set =
      statement.values.length === 1 && statement.values[0]?.startsWith('@')
        ? statement.values[0].slice(1)
        : undefined;
    const result: Narrowing = narrowed(scope, key, negated, resolved, set);
    return result.kind === 'narrowed' ? result.scope : result.kind === 'empty' ? undefined : result.reason;
  }

  /** Replies are judged with the connection that they answer, so only new connections concern a policy. */
  #state(scope: Conjunction, { negated, values }: Extract<NftStatement, { kind: 'match' }>) {
    const isNew = values.includes('new') !== negated;
    if (isNew) return scope;
    if (negated || values.some((value) => value !== 'established' && value !== 'related'))
      return `flows do not tell the state ${values.join(', ')}`;
    this.#notes.add('ct state established, related: replies are judged with the connection that they answer');
    return undefined;
  }

  #interface(
    scope: Conjunction,
    { negated, values }: Extract<NftStatement, { kind: 'match' }>,
    end: 'from' | 'to',
  ): Conjunction | string {
    if (negated) return `a policy has no "all interfaces but ${values.join(', ')}"`;
    const members: string[] = [];
    for (const name of values) {
      const known = name === 'lo' ? ['127.0.0.0/8', '::1'] : this.#options.interfaces?.[name];
      if (known === undefined)
        this.#notes.add(
          `which networks are behind the interface ${name} is not known: its group is empty, and its rules match nothing (--interface ${name}=NETWORK,NETWORK)`,
        );
      members.push(...(known ?? []));
    }
    if (scope[end] !== undefined && scope[`${end}Name`] !== THIS_HOST) {
      this.#notes.add(`${values.join(', ')}: beside addresses, the interface is not looked at`);
      return scope;
    }
    // What this machine sends leaves by an interface, what it receives came by one: the other end is behind
    // it.
    if (scope[`${end}Name`] === THIS_HOST) return scope;
    return { ...scope, [end]: members, [`${end}Name`]: values.join(', ') };
  }

  /** Values with the elements of the sets that they name. */
  #resolve({ family, table }: NftChain, values: readonly string[]): string[] | string {
    const resolved: string[] = [];
    for (const value of values) {
      if (!value.startsWith('@')) resolved.push(value);
      else {
        const elements = this.#ruleset.sets.get(`${family} ${table} ${value.slice(1)}`);
        if (elements === undefined) return `there is no set ${value}`;
        resolved.push(...elements);
      }
    }
    return resolved;
  }

  #leaveOut(what: string, reason: string): void {
    this.#notMapped.push({ what, reason });
  }
}

class BaseChain {
  readonly chain: NftChain;
  readonly later: NftChain | undefined;
  hasAccepted = false;

  constructor(chain: NftChain, later: NftChain | undefined) {
    this.chain = chain;
    this.later = later;
  }
}

const nameOf = ({ family, table, name }: NftChain) => `${family} ${table} ${name}`;
const ruleText = (chain: NftChain, rule: NftRule) => `${nameOf(chain)}: ${rule.text}`;

/** The log's prefix is what drop records call the rule. */
function ruleName(chain: NftChain, rule: NftRule, index: number, prefix: string | undefined): string {
  if (prefix !== undefined && prefix !== '') return prefix;
  if (rule.comment !== undefined && rule.comment !== '') return rule.comment;
  const words = rule.statements.map(statementText).filter((text) => text !== '');
  return `${chain.name} ${index + 1}: ${words.join(' ')}`;
}

function familiesOf(family: string): readonly ('ipv4' | 'ipv6')[] {
  if (family === 'ip') return ['ipv4'];
  return family === 'ip6' ? ['ipv6'] : ['ipv4', 'ipv6'];
}

function sharesFamily(one: NftChain, other: NftChain): boolean {
  return familiesOf(one.family).some((family) => familiesOf(other.family).includes(family));
}

/**
 * The members of both ends. Both ends of a connection are of one family, so that a rule of one family needs
 * it said at one end only: groups stay as they are where that is so.
 */
function endsOf({ from, to, families }: Conjunction): { from: readonly string[]; to: readonly string[] } {
  const [family, ...others] = families;
  if (others.length > 0) return { from: from ?? [ANY], to: to ?? [ANY] };
  const all = [family === 'ipv4' ? IPV4_ALL : IPV6_ALL];
  const isOf = (member: string) => {
    const range = parseRange(member);
    return range !== undefined && isIPv4(range.first) === (family === 'ipv4');
  };
  const isSaid = from === undefined || to === undefined || from.every(isOf) || to.every(isOf);
  if (isSaid) return { from: from ?? all, to: to ?? all };
  return { from: from.filter(isOf), to: to.filter(isOf) };
}
