/** The rules of nftables, from `nft --json list ruleset` (libnftables-json(5)). */
import type { Action, FilterChain, FilterRule, FilterTable, Match, Probe } from './packet-filter.ts';

type Json = Readonly<Record<string, unknown>>;
/** Elements of the named sets of a table. */
type Sets = ReadonlyMap<string, readonly unknown[]>;

const FAMILIES: Readonly<Record<string, readonly Probe['family'][]>> = {
  inet: ['ipv4', 'ipv6'],
  ip: ['ipv4'],
  ip6: ['ipv6'],
};
const HOOKS = ['prerouting', 'input'];

/** The tables that packets to this machine pass, by priority. What is not understood matches some packets. */
export function readNftRuleset(text: string): FilterTable[] {
  const items = listOf(objectOf(JSON.parse(text))['nftables']).map(objectOf);
  const chains = items.flatMap(({ chain }) => (chain === undefined ? [] : [objectOf(chain)]));
  const rules = items.flatMap(({ rule }) => (rule === undefined ? [] : [objectOf(rule)]));
  const sets = items.flatMap(({ set, map }) => (set === undefined ? (map ?? []) : set)).map(objectOf);
  const tables = items.flatMap(({ table }) => (table === undefined ? [] : [objectOf(table)]));
  return tables
    .filter(({ family }) => FAMILIES[String(family)] !== undefined)
    .map((table) => {
      const isOf = (item: Json) => item['family'] === table['family'] && item['table'] === table['name'];
      const known: Sets = new Map(
        sets.filter(isOf).map((set) => [`@${String(set['name'])}`, listOf(set['elem'])]),
      );
      const own = chains.filter(isOf).map((chain) => chainOf(chain, rules.filter(isOf), known));
      return {
        name: `${String(table['family'])} ${String(table['name'])}`,
        tool: 'nft',
        families: FAMILIES[String(table['family'])] ?? [],
        chains: new Map(own.map((chain) => [chain.name, chain])),
      };
    });
}

function chainOf(chain: Json, rules: readonly Json[], sets: Sets): FilterChain {
  const name = String(chain['name']);
  const isBase = chain['type'] === 'filter' && HOOKS.includes(String(chain['hook']));
  return {
    name,
    rules: rules.filter((rule) => rule['chain'] === name).map((rule) => ruleOf(rule, sets)),
    base: isBase ? { policy: chain['policy'] === 'drop' ? 'drop' : 'accept' } : undefined,
  };
}

function ruleOf(rule: Json, sets: Sets): FilterRule {
  const statements = listOf(rule['expr']).map(objectOf);
  const comment = rule['comment'] === undefined ? '' : ` comment "${String(rule['comment'])}"`;
  const words = statements.map(describeStatement).filter((word) => word !== '');
  return {
    text: `${words.join(' ')}${comment} # handle ${String(rule['handle'])}`,
    evaluate(probe) {
      let match: Match = 'yes';
      for (const statement of statements) {
        const action = actionOf(statement, probe);
        if (action !== undefined) return { match, action };
        match = both(match, matchOf(statement, probe, sets));
        if (match === 'no') break;
      }
      return { match, action: { kind: 'none' } };
    },
  };
}

function both(one: Match, other: Match): Match {
  if (one === 'no' || other === 'no') return 'no';
  return one === 'some' || other === 'some' ? 'some' : 'yes';
}

function actionOf(statement: Json, probe: Probe): Action | undefined {
  if ('accept' in statement) return { kind: 'accept' };
  if ('drop' in statement || 'reject' in statement) return { kind: 'drop' };
  if ('return' in statement) return { kind: 'return' };
  for (const kind of ['jump', 'goto'] as const) {
    if (kind in statement) return { kind, chain: String(objectOf(statement[kind])['target']) };
  }
  return 'vmap' in statement ? mappedAction(objectOf(statement['vmap']), probe) : undefined;
}

/** The verdict that a map has for the probe; where that depends, none. */
function mappedAction({ key, data }: Json, probe: Probe): Action | undefined {
  const value = knownValue(objectOf(key), probe);
  if (value === undefined) return undefined;
  const found = listOf(objectOf(data)['set'])
    .map(listOf)
    .find(([from]) => contains(from, value, new Map()) === 'yes');
  return found === undefined ? { kind: 'none' } : actionOf(objectOf(found[1]), probe);
}

/** Statements that are no match: they pass everything, or (limit) some of it. */
const PASSING = ['counter', 'log', 'mangle', 'notrack', 'meter', 'comment'];

function matchOf(statement: Json, probe: Probe, sets: Sets): Match {
  if (!('match' in statement)) return PASSING.some((name) => name in statement) ? 'yes' : 'some';
  const { op, left, right } = objectOf(statement['match']);
  const value = knownValue(objectOf(left), probe);
  if (value === undefined) return 'some';
  const inside = contains(right, value, sets);
  return op === '!=' ? opposite(inside) : inside;
}

function opposite(match: Match): Match {
  if (match === 'some') return 'some';
  return match === 'yes' ? 'no' : 'yes';
}

const NO_SUCH_FIELD = Symbol('no such field');
/** Protocols by name, as nft prints them, and the number that some versions print. */
const PROTOCOL_NUMBERS: Readonly<Record<string, number>> = { tcp: 6, udp: 17 };

/** What the probe has for an expression: values that are equal; undefined where it leaves it open. */
function knownValue(expression: Json, probe: Probe): readonly unknown[] | undefined {
  const { transport, port, family } = probe;
  const protocol = [transport, PROTOCOL_NUMBERS[transport]];
  const payload = objectOf(expression['payload']);
  const header = payload['protocol'];
  const field = payload['field'];
  if (header === 'udp' || header === 'tcp' || header === 'th') {
    if (header !== 'th' && header !== transport) return [NO_SUCH_FIELD];
    return field === 'dport' ? [port] : undefined;
  }
  if (header === 'icmp' || header === 'icmpv6' || header === 'arp') return [NO_SUCH_FIELD];
  if (header === 'ip' || header === 'ip6') {
    if ((header === 'ip') !== (family === 'ipv4')) return [NO_SUCH_FIELD];
    return field === 'protocol' || field === 'nexthdr' ? protocol : undefined;
  }
  if (objectOf(expression['ct'])['key'] === 'state') return ['new'];
  switch (objectOf(expression['meta'])['key']) {
    case 'l4proto':
      return protocol;
    case 'nfproto':
      return [family];
    case 'iif':
    case 'iifname':
      return ['some interface that is not lo'];
    default:
      return undefined;
  }
}

/** Whether the right side of a match has the value: a value, a range, a set, a flag or a named set. */
function contains(right: unknown, value: readonly unknown[], sets: Sets): Match {
  if (value[0] === NO_SUCH_FIELD) return 'no';
  if (Array.isArray(right)) return any(right, value, sets);
  if (typeof right === 'string' && right.startsWith('@')) return any(sets.get(right) ?? [], value, sets);
  if (typeof right !== 'object' || right === null) {
    if (value.includes(right)) return 'yes';
    return value[0] === 'some interface that is not lo' && right !== 'lo' ? 'some' : 'no';
  }
  const { set, range, elem } = objectOf(right);
  if (set !== undefined) return any(listOf(set), value, sets);
  if (elem !== undefined) return contains(objectOf(elem)['val'], value, sets);
  if (range === undefined) return 'some';
  const [from, to] = listOf(range);
  const [number] = value;
  return typeof number === 'number' && number >= Number(from) && number <= Number(to) ? 'yes' : 'no';
}

function any(members: readonly unknown[], value: readonly unknown[], sets: Sets): Match {
  const matches = members.map((member) => contains(member, value, sets));
  if (matches.includes('yes')) return 'yes';
  return matches.includes('some') ? 'some' : 'no';
}

/** Near to what `nft list ruleset` prints; enough to find the rule. */
function describeStatement(statement: Json): string {
  if ('match' in statement) {
    const { op, left, right } = objectOf(statement['match']);
    const operator = op === '==' || op === 'in' ? ' ' : ` ${String(op)} `;
    return `${describeValue(left)}${operator}${describeValue(right)}`;
  }
  const [name] = Object.keys(statement);
  if (name === 'jump' || name === 'goto') return `${name} ${String(objectOf(statement[name])['target'])}`;
  return name === 'counter' || name === 'log' || name === undefined ? '' : name;
}

function describeValue(value: unknown): string {
  if (Array.isArray(value)) return value.map(describeValue).join(',');
  if (typeof value !== 'object' || value === null) return String(value);
  const { payload, meta, ct, set, range, prefix } = objectOf(value);
  if (payload !== undefined)
    return `${String(objectOf(payload)['protocol'])} ${String(objectOf(payload)['field'])}`;
  if (meta !== undefined) return String(objectOf(meta)['key']);
  if (ct !== undefined) return `ct ${String(objectOf(ct)['key'])}`;
  if (set !== undefined) return `{ ${listOf(set).map(describeValue).join(', ')} }`;
  if (range !== undefined) return listOf(range).map(describeValue).join('-');
  if (prefix !== undefined) return `${String(objectOf(prefix)['addr'])}/${String(objectOf(prefix)['len'])}`;
  return '…';
}

function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
