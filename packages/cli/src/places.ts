/**
 * Where the program's own files are. In the package that `npm run build` makes, cli/lib stands for cli/src and all
 * other sources, so that these paths hold there as well.
 */
import path from 'node:path';

/** The executable, for processes that Weir starts itself. */
export const WEIR_PROGRAM = path.resolve(import.meta.dirname, '../bin/weir.js');
/** The built console. */
export const CONSOLE_DIRECTORY = path.resolve(import.meta.dirname, '../../console/dist');
