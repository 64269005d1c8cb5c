/** A ruleset of nftables as data: what the text and the JSON of `nft list ruleset` both say. */

/** A set's element or a value: `10.0.0.0/8`, `80-90`, `established`, `@set`. */
export type NftValue = string;

export type NftVerdict =
  | { readonly kind: 'accept' | 'drop' | 'return' }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string };

export type NftStatement =
  | {
      readonly kind: 'match';
      readonly key: string;
      readonly negated: boolean;
      readonly values: readonly NftValue[];
    }
  | { readonly kind: 'verdict'; readonly verdict: NftVerdict }
  | {
      readonly kind: 'verdictMap';
      readonly key: string;
      readonly entries: readonly { readonly value: NftValue; readonly verdict: NftVerdict }[];
    }
  | { readonly kind: 'log'; readonly prefix: string | undefined }
  | { readonly kind: 'counter' }
  | { readonly kind: 'unknown'; readonly text: string };

export interface NftRule {
  /** As a person finds it again in the ruleset. */
  readonly text: string;
  readonly comment: string | undefined;
  readonly statements: readonly NftStatement[];
}

export interface NftChain {
  /** `inet`, `ip`, `ip6`, … */
  readonly family: string;
  readonly table: string;
  readonly name: string;
  /** Of chains that packets enter by themselves. */
  readonly base:
    | {
        readonly type: string;
        readonly hook: string;
        readonly priority: number;
        readonly policy: 'accept' | 'drop';
      }
    | undefined;
  readonly rules: readonly NftRule[];
}

export interface NftRuleset {
  readonly chains: readonly NftChain[];
  /** Elements of the named sets, by `FAMILY TABLE NAME`. */
  readonly sets: ReadonlyMap<string, readonly NftValue[]>;
}

type Json = Readonly<Record<string, unknown>>;

/** Reads `nft --json list ruleset` (libnftables-json(5)). Throws a SyntaxError for what is no JSON. */
export function readNftJson(text: string): NftRuleset {
  const items = listOf(objectOf(JSON.parse(text))['nftables']).map(objectOf);
  const named = (kind: string) =>
    items.flatMap((item) => (item[kind] === undefined ? [] : [objectOf(item[kind])]));
  const rules = named('rule');
  const chains = named('chain').map((chain): NftChain => {
    const [family, table, name] = ['family', 'table', 'name'].map((key) => String(chain[key]));
    const own = rules.filter(
      (rule) => rule['family'] === family && rule['table'] === table && rule['chain'] === name,
    );
    return {
      family: family ?? '',
      table: table ?? '',
      name: name ?? '',
      base:
        chain['hook'] === undefined
          ? undefined
          : {
              type: String(chain['type']),
              hook: String(chain['hook']),
              priority: Number(chain['prio'] ?? 0),
              policy: chain['policy'] === 'drop' ? 'drop' : 'accept',
            },
      rules: own.map(ruleOf),
    };
  });
  const sets = [...named('set'), ...named('map')].map((set): [string, readonly NftValue[]] => [
    `${String(set['family'])} ${String(set['table'])} ${String(set['name'])}`,
    listOf(set['elem']).flatMap(valuesOf),
  ]);
  return { chains, sets: new Map(sets) };
}

function ruleOf(rule: Json): NftRule {
  const statements = listOf(rule['expr']).map((each) => statementOf(objectOf(each)));
  const comment = typeof rule['comment'] === 'string' ? rule['comment'] : undefined;
  const words = statements.map(statementText).filter((each) => each !== '');
  return { text: `${words.join(' ')} # handle ${String(rule['handle'] ?? '?')}`, comment, statements };
}

function statementOf(statement: Json): NftStatement {
  if ('match' in statement) {
    const { op, left, right } = objectOf(statement['match']);
    const key = keyOf(objectOf(left));
    const isPlain = op === '==' || op === '!=' || op === 'in';
    const values = valuesOf(right);
    if (key === undefined || !isPlain || values.length === 0)
      return { kind: 'unknown', text: `match ${JSON.stringify(statement['match'])}`.slice(0, 200) };
    return { kind: 'match', key, negated: op === '!=', values };
  }
  const verdict = verdictOf(statement);
  if (verdict !== undefined) return { kind: 'verdict', verdict };
  if ('counter' in statement) return { kind: 'counter' };
  if ('log' in statement) {
    const { prefix } = objectOf(statement['log']);
    return { kind: 'log', prefix: typeof prefix === 'string' ? prefix : undefined };
  }
  return (
    ('vmap' in statement ? verdictMapOf(objectOf(statement['vmap'])) : undefined) ?? unknownOf(statement)
  );
}

const unknownOf = (statement: Json): NftStatement => ({
  kind: 'unknown',
  text: JSON.stringify(statement).slice(0, 200),
});

function verdictMapOf({ key, data }: Json): NftStatement | undefined {
  const name = keyOf(objectOf(key));
  const pairs = listOf(objectOf(data)['set']).map(listOf);
  if (name === undefined || pairs.length === 0) return undefined;
  const entries = pairs.flatMap(([from, to]) => {
    const verdict = verdictOf(objectOf(to));
    return verdict === undefined ? [] : valuesOf(from).map((value) => ({ value, verdict }));
  });
  return { kind: 'verdictMap', key: name, entries };
}

function verdictOf(statement: Json): NftVerdict | undefined {
  if ('accept' in statement) return { kind: 'accept' };
  if ('drop' in statement || 'reject' in statement) return { kind: 'drop' };
  if ('return' in statement) return { kind: 'return' };
  for (const kind of ['jump', 'goto'] as const) {
    if (kind in statement) return { kind, chain: String(objectOf(statement[kind])['target']) };
  }
  return undefined;
}

function keyOf({ payload, meta, ct }: Json): string | undefined {
  const { protocol, field } = objectOf(payload);
  if (protocol !== undefined && field !== undefined) return `${String(protocol)} ${String(field)}`;
  const { key } = objectOf(meta);
  if (key !== undefined) return metaKey(String(key));
  const state = objectOf(ct);
  return state['key'] === undefined || state['dir'] !== undefined ? undefined : `ct ${String(state['key'])}`;
}

/** Interfaces are known without the word `meta`. */
export function metaKey(key: string): string {
  return ['iif', 'oif', 'iifname', 'oifname'].includes(key) ? key : `meta ${key}`;
}

function valuesOf(value: unknown): NftValue[] {
  if (typeof value === 'string' || typeof value === 'number') return [String(value)];
  if (Array.isArray(value)) return value.flatMap(valuesOf);
  const { set, range, prefix, elem } = objectOf(value);
  if (set !== undefined) return valuesOf(set);
  if (elem !== undefined) return valuesOf(objectOf(elem)['val']);
  if (range !== undefined) return [listOf(range).map(String).join('-')];
  const { addr, len } = objectOf(prefix);
  return addr === undefined ? [] : [`${String(addr)}/${String(len)}`];
}

/** As `nft list ruleset` writes it, about. */
export function statementText(statement: NftStatement): string {
  switch (statement.kind) {
    case 'match': {
      const { key, negated, values } = statement;
      const list = values.length === 1 ? values[0] : `{ ${values.join(', ')} }`;
      return `${key}${negated ? ' !=' : ''} ${list}`;
    }
    case 'verdict': {
      const { verdict } = statement;
      return 'chain' in verdict ? `${verdict.kind} ${verdict.chain}` : verdict.kind;
    }
    case 'verdictMap':
      return `${statement.key} vmap { … }`;
    case 'log':
      return statement.prefix === undefined ? 'log' : `log prefix "${statement.prefix}"`;
    case 'counter':
      return '';
    case 'unknown':
      return statement.text;
  }
}

function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
