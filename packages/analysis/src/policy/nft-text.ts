/** Reads the text of `nft list ruleset`. What it does not understand of a rule is kept as its words. */
import { UserError } from '@weir/base';
import {
  metaKey,
  type NftChain,
  type NftRule,
  type NftRuleset,
  type NftStatement,
  type NftValue,
  type NftVerdict,
} from './nft-ruleset.ts';

interface Token {
  readonly text: string;
  readonly quoted: boolean;
  readonly line: number;
}

/** Quoted texts; operators; punctuation; the end of a line; words, in which addresses have colons. */
const TOKEN = /"((?:[^"\\]|\\.)*)"|([!=<>]=)|([{},;=])|(\n)|([^\s{},;="]+)/g;
const PRIORITIES: Readonly<Record<string, number>> = {
  raw: -300,
  mangle: -150,
  dstnat: -100,
  filter: 0,
  security: 50,
  srcnat: 100,
};

/** Throws UserError `ruleset_invalid` with the line where it ends too early or holds what no ruleset has. */
export function readNftText(text: string): NftRuleset {
  const reader = new RulesetReader(tokensOf(text.replace(/^\s*#.*$/gm, '')));
  reader.read();
  return { chains: reader.chains, sets: reader.sets };
}

function tokensOf(text: string): Token[] {
  let line = 1;
  return [...text.matchAll(TOKEN)].map((match) => {
    const token = { text: match[1] ?? match[0], quoted: match[1] !== undefined, line };
    if (match[0] === '\n') line += 1;
    return token;
  });
}

class RulesetReader {
  readonly chains: NftChain[] = [];
  readonly sets = new Map<string, readonly NftValue[]>();
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  read(): void {
    for (;;) {
      this.#skipEnds();
      const token = this.#peek();
      if (token === undefined) return;
      if (token.text !== 'table') throw this.#error(`found "${token.text}"; allowed: table`);
      this.#table();
    }
  }

  #table(): void {
    this.#at += 1;
    const head = this.#until('{');
    const [family = 'ip', table = ''] =
      head.length === 1 ? ['ip', head[0]?.text] : head.map(({ text }) => text);
    for (;;) {
      this.#skipEnds();
      const token = this.#next();
      if (token.text === '}') return;
      if (token.text === 'chain') this.#chain(family, table);
      else if (token.text === 'set' || token.text === 'map') this.#set(family, table);
      else this.#skipObject();
    }
  }

  /** `counter denied { … }`, `flags dormant`. */
  #skipObject(): void {
    for (;;) {
      const { text } = this.#next();
      if (text === '\n' || text === ';') return;
      if (text === '{') return void this.#braced();
    }
  }

  #set(family: string, table: string): void {
    const [name] = this.#until('{');
    const body = this.#braced();
    const at = body.findIndex(({ text, quoted }) => text === 'elements' && !quoted);
    const open = body.findIndex(({ text }, index) => index > at && text === '{');
    const close = body.findIndex(({ text }, index) => index > open && text === '}');
    const elements =
      at < 0 || open < 0 ? [] : elementsOf(body.slice(open + 1, close < 0 ? undefined : close));
    this.sets.set(
      `${family} ${table} ${name?.text ?? ''}`,
      elements.flatMap(([first]) => (first === undefined ? [] : [first.text])),
    );
  }

  #chain(family: string, table: string): void {
    const [name] = this.#until('{');
    const rules: NftRule[] = [];
    let base: NftChain['base'];
    for (;;) {
      const line = this.#ruleTokens();
      if (line === undefined) break;
      if (line.length === 0) continue;
      const [first] = line;
      if (first?.text === 'type' && line.some(({ text }) => text === 'hook')) base = baseOf(line, base);
      else if (first?.text === 'policy') base = withPolicy(base, line[1]?.text);
      else if (first?.text !== 'comment') rules.push(readRule(line));
    }
    this.chains.push({ family, table, name: name?.text ?? '', base, rules });
  }

  /**
   * The tokens up to the end of the line or `;`; undefined at the end of the chain. Braces may span lines.
   */
  #ruleTokens(): Token[] | undefined {
    const tokens: Token[] = [];
    let depth = 0;
    for (;;) {
      const token = this.#next();
      const { text, quoted } = token;
      if (!quoted && depth === 0 && text === '}') {
        if (tokens.length === 0) return undefined;
        this.#at -= 1;
        return tokens;
      }
      if (!quoted && depth === 0 && (text === '\n' || text === ';')) return tokens;
      if (!quoted && text === '{') depth += 1;
      if (!quoted && text === '}') depth -= 1;
      if (quoted || text !== '\n') tokens.push(token);
    }
  }

  #braced(): Token[] {
    const tokens: Token[] = [];
    for (let depth = 1; ; ) {
      const token = this.#next();
      if (!token.quoted && token.text === '{') depth += 1;
      if (!token.quoted && token.text === '}') depth -= 1;
      if (depth === 0) return tokens;
      if (token.text !== '\n') tokens.push(token);
    }
  }

  #until(end: string): Token[] {
    const tokens: Token[] = [];
    for (;;) {
      const token = this.#next();
      if (token.text === end && !token.quoted) return tokens;
      if (token.text !== '\n') tokens.push(token);
    }
  }

  #skipEnds(): void {
    while (this.#peek()?.text === '\n' || this.#peek()?.text === ';') this.#at += 1;
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#at];
  }

  #next(): Token {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw this.#error('it ends before its braces are closed');
    this.#at += 1;
    return token;
  }

  #error(message: string): UserError {
    const line = this.#tokens[Math.min(this.#at, this.#tokens.length - 1)]?.line ?? 1;
    return new UserError('ruleset_invalid', `nftables, line ${line}: ${message}`, 2);
  }
}

function baseOf(tokens: readonly Token[], known: NftChain['base']): NftChain['base'] {
  const after = (word: string) => tokens[tokens.findIndex(({ text }) => text === word) + 1]?.text ?? '';
  const at = tokens.findIndex(({ text }) => text === 'priority');
  const [name = '0', sign = '', offset = '0'] = tokens.slice(at + 1).map(({ text }) => text);
  const base = PRIORITIES[name] ?? Number(name);
  const shift = sign === '+' || sign === '-' ? Number(`${sign}${offset}`) : 0;
  return {
    type: after('type'),
    hook: after('hook'),
    priority: Number.isFinite(base) ? base + shift : 0,
    policy: known?.policy ?? 'accept',
  };
}

function withPolicy(base: NftChain['base'], policy: string | undefined): NftChain['base'] {
  return base === undefined ? undefined : { ...base, policy: policy === 'drop' ? 'drop' : 'accept' };
}

/** What stands between commas. */
function elementsOf(tokens: readonly Token[]): Token[][] {
  const elements: Token[][] = [[]];
  for (const token of tokens) {
    if (token.text === ',' && !token.quoted) elements.push([]);
    else elements.at(-1)?.push(token);
  }
  return elements.filter((element) => element.length > 0);
}

function readRule(tokens: readonly Token[]): NftRule {
  const reader = new RuleReader(tokens);
  const statements = reader.read();
  const text = tokens.map((token) => (token.quoted ? `"${token.text}"` : token.text)).join(' ');
  return { text, comment: reader.comment, statements };
}

const TWO_WORD_KEYS = new Set([
  ...['saddr', 'daddr', 'protocol', 'version'].map((field) => `ip ${field}`),
  ...['saddr', 'daddr', 'nexthdr'].map((field) => `ip6 ${field}`),
  ...['tcp', 'udp', 'sctp', 'dccp', 'udplite', 'th'].flatMap((name) => [`${name} dport`, `${name} sport`]),
  'icmp type',
  'icmpv6 type',
  'ct state',
  'meta l4proto',
  'meta nfproto',
  'meta protocol',
  'meta iif',
  'meta oif',
  'meta iifname',
  'meta oifname',
]);
const ONE_WORD_KEYS = new Set(['iif', 'oif', 'iifname', 'oifname']);
const VERDICTS = new Set(['accept', 'drop', 'reject', 'return', 'jump', 'goto', 'continue']);
const LOG_WORDS = new Set(['group', 'level', 'snaplen', 'queue-threshold', 'flags', 'prefix']);

class RuleReader {
  comment: string | undefined;
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  read(): NftStatement[] {
    const statements: NftStatement[] = [];
    while (this.#at < this.#tokens.length) {
      const statement = this.#statement();
      if (statement !== undefined) statements.push(statement);
    }
    return statements;
  }

  #statement(): NftStatement | undefined {
    const word = this.#word();
    const key = this.#key(word);
    if (key !== undefined) return this.#match(key);
    if (VERDICTS.has(word)) return this.#verdictStatement();
    this.#at += 1;
    switch (word) {
      case 'counter':
        this.#skipCounter();
        return { kind: 'counter' };
      case 'log':
        return this.#log();
      case 'comment':
        this.comment = this.#take();
        return undefined;
      default:
        return { kind: 'unknown', text: [word, ...this.#rest()].join(' ') };
    }
  }

  #key(word: string): string | undefined {
    if (this.#tokens[this.#at]?.quoted === true) return undefined;
    const two = `${word} ${this.#word(1)}`;
    const length = TWO_WORD_KEYS.has(two) ? 2 : ONE_WORD_KEYS.has(word) ? 1 : 0;
    // A concatenation (`ip saddr . tcp dport`) is no key that a policy has.
    if (length === 0 || this.#word(length) === '.') return undefined;
    this.#at += length;
    return length === 1 || !word.startsWith('meta') ? (length === 1 ? word : two) : metaKey(this.#word(-1));
  }

  #match(key: string): NftStatement {
    const operator = this.#word();
    if (operator === 'vmap') {
      this.#at += 1;
      return this.#verdictMap(key);
    }
    const negated = operator === '!=';
    if (negated || operator === '==') this.#at += 1;
    else if (/^[<>]=?$|^&$/.test(operator))
      return { kind: 'unknown', text: [key, ...this.#rest()].join(' ') };
    return { kind: 'match', key, negated, values: this.#values() };
  }

  #values(): NftValue[] {
    if (this.#word() === '{') return elementsOf(this.#braced()).map(([first]) => first?.text ?? '');
    const values = [this.#take()];
    while (this.#word() === ',') {
      this.#at += 1;
      values.push(this.#take());
    }
    return values;
  }

  #verdictMap(key: string): NftStatement {
    if (this.#word() !== '{') return { kind: 'unknown', text: `${key} vmap ${this.#rest().join(' ')}` };
    const entries = elementsOf(this.#braced()).flatMap((tokens) => {
      const [value, colon, verdict, chain] = tokens.map(({ text }) => text);
      const read = colon === ':' ? verdictNamed(verdict ?? '', chain) : undefined;
      return value === undefined || read === undefined ? [] : [{ value, verdict: read }];
    });
    return { kind: 'verdictMap', key, entries };
  }

  #braced(): Token[] {
    const close = this.#tokens.findIndex(
      ({ text, quoted }, index) => index > this.#at && text === '}' && !quoted,
    );
    const inside = this.#tokens.slice(this.#at + 1, close < 0 ? undefined : close);
    this.#at = close < 0 ? this.#tokens.length : close + 1;
    return inside;
  }

  #verdictStatement(): NftStatement | undefined {
    const word = this.#take();
    const verdict = verdictNamed(word, this.#word());
    if (verdict === undefined) return undefined;
    if ('chain' in verdict) this.#at += 1;
    if (word === 'reject') this.#rest();
    return { kind: 'verdict', verdict };
  }

  #skipCounter(): void {
    if (this.#word() === 'name') this.#at += 2;
    while (this.#word() === 'packets' || this.#word() === 'bytes') this.#at += 2;
  }

  #log(): NftStatement {
    let prefix: string | undefined;
    while (LOG_WORDS.has(this.#word())) {
      const word = this.#take();
      const value = this.#take();
      if (word === 'prefix') prefix = value;
    }
    return { kind: 'log', prefix };
  }

  /** The words up to a verdict or the comment. */
  #rest(): string[] {
    const words: string[] = [];
    while (this.#at < this.#tokens.length && !VERDICTS.has(this.#word()) && this.#word() !== 'comment')
      words.push(this.#take());
    return words;
  }

  #word(offset = 0): string {
    return this.#tokens[this.#at + offset]?.text ?? '';
  }

  #take(): string {
    const word = this.#word();
    this.#at += 1;
    return word;
  }
}

function verdictNamed(word: string, chain: string | undefined): NftVerdict | undefined {
  if (word === 'accept' || word === 'drop' || word === 'return') return { kind: word };
  if (word === 'reject') return { kind: 'drop' };
  return word === 'jump' || word === 'goto' ? { kind: word, chain: chain ?? '' } : undefined;
}
