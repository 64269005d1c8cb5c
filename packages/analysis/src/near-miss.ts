/** Words that somebody may have meant: for messages about a word that is none. */

const SUGGESTIONS_MAX = 3;

/** At most three of `candidates` that are close to `word`, the closest first; case does not count. */
export function nearMisses(word: string, candidates: Iterable<string>): string[] {
  const wanted = word.toLowerCase();
  const distanceMax = wanted.length <= 3 ? 1 : 2;
  const found: { candidate: string; distance: number }[] = [];
  for (const candidate of candidates) {
    const distance = closeness(wanted, candidate.toLowerCase());
    if (distance <= distanceMax) found.push({ candidate, distance });
  }
  found.sort((a, b) => a.distance - b.distance);
  return found.slice(0, SUGGESTIONS_MAX).map(({ candidate }) => candidate);
}

/** `; did you mean "srcPort"?`, or nothing. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const words = nearMisses(word, candidates).map((each) => JSON.stringify(each));
  return words.length === 0 ? '' : `; did you mean ${words.join(' or ')}?`;
}

/** A beginning of at least three characters is as close as one slip. */
function closeness(wanted: string, candidate: string): number {
  if (wanted.length >= 3 && candidate.startsWith(wanted)) return 1;
  return Math.abs(wanted.length - candidate.length) > 2
    ? Number.POSITIVE_INFINITY
    : editDistance(wanted, candidate);
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function editDistance(left: string, right: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const row = [i];
    for (let j = 1; j <= right.length; j++) {
      const replaced = previous[j - 1]! + (left[i - 1] === right[j - 1] ? 0 : 1);
      let best = Math.min(row[j - 1]! + 1, previous[j]! + 1, replaced);
      const swapped = left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1];
      if (i > 1 && j > 1 && swapped) best = Math.min(best, before[j - 2]! + 1);
      row.push(best);
    }
    before = previous;
    previous = row;
  }
  return previous[right.length]!;
}
