import type { QueryResponse } from '../api/contract.ts';
import { formatCount, formatOctets } from '../format/quantity.ts';

/** Where an answer comes from, what it counts, and how far it can be off: nothing of that is to be guessed. */
export function AnswerNotes({ answer }: { answer: QueryResponse }) {
  const { source, notes = [] } = answer;
  const sentences = notes.map(sentence);
  if (source !== undefined) {
    const what = source.source === 'raw' ? 'the records themselves' : 'roll-ups of the records';
    const read = `about ${formatCount(source.rows)} rows, ${formatOctets(source.octets)} of files`;
    sentences.push(sentence(`from ${what}: ${source.why} (${read})`));
    if ((source.errorShare ?? 0) > 0) {
      const percent = ((source.errorShare ?? 0) * 100).toPrecision(2);
      sentences.push(`A group can lack at most ${percent} % of the total.`);
    }
  }
  if (sentences.length === 0) return null;
  return (
    <p className="figures border-line border-t px-3.5 py-2 text-ink-faint text-xs">{sentences.join(' ')}</p>
  );
}

function sentence(text: string): string {
  const start = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(start) ? start : `${start}.`;
}
