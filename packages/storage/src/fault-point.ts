/**
 * Steps between which a process may die. The crash tests name one in WEIR_STORE_FAULT, and the process kills
 * itself there as `kill -9` would.
 */
export function faultPoint(name: string): void {
  if (process.env['WEIR_STORE_FAULT'] === name) process.kill(process.pid, 'SIGKILL');
}
