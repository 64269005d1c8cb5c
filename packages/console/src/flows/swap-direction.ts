import { fieldNamed } from '@weir/analysis';

const OPPOSITE: Readonly<Record<string, string>> = {
  src: 'dst',
  dst: 'src',
  source: 'destination',
  destination: 'source',
  dest: 'source',
  input: 'output',
  output: 'input',
  ingress: 'egress',
  egress: 'ingress',
};
/** Strings are left alone; the words between them are what may have two sides. */
const STRING_OR_WORD = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[\p{L}_][\p{L}\p{N}_-]*/giu;

/** The name of the field on the other side: `dstPort` for `srcPort`; the same where a field has no sides. */
export function oppositeField(name: string): string {
  const [field = '', ...lengths] = name.split('/');
  const swapped = field
    .replace(/^(?:src|dst)(?=[A-Z])/, (side) => (side === 'src' ? 'dst' : 'src'))
    .replace(/^(?:in|out)(?=If|Vrf)/, (side) => (side === 'in' ? 'out' : 'in'));
  return [swapped, ...lengths].join('/');
}

/** The filter that asks for the other direction of what `filter` asks for: sources become destinations. */
export function swapDirection(filter: string): string {
  return filter.replace(STRING_OR_WORD, (word: string, offset: number, text: string) => {
    if (word.startsWith('"') || word.startsWith("'")) return word;
    const lower = word.toLowerCase();
    // `in` before a list is no side.
    if (lower === 'out') return 'in';
    if (lower === 'in') return /^\s+(?:if|interface|mac)\b/i.test(text.slice(offset + 2)) ? 'out' : word;
    const opposite = OPPOSITE[lower];
    if (opposite !== undefined) return opposite;
    const field = fieldNamed(word)?.name;
    if (field === undefined) return word;
    const other = oppositeField(field);
    return other === field ? word : other;
  });
}
