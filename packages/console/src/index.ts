/** Where `vite build` puts the console; absent until it was built. */
export const consoleDirectory = new URL('../dist/', import.meta.url);
