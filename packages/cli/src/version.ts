import manifest from '../package.json' with { type: 'json' };

/** Weir's version, which stands in the manifest of this package and nowhere else in the source. */
export const VERSION: string = manifest.version;
