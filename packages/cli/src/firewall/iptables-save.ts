/** The rules of iptables, from `iptables-save` and `ip6tables-save`. */
import type { Action, FilterChain, FilterRule, FilterTable, Match, Probe } from './packet-filter.ts';

const BASE_CHAIN = 'INPUT';
/** Targets that end the way through the chain; others (LOG, MARK) let the packet go on. */
const VERDICTS: Readonly<Record<string, Action['kind'] & ('accept' | 'drop' | 'return')>> = {
  ACCEPT: 'accept',
  DROP: 'drop',
  REJECT: 'drop',
  RETURN: 'return',
};

/** The filter table; undefined when the text has none. */
export function readIptablesSave(text: string, family: Probe['family']): FilterTable | undefined {
  const filter = /^\*filter$([\s\S]*?)^COMMIT$/m.exec(text)?.[1];
  if (filter === undefined) return undefined;
  const lines = filter.split('\n');
  const chains = new Map<string, FilterChain>();
  for (const line of lines) {
    const [, name, policy] = /^:(\S+) (\S+)/.exec(line) ?? [];
    if (name === undefined) continue;
    const own = lines.filter((rule) => rule.startsWith(`-A ${name} `));
    const base: FilterChain['base'] =
      name === BASE_CHAIN ? { policy: policy === 'DROP' ? 'drop' : 'accept' } : undefined;
    chains.set(name, { name, base, rules: own.map((rule) => ruleOf(rule, chains)) });
  }
  const tool = family === 'ipv4' ? 'iptables' : 'ip6tables';
  return { name: `${tool} filter`, tool, families: [family], chains };
}

function ruleOf(line: string, chains: ReadonlyMap<string, FilterChain>): FilterRule {
  const words = line.match(/"[^"]*"|\S+/g)?.slice(2) ?? [];
  return {
    text: words.join(' '),
    evaluate: (probe) => ({ match: matchOf(words, probe), action: actionOf(words, chains) }),
  };
}

function actionOf(words: readonly string[], chains: ReadonlyMap<string, FilterChain>): Action {
  const at = words.findIndex((word) => word === '-j' || word === '-g');
  const target = words[at + 1];
  if (at < 0 || target === undefined) return { kind: 'none' };
  const verdict = VERDICTS[target];
  if (verdict !== undefined) return { kind: verdict };
  if (!chains.has(target)) return { kind: 'none' };
  return { kind: words[at] === '-g' ? 'goto' : 'jump', chain: target };
}

function matchOf(words: readonly string[], probe: Probe): Match {
  let match: Match = 'yes';
  let negated = false;
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? '';
    if (word === '-j' || word === '-g') break;
    if (word === '!') negated = true;
    if (!word.startsWith('-')) continue;
    const found = matchOfOption(word, words[index + 1] ?? '', probe);
    const taken = negated ? opposite(found) : found;
    negated = false;
    if (taken === 'no') return 'no';
    if (taken === 'some') match = 'some';
  }
  return match;
}

function matchOfOption(option: string, value: string, { transport, port }: Probe): Match {
  switch (option) {
    case '-m':
    case '--match':
    case '--comment':
      return 'yes';
    case '-p':
      return value === transport || value === 'all' ? 'yes' : 'no';
    case '-i':
      return value === 'lo' ? 'no' : 'some';
    case '--dport':
    case '--dports':
      return value.split(',').some((part) => isInRange(part, port)) ? 'yes' : 'no';
    case '--ctstate':
    case '--state':
      return value.split(',').includes('NEW') ? 'yes' : 'no';
    case '--dst-type':
      return value === 'LOCAL' ? 'yes' : 'some';
    default:
      return 'some';
  }
}

function isInRange(text: string, port: number): boolean {
  const [from = '', to = from] = text.split(':');
  return port >= Number(from) && port <= Number(to);
}

function opposite(match: Match): Match {
  if (match === 'some') return 'some';
  return match === 'yes' ? 'no' : 'yes';
}
