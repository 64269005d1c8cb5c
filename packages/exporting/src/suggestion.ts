/** ` (did you mean "Direction"?)` when one of `known` is close to `found`; else the empty string. */
export function suggestion(found: string, known: readonly string[]): string {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(found.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(found.toLowerCase(), candidate.toLowerCase());
    if (distance >= bestDistance) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best === undefined ? '' : ` (did you mean "${best}"?)`;
}

/** Names longer than this are cut before they are compared: the cost is the product of both lengths. */
const COMPARED_LENGTH_MAX = 64;

/** Levenshtein distance. */
function editDistance(left: string, right: string): number {
  const a = left.slice(0, COMPARED_LENGTH_MAX);
  const b = right.slice(0, COMPARED_LENGTH_MAX);
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
