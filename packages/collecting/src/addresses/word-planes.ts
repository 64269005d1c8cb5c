/**
 * Lists of words in a form that compresses well: the difference of each word to the one a stride before it,
 * the first octets of all, then the second ones, and so on.
 */

/** `stride`: words of an item; differences are taken between items. */
export function packWords(words: Uint32Array, stride: number): Uint8Array {
  const { length } = words;
  const octets = new Uint8Array(length * 4);
  for (let at = 0; at < length; at += 1) {
    const before = at < stride ? 0 : (words[at - stride] as number);
    const difference = ((words[at] as number) - before) >>> 0;
    const place = planePlace(at, stride, length);
    for (let plane = 0; plane < 4; plane += 1) octets[plane * length + place] = difference >>> (8 * plane);
  }
  return octets;
}

/** The inverse of packWords, into `words`. */
export function unpackWords(octets: Uint8Array, stride: number, words: Uint32Array): void {
  const { length } = words;
  for (let at = 0; at < length; at += 1) {
    const place = planePlace(at, stride, length);
    let word = at < stride ? 0 : (words[at - stride] as number);
    for (let plane = 0; plane < 4; plane += 1) {
      word += (octets[plane * length + place] as number) << (8 * plane);
    }
    words[at] = word;
  }
}

/** All first words of the items stand together, then all second ones. */
function planePlace(at: number, stride: number, length: number): number {
  return (at % stride) * (length / stride) + Math.floor(at / stride);
}
