/**
 * Colours of the lines of a chart: a categorical set that people with any of the common colour-vision
 * deficiencies can tell apart (after Okabe and Ito), each as a CSS variable so that both themes choose
 * their own lightness. Vermillion is not in it: it means "dropped" and nothing else.
 */
export const SERIES_COLOURS = [
  '--series-blue',
  '--series-amber',
  '--series-green',
  '--series-pink',
  '--series-sky',
  '--series-olive',
  '--series-indigo',
  '--series-brown',
] as const;
export const OTHER_COLOUR = '--series-other';

/**
 * Gives each key a colour. A key in `fixed` always has that one; a key that had a colour keeps it;
 * the others take the colours that are free, in the order of the set. `previous` is not changed.
 */
export function assignColours(
  keys: readonly string[],
  previous: ReadonlyMap<string, string>,
  fixed: Readonly<Record<string, string>> = {},
): Map<string, string> {
  const colours = new Map<string, string>();
  const used = new Set<string>();
  const take = (key: string, colour: string | undefined): void => {
    if (colour === undefined || colours.has(key) || used.has(colour)) return;
    colours.set(key, colour);
    used.add(colour);
  };
  for (const key of keys) take(key, fixed[key]);
  for (const key of keys) take(key, previous.get(key));
  for (const key of keys) {
    if (colours.has(key)) continue;
    const free = SERIES_COLOURS.find((colour) => !used.has(colour));
    if (free === undefined) colours.set(key, OTHER_COLOUR);
    else take(key, free);
  }
  return colours;
}
